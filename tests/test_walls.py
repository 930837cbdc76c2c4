"""The rooms' walls: who may import whom (docs/architecture.md), read from the sources themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import snowpipe_pandas

PACKAGE = Path(snowpipe_pandas.__file__).parent
HTTP = {"requests", "urllib3", "http", "httpx"}
FRAMES = {"pandas", "pyarrow", "numpy"}

FORBIDDEN = {
    # room: what it must not import (rooms of the package, and libraries)
    "auth": {"rows", "rest", "streaming", "display", "api", "embedded", "config", "cli"} | HTTP | FRAMES,
    "rows": {"auth", "rest", "streaming", "display", "api", "embedded", "config", "cli"} | HTTP,
    "rest": {"rows", "streaming", "display", "api", "embedded", "cli", "sql"} | FRAMES,
    "sql": {"rows", "streaming", "display", "api", "auth", "config", "embedded", "cli", "accessor"}
    | HTTP
    | FRAMES,
    "streaming": {"display", "api", "embedded", "cli", "accessor", "auth", "config"} | HTTP,
    "partitions": {"display", "embedded", "cli", "accessor", "auth"} | HTTP | FRAMES,
    "dask": {"rows", "rest", "auth", "config", "embedded", "cli", "accessor"} | HTTP | FRAMES,
    "display": {"rows", "rest", "api", "auth", "config", "embedded", "cli"} | HTTP | FRAMES,
    "api": {"embedded", "cli", "accessor", "auth", "config"} | HTTP | FRAMES,
    "accessor": {"embedded", "cli", "auth", "config"} | HTTP,
    "metrics": {"rows", "rest", "streaming", "display", "api", "auth", "config", "embedded", "cli", "sql"}
    | HTTP
    | FRAMES,
    "config": {"rows", "rest", "streaming", "display", "api", "embedded", "cli"} | HTTP | FRAMES,
    "proof": {"auth", "rest", "streaming", "display", "api", "embedded", "config", "cli", "sql", "accessor"}
    | HTTP,
    "embedded": {"auth", "rest", "streaming", "display", "api", "config", "cli", "accessor"},
}
MAY_CROSS = {
    "sql/frames.py": FRAMES - {"pyarrow"},  # the one module that makes DataFrames
    "rest/client.py": {"sql"},  # `Client.sql`, see below
}
EMBEDDED_MAY_USE = {"arguments", "errors", "names", "rows.types"}


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Every imported module: package modules as dotted names relative to the package, others by root."""
    here = path.relative_to(PACKAGE).with_suffix("").parts
    runtime = ast.parse(path.read_text())
    for node in ast.walk(runtime):
        if isinstance(node, ast.Import):
            yield from (outside(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield outside(node.module)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level]
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            if module:
                yield module
            else:
                yield from (alias.name for alias in node.names)


def outside(module):
    """An absolute import: a library by its root, a module of ours relative to the package."""
    root, _, rest = module.partition(".")
    return rest if root == PACKAGE.name and rest else root


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_nothing_from_beyond_its_walls(path):
    forbidden = FORBIDDEN.get(room(path), set()) - MAY_CROSS.get(path.relative_to(PACKAGE).as_posix(), set())
    crossed = {name for name in imports(path) if name.split(".")[0] in forbidden}
    assert not crossed


@pytest.mark.parametrize("path", [p for p in sources() if room(p) == "embedded"], ids=lambda p: p.stem)
def test_the_local_account_shares_only_names_types_errors_and_checks_with_the_client(path):
    rooms = {p.name for p in PACKAGE.iterdir() if p.is_dir()} | {p.stem for p in PACKAGE.glob("*.py")}
    used = {name for name in imports(path) if name.split(".")[0] in rooms - {"embedded"}}
    assert used <= EMBEDDED_MAY_USE


def test_only_the_cli_and_the_lazy_public_names_know_the_local_account():
    users = {room(path) for path in sources() if "embedded" in {n.split(".")[0] for n in imports(path)}}
    assert users <= {"embedded", "cli", "__init__"}


def test_only_the_adapter_knows_dask_and_only_who_imports_it_needs_it():
    users = {room(path) for path in sources() if {"dask", "distributed"} & set(imports(path))}
    assert users == {"dask"}
    code = "import sys, snowpipe_pandas, snowpipe_pandas.partitions as p; assert 'dask' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_adapter_of_an_engine_stays_thin():
    assert len((PACKAGE / "dask.py").read_text().splitlines()) < 150


def test_a_client_needs_neither_the_sql_room_nor_pandas_until_it_runs_sql():
    code = (
        "import sys, snowpipe_pandas.rest.client as m; from snowpipe_pandas.sql import statements, bindings; "
        "assert 'snowpipe_pandas.sql.door' not in sys.modules; "
        "assert 'snowpipe_pandas.sql.frames' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_module_is_longer_than_500_lines():
    too_long = {str(path): n for path in sources() if (n := len(path.read_text().splitlines())) > 500}
    assert not too_long
