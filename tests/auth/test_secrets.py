"""Secrets are in no repr, text, pickle, copy, exception or traceback, whatever goes wrong.

One table of objects and one of failures; each entry goes through every way in which text gets out. The
scan itself is tested first: it finds a secret that is in a frame's variables.
"""

import copy
import json
import pickle

import pytest

from snowpipe_pandas.auth.credentials import OAUTH, AccessTokenCredential, KeyPairCredential
from snowpipe_pandas.auth.jwt import AuthConfig
from snowpipe_pandas.auth.keys import KeySource
from snowpipe_pandas.auth.secret import MASK, Secret, hide
from snowpipe_pandas.auth.tokens import Clock, Token, TokenCache
from snowpipe_pandas.config import hidden, load_settings
from tests.auth import material
from tests.auth.material import ACCESS_TOKEN, PASSPHRASE, encrypted_pem, leaks, pem, secret_texts, shown
from tests.support.callers import ANYBODY


def key_source():
    return KeySource(text=encrypted_pem(), passphrase=PASSPHRASE)


def key_pair():
    return KeyPairCredential(AuthConfig("myorg-dev", "loader", key_source()), Clock())


def access_token(token=ACCESS_TOKEN):
    return AccessTokenCredential(OAUTH, token, account="myorg-dev", user="loader", clock=Clock())


def token_cache():
    cache = TokenCache(lambda *_: Token(ACCESS_TOKEN, 0.0, 3600.0), Clock())
    cache.token(ANYBODY)
    return cache


def settings(**given):
    return load_settings(account="myorg-dev", user="loader", env={}, **given)


def key_settings():
    return settings(private_key=encrypted_pem(), private_key_passphrase=PASSPHRASE)


OBJECTS = {
    "Secret": lambda: Secret(PASSPHRASE),
    "KeySource": key_source,
    "KeySource of plain text": lambda: KeySource(text=pem()),
    "AuthConfig": lambda: AuthConfig("myorg-dev", "loader", key_source()),
    "PrivateKey": lambda: key_source().load(),
    "KeyPairCredential": key_pair,
    "its JWT": lambda: key_pair().token(ANYBODY),
    "AccessTokenCredential": access_token,
    "its token": lambda: access_token().token(ANYBODY),
    "TokenCache": token_cache,
    "Settings with a key": key_settings,
    "Settings with a token": lambda: settings(token=ACCESS_TOKEN),
    "hidden arguments": lambda: hidden({"private_key": pem(), "password": PASSPHRASE, "token": ACCESS_TOKEN}),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_no_way_of_showing_an_object_shows_a_secret(name):
    thing = OBJECTS[name]()
    secrets = [*secret_texts(), *([thing.value] if isinstance(thing, Token) else [])]
    attributes = {a: getattr(thing, a) for a in getattr(type(thing), "__slots__", ()) if a != "value"}
    if name == "Secret":
        attributes = {}
    texts = [repr(thing), str(thing), f"{thing}", f"{thing!r:>5}", f"{[thing]}", str({"a": thing})]
    texts += [repr(attributes), repr(getattr(thing, "__dict__", {}))]
    assert not leaks("\n".join(texts), secrets)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_no_object_with_a_secret_in_it_is_pickled_or_duplicated(name, way):
    """A shallow copy of a value object shares its `Secret`s; all else refuses, and says so."""
    thing = OBJECTS[name]()
    shares = name.startswith(("KeySource", "AuthConfig", "Settings", "hidden"))
    if way is copy.copy and shares:
        assert not leaks(repr(way(thing)))
        return
    with pytest.raises(TypeError, match="not copied or pickled"):
        way(thing)


def test_settings_describe_themselves_with_masks():
    assert key_settings().describe()["private_key"] == (MASK, "argument")
    assert key_settings().describe()["private_key_passphrase"] == (MASK, "argument")
    assert settings(token=lambda: ACCESS_TOKEN).describe()["token"] == (MASK, "argument")
    assert not leaks(str(key_settings().describe()) + str(settings(token=ACCESS_TOKEN).describe()))


def damaged_pem():
    lines = pem().splitlines()
    return b"\n".join(lines[:5] + lines[7:])


def profile(folder, text):
    path = folder / "profile.json"
    path.write_text(text)
    return path


def profile_of(folder, **values):
    return profile(folder, json.dumps({"account": "a", "user": "u"} | values))


def connections(folder, text):
    (folder / "connections.toml").write_text(text)
    return {"SNOWFLAKE_HOME": str(folder)}


def undecodable(path, text):
    path.write_bytes(text.encode() + b"\xff")
    return path


def raising(error):
    def ask():
        raise error

    return ask


def KEY():
    return pem().decode()


FAILURES = {
    # keys
    "a key in place of a path": lambda _: KeySource(KEY()),
    "base64 in place of a path": lambda _: KeySource(material.bare_base64().decode()),
    "path and text": lambda _: KeySource("key.p8", text=pem(), passphrase=PASSPHRASE),
    "a damaged key": lambda _: KeySource(text=damaged_pem(), passphrase=PASSPHRASE).load(),
    "a truncated key": lambda _: KeySource(text=pem()[:800]).load(),
    "a damaged key file": lambda d: KeySource(profile(d, damaged_pem().decode())).load(),
    "a wrong passphrase": lambda _: KeySource(text=encrypted_pem(), passphrase=PASSPHRASE + "x").load(),
    "a missing passphrase": lambda _: KeySource(text=encrypted_pem()).load(),
    "a passphrase too many": lambda _: KeySource(text=pem(), passphrase=PASSPHRASE).load(),
    "two keys": lambda _: KeySource(text=pem() + pem()).load(),
    "a credential of a damaged key": lambda _: KeyPairCredential(
        AuthConfig("a", "u", KeySource(text=damaged_pem())), Clock()
    ),
    # access tokens
    "an unknown kind": lambda _: AccessTokenCredential(
        "X", ACCESS_TOKEN, account="a", user="u", clock=Clock()
    ),
    "a bad account": lambda _: AccessTokenCredential(
        OAUTH, ACCESS_TOKEN, account="a b", user="u", clock=Clock()
    ),
    "a token of two lines": lambda _: access_token(f"{ACCESS_TOKEN}\n{ACCESS_TOKEN}").token(ANYBODY),
    "a function's bad token": lambda _: access_token(lambda: f"{ACCESS_TOKEN} {ACCESS_TOKEN}").token(ANYBODY),
    "a function's bytes": lambda _: access_token(lambda: ACCESS_TOKEN.encode()).token(ANYBODY),
    "a failing function": lambda _: access_token(raising(LookupError("no vault"))).token(ANYBODY),
    # arguments
    "an unknown argument": lambda _: settings(private_key=KEY(), password=PASSPHRASE),
    "key and key file": lambda _: settings(private_key=KEY(), private_key_file="key.p8"),
    "two spellings": lambda _: settings(private_key_passphrase=PASSPHRASE, private_key_file_pwd=PASSPHRASE),
    "a key as private_key_file": lambda _: settings(private_key_file=KEY()),
    "a key as user": lambda _: load_settings(account="a", user=KEY(), private_key="k", env={}),
    "a key as ca_file": lambda _: settings(private_key=KEY(), ca_file=KEY()),
    "a missing ca_file": lambda _: settings(private_key=KEY(), ca_file="nowhere.pem"),
    "a URL with a password": lambda _: settings(private_key=KEY(), url=f"https://u:{PASSPHRASE}@host"),
    "a bad URL": lambda _: settings(private_key=KEY(), url="https://[::1"),
    "plain http": lambda _: settings(token=ACCESS_TOKEN, url="http://example.com"),
    "a bad port": lambda _: settings(token=ACCESS_TOKEN, host="h", port="many"),
    "a key as a list": lambda _: settings(private_key=KEY().splitlines()),
    "a token of a wrong type": lambda _: settings(private_key=KEY(), token={"text": ACCESS_TOKEN}),
    "no account": lambda _: load_settings(private_key=KEY(), user="u", env={}),
    "a bad account among arguments": lambda _: load_settings(
        account="a b", user="u", private_key=KEY(), env={}
    ),
    "an unknown authenticator": lambda _: settings(authenticator="okta", token=ACCESS_TOKEN),
    "an unknown scheme": lambda _: settings(private_key=KEY(), authorization_scheme="x").credential(Clock()),
    # environment
    "key twice in the environment": lambda _: load_settings(
        env={"SNOWFLAKE_PRIVATE_KEY": KEY(), "SNOWFLAKE_PRIVATE_KEY_FILE": "k", "SNOWFLAKE_USER": "u"}
    ),
    "no account in the environment": lambda _: load_settings(
        env={"SNOWFLAKE_TOKEN": ACCESS_TOKEN, "SNOWFLAKE_PASSWORD": PASSPHRASE}
    ),
    # profiles
    "a profile that is not JSON": lambda d: load_settings(profile(d, '{"private_key": "' + KEY()), env={}),
    "a profile that is a list": lambda d: load_settings(profile(d, json.dumps([KEY()])), env={}),
    "a profile with key and file": lambda d: load_settings(
        profile_of(d, private_key=KEY(), private_key_file="k"), env={}
    ),
    "a profile with a key as a list": lambda d: load_settings(
        profile_of(d, private_key=KEY().splitlines(), user=1), env={}
    ),
    "a profile with a nested secret": lambda d: load_settings(
        profile_of(d, extra={"password": PASSPHRASE}, port="x"), env={}
    ),
    "a profile with undecodable bytes": lambda d: load_settings(
        undecodable(d / "p.json", json.dumps({"private_key": KEY()})), env={}
    ),
    # connections
    "a connections.toml that is not TOML": lambda d: load_settings(
        connection_name="dev", env=connections(d, f'[dev]\nprivate_key = """{KEY()}\n')
    ),
    "a connection with token and file": lambda d: load_settings(
        connection_name="dev", env=connections(d, f'[dev]\ntoken = "{ACCESS_TOKEN}"\ntoken_file_path = "t"\n')
    ),
    "a connection that is not there": lambda d: load_settings(
        connection_name="prod", env=connections(d, f'[dev]\ntoken = "{ACCESS_TOKEN}"\n')
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_no_failure_shows_a_secret_not_even_with_the_variables_of_its_frames(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is other tests' business
        FAILURES[case](tmp_path)
    assert not leaks(shown(caught.value))


def test_the_scan_finds_what_is_in_a_frame():
    """A frame outside of the tests, with a secret among its variables: the scan must see it."""
    namespace = {}
    exec(compile("def f(text):\n    raise ValueError('no')", "elsewhere.py", "exec"), namespace)
    with pytest.raises(ValueError, match="no") as caught:
        namespace["f"](PASSPHRASE)
    assert leaks(shown(caught.value)) == [PASSPHRASE]


@pytest.mark.parametrize("text", ["plain", "zwölf", b"\xff\x00", "\ud800\udcff"])
def test_a_secret_takes_any_text_and_bytes_without_failing(text):
    secret = Secret(text)
    assert (repr(secret), bool(secret)) == (MASK, True)
    assert isinstance(secret.as_text(), str)
    assert isinstance(secret.as_bytes(), bytes)
    assert hide(secret) is secret
    assert hide(None) is None


def test_a_blank_secret_is_false():
    assert not Secret(" \n")
    assert Secret("zwölf").as_text() == "zwölf"
    assert Secret(b"\xff").as_bytes() == b"\xff"
