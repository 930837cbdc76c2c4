"""Single settings: their spellings, types, conflicts and what they make."""

import copy
import json
import pickle

import pytest
import trustme

from snowpipe_pandas.auth.credentials import AccessTokenCredential, KeyPairCredential
from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.config import hidden, load_settings
from snowpipe_pandas.errors import ConfigError, PrivateKeyError
from tests.auth import material
from tests.support.callers import ANYBODY

WHO = {"account": "myorg-dev", "user": "loader", "env": {}}
KEYED = {**WHO, "private_key_file": "key.p8"}


def test_the_official_sdks_profile_is_read_unchanged(write_profile):
    """All keys of Snowflake's own example, with those that are other tools' business."""
    file = write_profile(
        user="loader",
        account="myorg-dev",
        url="https://myorg-dev.snowflakecomputing.com:443",
        private_key=material.bare_base64().decode(),
        port=443,
        host="myorg-dev.snowflakecomputing.com",
        scheme="https",
        ssl="on",
        role="R",
        warehouse="W",
        database="D",
        schema="S",
        connect_string="jdbc:snowflake://myorg-dev.snowflakecomputing.com:443",
        authorization_type="JWT",
    )
    settings = load_settings(file, env={})
    assert settings.account_url == "https://myorg-dev.snowflakecomputing.com"
    assert (settings.database, settings.schema, settings.authenticator) == ("D", "S", "SNOWFLAKE_JWT")
    assert (settings.warehouse, settings.role) == ("W", "R")
    assert isinstance(settings.credential(Clock()), KeyPairCredential)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "https://myorg-dev.snowflakecomputing.com"),
        ({"account": "MyOrg.My_Account"}, "https://myorg-my-account.snowflakecomputing.com"),
        ({"account": "xy1.eu-central-1.aws"}, "https://xy1.eu-central-1.aws.snowflakecomputing.com"),
        ({"url": "https://x.example"}, "https://x.example"),
        ({"url": "https://x.example/"}, "https://x.example"),
        ({"url": "x.example:8443"}, "https://x.example:8443"),
        ({"url": "HTTPS://X.Example:443"}, "https://x.example"),
        ({"url": "https://my_org-a_b.snowflakecomputing.com"}, "https://my-org-a-b.snowflakecomputing.com"),
        ({"url": "https://under_score.example"}, "https://under_score.example"),
        ({"host": "x.example"}, "https://x.example"),
        ({"host": "x.example", "port": 8443}, "https://x.example:8443"),
        ({"host": "x.example", "port": "8443"}, "https://x.example:8443"),
        ({"host": "127.0.0.1", "port": 80, "scheme": "http"}, "http://127.0.0.1"),
        ({"url": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        ({"url": "http://127.8.9.10"}, "http://127.8.9.10"),
        ({"url": "http://[::1]:8080"}, "http://[::1]:8080"),
        ({"url": "http://localhost:8080"}, "http://localhost:8080"),
    ],
)
def test_the_account_url(given, url):
    assert load_settings(**KEYED | given).account_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "http://128.0.0.1",
    ],
)
def test_plain_http_is_for_this_machine_only(url):
    with pytest.raises(
        ConfigError, match="is not encrypted; plain http is for this machine only, take https"
    ):
        load_settings(**KEYED, url=url)


def test_plain_http_by_scheme_is_refused_as_well():
    with pytest.raises(ConfigError, match="not encrypted"):
        load_settings(**KEYED, scheme="http")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"url": "ftp://x.example"}, "is not an account URL; take https://"),
        ({"url": "https://"}, "is not an account URL"),
        ({"url": "https://[::1"}, "is not an account URL; take https://"),
        ({"url": "https://x:99999"}, "port .* is not a number from 1 to 65535"),
        ({"url": "https://x.example/console/login"}, "is not an account URL"),
        ({"url": "https://x.example?a=b"}, "is not an account URL"),
        ({"url": "http://127.0.0.1\\evil.example"}, "is not an account URL"),
        ({"url": "http://localhost."}, "is not an account URL"),
        ({"url": "http://[::]"}, "is not an account URL"),
        ({"url": "http://0x7f.1"}, "is not an account URL"),
        ({"host": "x\u0435.example"}, "is not an account URL"),
        ({"url": "https://x:ab"}, "port .* is not a number from 1 to 65535"),
        ({"host": "x", "port": 70000}, "port .* is not a number from 1 to 65535"),
        ({"host": "x", "port": 1.5}, "port .* is not a number from 1 to 65535"),
        ({"host": "x", "port": "inf"}, "port .* is not a number from 1 to 65535"),
        ({"host": "x", "port": "many"}, "port='many' is not a port"),
        ({"host": "x", "port": True}, "port=True is not a port"),
        ({"host": "x", "port": 0}, "port=0 is not a port"),
        ({"url": "https://user:word@x.example"}, "url must be text without user and password"),
        ({"account": "my org"}, "account 'my org' is not an account name"),
        ({"account": 5}, "account must be one line of plain text, not int"),
        ({"user": ["u"]}, "user must be one line of plain text, not list"),
        ({"user": "a\nb"}, "user must be one line of plain text"),
        ({"ca_file": 5}, "ca_file must be a path, not int"),
        ({"ca_file": "nowhere.pem"}, "ca_file 'nowhere.pem' does not exist; check the path"),
        ({"private_key_file": "-----BEGIN PRIVATE KEY-----"}, "must be a path .*given as private_key="),
        ({"private_key_passphrase": 5}, "private_key_passphrase must be text, not int"),
        ({"token": 5}, "token must be text, or a function that returns it, not int"),
        ({"token": {"a": "b"}}, "token must be text, or a function that returns it, not dict"),
        (
            {"authenticator": "externalbrowser"},
            "'externalbrowser' is not supported; take one of SNOWFLAKE_JWT",
        ),
        ({"jwt_lifetime_s": "long"}, "jwt_lifetime_s='long' is not a number of seconds"),
        ({"jwt_lifetime_s": "nan"}, "jwt_lifetime_s='nan' is not a number of seconds"),
        ({"jwt_lifetime_s": True}, "jwt_lifetime_s=True is not a number of seconds"),
    ],
)
def test_a_malformed_setting_is_refused_by_name(given, match):
    with pytest.raises(ConfigError, match=match) as caught:
        load_settings(**KEYED | given)
    assert caught.value.setting in {*given, "url"}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"private_key": "MIIE", "private_key_file": "k"}, "private_key and private_key_file are both given"),
        ({"private_key": "MIIE", "private_key_path": "k"}, "private_key and private_key_path are both given"),
        (
            {"private_key_file": "k", "private_key_path": "k"},
            "private_key_file and private_key_path are the same",
        ),
        ({"token": "t", "token_file_path": "f"}, "token and token_file_path are both given"),
        ({"token": "t", "personal_access_token": "t"}, "token and personal_access_token are the same"),
        (
            {"url": "https://a.example", "host": "b.example"},
            "url 'https://a.example' and host 'b.example' differ",
        ),
        ({"authenticator": "JWT", "authorization_type": "JWT"}, "are the same setting; keep one"),
    ],
)
@pytest.mark.parametrize("level", ["argument", "environment", "profile", "connection"])
def test_one_setting_given_two_ways_in_one_source_names_both(
    given, match, level, write_profile, write_toml, home
):
    call = {"env": {}}
    if level == "argument":
        call |= given
    elif level == "environment":
        call["env"] = {f"SNOWFLAKE_{name.upper()}": value for name, value in given.items()}
        words = match.split()
        match = " ".join(
            f"SNOWFLAKE_{w.upper()}" if w in given and w not in ("url", "host") else w for w in words
        )
    elif level == "profile":
        call["profile"] = write_profile(**given)
    else:
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items())
        write_toml(home / ".snowflake" / "connections.toml", f"[dev]\n{lines}")
        call["connection_name"] = "dev"
    with pytest.raises(ConfigError, match=match) as caught:
        load_settings(**call)
    assert level in str(caught.value)


def test_url_and_host_that_agree_are_no_conflict():
    given = {"url": "https://X.example:8443/", "host": "x.example", "port": 8443, "scheme": "https"}
    assert load_settings(**KEYED, **given).account_url == "https://x.example:8443"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("acount", "did you mean account="),
        ("private_key_fil", "did you mean private_key_file="),
        ("zzz", "zzz=$"),
    ],
)
def test_an_unknown_argument_is_refused_with_the_nearest_name(name, hint):
    with pytest.raises(ConfigError, match=hint):
        load_settings(**KEYED, **{name: "x"})


def test_unknown_names_in_files_and_environment_are_other_tools_business(write_profile):
    file = write_profile(account="a", user="u", private_key_file="k", colour="x", ssl=True, login_timeout=5)
    settings = load_settings(file, env={"SNOWFLAKE_PASSWORD": "p", "SNOWFLAKE_SERVICE_NAME": "s"})
    assert set(settings.sources) == {"account", "user", "private_key_file", "account_url"}


def test_warehouse_and_role_come_from_the_sources_of_all_others(write_profile):
    file = write_profile(account="a", user="u", private_key_file="k", role="OF_FILE", warehouse="OF_FILE")
    settings = load_settings(file, env={"SNOWFLAKE_ROLE": "OF_ENV"}, warehouse="GIVEN")
    assert settings.describe()["warehouse"] == ("GIVEN", "argument")
    assert settings.describe()["role"][0] == "OF_FILE"


def test_warehouse_and_role_come_from_the_environment():
    settings = load_settings(**KEYED | {"env": {"SNOWFLAKE_ROLE": "OF_ENV", "SNOWFLAKE_WAREHOUSE": "WH"}})
    assert settings.describe()["role"] == ("OF_ENV", "SNOWFLAKE_ROLE")
    assert settings.describe()["warehouse"] == ("WH", "SNOWFLAKE_WAREHOUSE")
    assert "warehouse" not in load_settings(**KEYED).describe()


@pytest.mark.parametrize("name", ["warehouse", "role"])
def test_warehouse_and_role_are_one_line_of_text(name):
    with pytest.raises(ConfigError, match=f"{name} must be one line of plain text"):
        load_settings(**KEYED, **{name: 7})


def test_blank_values_count_as_not_given(write_profile):
    file = write_profile(account="a", user="u", private_key_file="k", private_key="", token="  ", url=None)
    settings = load_settings(file, env={"SNOWFLAKE_DATABASE": ""})
    assert (settings.private_key, settings.token, settings.database) == (None, None, None)


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("oauth", "OAUTH"),
        ("OAuth", "OAUTH"),
        ("programmatic_access_token", "PROGRAMMATIC_ACCESS_TOKEN"),
        ("PAT", "PROGRAMMATIC_ACCESS_TOKEN"),
        (None, "PROGRAMMATIC_ACCESS_TOKEN"),
    ],
)
def test_a_token_makes_an_access_token_credential(spelling, kind):
    credential = load_settings(**WHO, token="good", authenticator=spelling).credential(Clock())
    assert isinstance(credential, AccessTokenCredential)
    assert credential.kind == kind
    assert credential.headers(credential.token(ANYBODY))["Authorization"] == "Bearer good"


def test_a_key_and_a_token_without_an_authenticator_mean_the_key():
    assert load_settings(**KEYED, token="t").authenticator == "SNOWFLAKE_JWT"
    assert load_settings(**KEYED, token="t", authenticator="oauth").authenticator == "OAUTH"


def test_the_sdks_personal_access_token(write_profile):
    file = write_profile(account="a", user="u", authorization_type="PAT", personal_access_token="good")
    credential = load_settings(file, env={}).credential(Clock())
    assert (credential.kind, credential.token(ANYBODY).value) == ("PROGRAMMATIC_ACCESS_TOKEN", "good")


def test_a_function_gives_the_token():
    assert load_settings(**WHO, token=lambda: "given").credential(Clock()).token(ANYBODY).value == "given"


def test_a_token_file_is_read_again_after_a_refusal(here):
    (here / "token").write_text("first\n")
    credential = load_settings(**WHO, token_file_path=here / "token", authenticator="oauth").credential(
        Clock()
    )
    first = credential.token(ANYBODY)
    assert first.value == "first"
    assert not credential.refused(first, ANYBODY)
    (here / "token").write_text("second\n")
    assert credential.refused(first, ANYBODY)
    assert credential.token(ANYBODY).value == "second"


def test_a_token_file_that_is_rotated_is_read_again_without_a_refusal(here):
    (here / "token").write_text("first")
    credential = load_settings(**WHO, token_file_path="token").credential(Clock())
    first = credential.token(ANYBODY)
    assert credential.token(ANYBODY) is first
    (here / "token").write_text("")  # it is being written
    assert credential.token(ANYBODY).value == "first"
    (here / "token").write_text("second")
    assert credential.token(ANYBODY).value == "second"
    (here / "token").unlink()
    assert credential.token(ANYBODY).value == "second"


@pytest.mark.parametrize(("content", "match"), [(None, "'token' does not exist"), (b"\xff", "access token")])
def test_a_token_file_that_holds_none(here, content, match):
    if content is not None:
        (here / "token").write_bytes(content)
    credential = load_settings(**WHO, token_file_path="token").credential(Clock())
    with pytest.raises(ConfigError, match=match):
        credential.token(ANYBODY)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff" * 100], ids=["empty", "text", "bytes"])
def test_a_ca_file_without_a_certificate_is_refused_before_anything_is_sent(here, content):
    (here / "ca.pem").write_bytes(content)
    with pytest.raises(ConfigError, match="ca_file 'ca.pem' holds no certificate"):
        load_settings(**KEYED, ca_file="ca.pem")


def test_the_settings_of_the_jwt_reach_it(here):
    (here / "key.p8").touch(mode=0o600)
    (here / "key.p8").write_bytes(material.encrypted_pem())
    env = {"SNOWFLAKE_JWT_LIFETIME_S": "600", "SNOWFLAKE_AUTHORIZATION_SCHEME": "Snowflake JWT"}
    given = {**KEYED, "env": env, "private_key_passphrase": material.PASSPHRASE}
    credential = load_settings(**given).credential(Clock())
    token = credential.token(ANYBODY)
    assert token.expires_at - token.issued_at == 600
    assert credential.headers(credential.token(ANYBODY))["Authorization"].startswith("Snowflake JWT ")


def test_a_key_that_cannot_be_used_is_the_credentials_error():
    with pytest.raises(PrivateKeyError, match=r"'key.p8' does not exist"):
        load_settings(**KEYED).credential(Clock())


def test_a_ca_file_is_a_path_with_its_home_folder(home):
    trustme.CA().cert_pem.write_to_path(str(home / "ca.pem"))
    assert load_settings(**KEYED, ca_file="~/ca.pem").ca_file == f"{home}/ca.pem"


def test_settings_that_name_files_can_cross_processes_and_those_with_secrets_cannot():
    settings = load_settings(**KEYED)
    assert pickle.loads(pickle.dumps(settings)) == copy.deepcopy(settings) == settings
    with pytest.raises(TypeError, match="a secret is not copied or pickled; name a file"):
        pickle.dumps(load_settings(**WHO, private_key="MIIE"))


def test_hidden_arguments_may_be_passed_on():
    """A caller that hides its own arguments first passes the hidden ones on."""
    given = hidden({"private_key": material.pem(), "private_key_passphrase": "p", "bad": object()})
    assert hidden(given) == given
    assert load_settings(**WHO, private_key=given["private_key"]).private_key is given["private_key"]
