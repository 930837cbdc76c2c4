"""The conda recipe says what pyproject.toml says, under conda's names."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPE = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text())
CONDA_NAMES = {"PyJWT": "pyjwt", "xxhash": "python-xxhash", "duckdb": "python-duckdb"}


def as_conda(requirements):
    """Requirements of pip as conda has them."""
    split = [requirement.partition(">=") for requirement in requirements]
    return [f"{CONDA_NAMES.get(name, name)} >={version}" for name, _, version in split]


def test_it_is_this_version_for_these_pythons():
    assert RECIPE["context"]["version"] == PROJECT["version"]
    assert ">=" + RECIPE["context"]["python_min"] == PROJECT["requires-python"]
    assert RECIPE["package"]["name"] == PROJECT["name"]
    assert RECIPE["about"]["summary"] == PROJECT["description"]
    assert RECIPE["about"]["license"] == PROJECT["license"]
    assert (ROOT / "recipe" / RECIPE["source"]["path"] / RECIPE["about"]["license_file"]).is_file()


def test_it_needs_what_the_package_needs():
    python, *needed = RECIPE["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert needed == as_conda(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    assert RECIPE["requirements"]["run_constraints"] == as_conda(extras["local"] + extras["cli"])
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert as_conda(build)[0] in RECIPE["requirements"]["host"]


def test_it_has_the_command_and_tries_it():
    (entry,) = RECIPE["build"]["python"]["entry_points"]
    assert dict([entry.split(" = ")]) == PROJECT["scripts"]
    tried = [test for test in RECIPE["tests"] if "script" in test]
    assert "snowpipe-pandas --version" in tried[0]["script"]
    constrained = {line.split()[0] for line in RECIPE["requirements"]["run_constraints"]}
    assert set(tried[0]["requirements"]["run"]) == constrained
