"""Fixtures of the settings' tests: a home folder and a working directory of the test's own."""

import json

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The home folder, empty; no configuration of the machine is seen."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    return home


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The working directory, empty."""
    here = tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def write_profile(here):
    def write(name="profile.json", /, **values):
        path = here / name
        path.write_text(json.dumps(values))
        return path

    return write


@pytest.fixture
def write_toml():
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
