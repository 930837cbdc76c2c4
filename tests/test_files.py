"""Files that people name: what is none, or does not end, is refused wherever it is named."""

import os
import resource
import subprocess
import sys

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ConfigError
from snowpipe_pandas.files import MAX_FILE_BYTES, read_small

KINDS = ("profile", "connection", "private_key_file", "token_file_path", "ca_file")
ODD = {
    "device": lambda path: path.symlink_to("/dev/zero"),
    "pipe": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(),
    "loop": lambda path: path.symlink_to(path),
    "huge": lambda path: huge(path),
    "missing": lambda path: None,
}


def huge(path):
    with path.open("wb") as file:
        file.truncate(1 << 30)


def use(kind, path):
    """Use a file as one of the kinds that connect() reads."""
    who = {"url": "http://127.0.0.1:1", "account": "a", "user": "u"}
    if kind == "profile":
        return sp.connect(path)
    if kind == "connection":
        os.environ["SNOWFLAKE_HOME"] = str(path.parent)
        path.rename(path.parent / "connections.toml") if os.path.lexists(path) else None
        return sp.connect(connection_name="dev")
    if kind == "ca_file":
        return sp.connect(**who, private_key="x", ca_file=path)
    return sp.connect(**who, **{kind: path})


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_file_is_refused_by_name(kind, odd, tmp_path, monkeypatch):
    monkeypatch.setenv("SNOWFLAKE_HOME", "")
    path = tmp_path / "named"
    ODD[odd](path)
    with pytest.raises(ConfigError):
        use(kind, path)


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000, ""])
def test_what_is_not_a_path_is_described(path):
    assert isinstance(read_small(path), str)


def test_a_file_is_read_up_to_its_limit_and_one_that_is_longer_is_not(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * MAX_FILE_BYTES)
    assert read_small(path) == b"x" * MAX_FILE_BYTES
    path.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    assert read_small(path) == "is larger than 1 MB; check the path"


def test_a_device_costs_no_memory():
    code = "from snowpipe_pandas.files import read_small; print(read_small('/dev/zero'))"

    def small():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=small, timeout=60
    )
    assert ran.stdout.startswith("is a device"), ran.stderr
