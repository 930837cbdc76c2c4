"""Secrets by reference: what may travel, what is refused unshown, and where references lead."""

import pytest

from snowpipe_pandas.auth.secret import Secret
from snowpipe_pandas.config.references import refuse_to_travel, resolved, travelling
from snowpipe_pandas.errors import ConfigError

SECRET = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"


def checked_references(settings):
    found = travelling(settings)
    assert SECRET not in repr(found)
    assert travelling(found) == found
    refuse_to_travel(found)
    return found


def loader_key():
    return PEM


def loader_bytes():
    return PEM.encode()


def broken():
    raise RuntimeError(PEM)


def number():
    return 7


@pytest.mark.parametrize("reference", ["file:/run/key.p8", "env:LOADER_KEY", "py:company.vault:loader_key"])
@pytest.mark.parametrize("name", ["private_key", "private_key_passphrase", "token", "personal_access_token"])
def test_references_travel_as_they_are(name, reference):
    assert checked_references({name: reference}) == {name: reference}


@pytest.mark.parametrize(
    "value",
    [
        PEM,
        SECRET,
        PEM.encode(),
        Secret(PEM),
        f"env:A\n{PEM}",
        f"file:{PEM}",
        f"file:{'x' * 2000}",
        "env:",
        "env:A-B",
        "py:module",
        "vault:x",
        "",
        7,
        None,
        [PEM],
        loader_key,
    ],
)
def test_what_is_not_a_reference_is_refused_and_not_shown(value):
    with pytest.raises(ConfigError, match='give a reference.*"env:NAME"') as caught:
        checked_references({"private_key": value})
    assert caught.value.setting == "private_key"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"user": PEM},
        {"profile": PEM},
        {"connection_name": PEM},
        {"private_key_file": PEM},
        {"url": "https://user:secret@example.com"},
        {"passphrase": "secret"},
        {"account": [SECRET]},
    ],
)
def test_other_settings_that_may_hold_a_secret_do_not_travel(settings):
    with pytest.raises(ConfigError, match="can't travel") as caught:
        checked_references(settings)
    assert SECRET not in str(caught.value)


def test_harmless_settings_travel():
    given = {
        "profile": "profile.json",
        "connection_name": "default",
        "user": "loader",
        "private_key_file": "rsa_key.p8",
        "port": 8443,
        "url": "https://example.com",
    }
    assert checked_references(given) == given


def test_references_lead_to_the_secret(tmp_path, monkeypatch):
    (tmp_path / "key.p8").write_text(PEM)
    monkeypatch.setenv("LOADER_KEY", PEM)
    here = "py:tests.config.test_references"
    for reference in (
        f"file:{tmp_path / 'key.p8'}",
        "env:LOADER_KEY",
        f"{here}:loader_key",
        f"{here}:loader_bytes",
    ):
        found = resolved({"private_key": reference, "user": "loader"})
        assert repr(found["private_key"]) == "***"
        assert found["private_key"].as_text().strip() == PEM.strip()
        assert found["user"] == "loader"


def test_a_token_is_read_whenever_it_is_needed(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    read = resolved({"token": f"file:{file}"})["token"]
    assert read() == "first"
    file.write_text("second\n")
    assert read() == "second"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("file:/nowhere/key.p8", "the file does not exist"),
        ("file:/", "is a directory"),
        ("env:NOT_SET_ANYWHERE", "not set"),
        ("py:no_such_module:key", "ModuleNotFoundError"),
        ("py:tests.config.test_references:missing", "AttributeError"),
        ("py:tests.config.test_references:broken", "RuntimeError"),
        ("py:tests.config.test_references:number", "did not return a text"),
    ],
)
def test_a_reference_that_can_not_be_resolved_is_reported_without_what_was_read(reference, why):
    with pytest.raises(ConfigError, match=why) as caught:
        resolved({"private_key": reference})
    assert caught.value.setting == "private_key"
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value)
