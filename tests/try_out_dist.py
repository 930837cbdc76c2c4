"""`make dist`: installs each built package into a fresh environment, far from the sources, and loads with it.

The oldest and the newest Python on the path that the package supports are used; PYTHONS="python3.12 ..."
names others.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SMOKE = """
import subprocess, sys
from importlib.metadata import entry_points, version
from importlib.resources import files
from pathlib import Path

import pandas as pd
import snowpipe_pandas as sp

assert Path(sp.__file__).is_relative_to(sys.prefix), sp.__file__
assert files("snowpipe_pandas").joinpath("py.typed").is_file()
assert files("snowpipe_pandas.display").joinpath("style.css").is_file()
assert [e.value for e in entry_points(group="pytest11") if e.name == "snowpipe_pandas"]
with sp.local(commit_lag_s=0.05) as account, sp.connect(account.profile) as client:
    frame = pd.DataFrame({"ID": range(1000), "TEXT": "x"})
    client.sql(frame.snowpipe.ddl("DEMO.PUBLIC.T"))
    result = frame.snowpipe.stream(client.table("DEMO.PUBLIC.T"), load_id="smoke", channels=2, progress=False)
    assert result.rows_in_table == int(client.sql("SELECT COUNT(*) AS N FROM T")["N"][0]) == 1000
command = str(Path(sys.executable).with_name("snowpipe-pandas"))
for call in ([command], [sys.executable, "-m", "snowpipe_pandas"]):
    printed = subprocess.run([*call, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    assert printed == version("snowpipe-pandas") == sys.argv[1], printed
print("snowpipe-pandas", printed, "loads on Python", sys.version.split()[0], "with pandas", pd.__version__)
"""


def pythons():
    """The interpreters to use: those that were named, else the oldest and newest that work."""
    if named := os.environ.get("PYTHONS", "").split():
        return named
    works = [name for minor in range(11, 30) if works_as(name := f"python3.{minor}", minor)]
    return list(dict.fromkeys([works[0], works[-1]])) if works else [sys.executable]


def works_as(name, minor):
    """Whether a command is that Python; a version manager's may be none."""
    if shutil.which(name) is None:
        return False
    code = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    return subprocess.run([name, "-c", code], capture_output=True).returncode == 0


def try_out(package, python, version):
    """Install a package with what it needs for a local load, and load in an empty folder."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SNOWFLAKE"))
    }
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", f"{folder}/venv"], check=True, env=clean)
        own = f"{folder}/venv/bin/python"
        install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = ["-c", str(ROOT / "constraints.txt"), f"{package}[cli,local]"]
        subprocess.run([*install, *wanted], check=True, env=clean, cwd=folder)
        empty = Path(folder, "empty")
        empty.mkdir()
        print(f"{package.name}: ", end="", flush=True)
        subprocess.run(
            [own, "-W", "error", "-c", SMOKE, version], check=True, env=clean, cwd=empty, timeout=300
        )


def main(folder):
    """Try out the wheel and the sdist of a folder."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    packages = sorted(Path(folder).resolve().glob(f"snowpipe_pandas-{version}*"))
    assert [package.suffix for package in packages] == [".whl", ".gz"], packages
    for python in pythons():
        for package in packages:
            try_out(package, python, version)


if __name__ == "__main__":
    main(sys.argv[1])
