"""Where settings come from: which source wins, what belongs together, and what each says of itself."""

import pytest

from snowpipe_pandas.config import load_settings
from snowpipe_pandas.errors import ConfigError

CONNECTION = 'account = "file-acct"\nuser = "file_user"\nprivate_key_file = "file.p8"\n'


def environment(**values):
    return {f"SNOWFLAKE_{name.upper()}": value for name, value in values.items()}


def test_each_setting_comes_from_the_first_source_that_has_it(write_profile, write_toml, home):
    write_toml(home / ".snowflake" / "connections.toml", f'[default]\n{CONNECTION}schema = "FROM_TOML"\n')
    write_profile(account="acct", user="profile_user", private_key_file="profile.p8", database="FROM_PROFILE")
    env = environment(account="acct", user="env_user", audience="from-env")
    settings = load_settings(env=env, user="arg_user")
    assert settings.user == "arg_user"
    assert settings.audience == "from-env"
    assert settings.private_key_file == "profile.p8"
    assert (settings.database, settings.schema) == ("FROM_PROFILE", "FROM_TOML")
    assert settings.describe() == {
        "account": ("acct", "SNOWFLAKE_ACCOUNT"),
        "user": ("arg_user", "argument"),
        "account_url": ("https://acct.snowflakecomputing.com", "derived from the account"),
        "private_key_file": ("profile.p8", "profile profile.json"),
        "authenticator": ("SNOWFLAKE_JWT", "default"),
        "database": ("FROM_PROFILE", "profile profile.json"),
        "schema": ("FROM_TOML", f"connection 'default' of {home}/.snowflake/connections.toml"),
        "authorization_scheme": ("Bearer", "default"),
        "jwt_lifetime_s": ("3600.0", "default"),
        "audience": ("from-env", "SNOWFLAKE_AUDIENCE"),
    }


def test_the_process_environment_is_read_where_none_is_given(monkeypatch):
    for name, value in environment(account="a", user="u", private_key_path="k.p8").items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.account, settings.user, settings.private_key_file) == ("a", "u", "k.p8")
    assert settings.describe()["private_key_file"] == ("k.p8", "SNOWFLAKE_PRIVATE_KEY_PATH")


@pytest.mark.parametrize("by", ["profile", "connection"])
def test_what_the_call_names_stands_before_the_environment(by, write_profile, write_toml, home):
    """A stray variable must not mix two accounts."""
    write_toml(home / ".snowflake" / "connections.toml", f"[dev]\n{CONNECTION}")
    file = write_profile("dev.json", account="file-acct", user="file_user", private_key_file="file.p8")
    env = environment(account="other", user="other", private_key_file="other.p8", url="https://other.example")
    named = {"profile": file} if by == "profile" else {"connection_name": "dev"}
    settings = load_settings(**named, env=env)
    assert (settings.account, settings.user) == ("file-acct", "file_user")
    assert settings.private_key_file == "file.p8"
    assert settings.account_url == "https://file-acct.snowflakecomputing.com"
    assert load_settings(**named, env=env, user="arg").user == "arg"


@pytest.mark.parametrize("by", ["profile", "connection"])
def test_where_the_call_names_one_file_the_others_are_not_looked_at(by, write_profile, write_toml, home):
    write_toml(home / ".snowflake" / "connections.toml", f'[default]\n{CONNECTION}[dev]\naccount = "a"\n')
    write_profile(user="implicit", private_key_file="implicit.p8")
    named = {"connection_name": "dev"}
    if by == "profile":
        named = {"profile": write_profile("dev.json", account="a")}
    with pytest.raises(ConfigError, match="the user is missing"):
        load_settings(**named, env={})


def test_the_environment_fills_what_the_named_profile_leaves_open(write_profile):
    file = write_profile("dev.json", account="a", user="u", private_key_file="k.p8")
    settings = load_settings(file, env=environment(private_key_passphrase="p", database="D"))
    assert settings.describe()["database"] == ("D", "SNOWFLAKE_DATABASE")


def test_a_variable_names_the_implicit_profile(write_profile):
    write_profile(account="here", user="here", private_key_file="here.p8")
    other = write_profile("other.json", account="there", user="there", private_key_file="there.p8")
    assert load_settings(env=environment(profile=str(other))).account == "there"
    assert load_settings(env=environment(profile=str(other), account="env")).account == "env"
    with pytest.raises(ConfigError, match=r"missing.json' does not exist"):
        load_settings(env=environment(profile="missing.json"))


def test_a_profile_and_a_connection_are_one_too_many(write_profile):
    with pytest.raises(ConfigError, match="profile and connection_name are both given"):
        load_settings(write_profile(account="a"), connection_name="dev", env={})


# -- what belongs together ---------------------------------------------------------------------------


def test_the_address_of_another_account_is_not_used(write_profile):
    """A JWT for one account must not be sent to the other's host."""
    write_profile(account="theirs", user="u", private_key_file="k", url="https://theirs.example", port=8443)
    settings = load_settings(env=environment(account="ours"))
    assert settings.account_url == "https://ours.snowflakecomputing.com"
    assert settings.user == "u"


@pytest.mark.parametrize("account", ["MYORG.MY_ACCOUNT", "myorg-my-account", "myorg-my_account.privatelink"])
def test_the_address_of_the_same_account_in_another_form_is_used(write_profile, account):
    write_profile(account="myorg-my_account", user="u", private_key_file="k", url="https://proxy.example")
    assert load_settings(env=environment(account=account)).account_url == "https://proxy.example"


def test_an_address_without_an_account_is_used(write_profile):
    write_profile(user="u", private_key_file="k", host="proxy.example")
    assert load_settings(env=environment(account="a")).account_url == "https://proxy.example"


def test_host_scheme_and_port_come_from_one_source(write_profile):
    write_profile(account="a", user="u", private_key_file="k", scheme="http", host="127.0.0.1", port=8080)
    assert load_settings(env={}).account_url == "http://127.0.0.1:8080"
    assert load_settings(env={}, host="proxy.example").account_url == "https://proxy.example"


def test_a_key_hides_lower_passphrases_tokens_and_authenticators(write_profile):
    write_profile(
        account="a",
        user="u",
        private_key_file="k",
        private_key_passphrase="p",
        authenticator="oauth",
        token="t",
    )
    settings = load_settings(env={}, private_key="MIIE")
    assert settings.private_key_file is None
    assert settings.private_key_passphrase is None
    assert settings.token is None
    assert settings.authenticator == "SNOWFLAKE_JWT"


def test_a_token_hides_lower_keys(write_profile):
    write_profile(account="a", user="u", private_key_file="k")
    settings = load_settings(env=environment(token="t"))
    assert settings.authenticator == "PROGRAMMATIC_ACCESS_TOKEN"
    assert settings.private_key_file is None


def test_a_passphrase_may_come_from_before_its_key(write_profile):
    write_profile(account="a", user="u", private_key_file="k")
    settings = load_settings(env=environment(private_key_passphrase="p"))
    assert settings.private_key_passphrase.as_text() == "p"
    assert settings.describe()["private_key_passphrase"] == ("***", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE")


# -- connections.toml and config.toml ------------------------------------------------------------------


def test_a_connection_is_read_with_the_connectors_spellings(write_toml, home):
    write_toml(
        home / ".snowflake" / "connections.toml",
        '[dev]\naccount = "a"\nuser = "u"\nprivate_key_path = "~/k.p8"\nprivate_key_file_pwd = "p"\n'
        'role = "R"\nwarehouse = "W"\nprotocol = "https"\nclient_session_keep_alive = true\n',
    )
    settings = load_settings(connection_name="dev", env={})
    assert settings.private_key_file == f"{home}/k.p8"
    assert settings.private_key_passphrase.as_text() == "p"


def test_connections_toml_stands_before_config_toml(write_toml, home):
    folder = home / ".snowflake"
    write_toml(folder / "connections.toml", f"[one]\n{CONNECTION}")
    write_toml(
        folder / "config.toml",
        f'[connections.one]\naccount = "wrong"\n[connections.two]\n{CONNECTION.replace("file-", "two-")}',
    )
    assert load_settings(connection_name="one", env={}).account == "file-acct"
    two = load_settings(connection_name="two", env={})
    assert two.describe()["account"] == ("two-acct", f"connection 'two' of {folder}/config.toml")


def test_the_default_connection_is_named_by_variable_then_by_config_then_default(write_toml, home):
    folder = home / ".snowflake"
    text = "".join(
        f"[{name}]\n{CONNECTION.replace('file-', f'{name}-')}" for name in ("default", "configured", "wanted")
    )
    write_toml(folder / "connections.toml", text)
    assert load_settings(env={}).account == "default-acct"
    write_toml(folder / "config.toml", 'default_connection_name = "configured"\n')
    assert load_settings(env={}).account == "configured-acct"
    assert load_settings(env=environment(default_connection_name="wanted")).account == "wanted-acct"


def test_the_folder_is_snowflake_home_then_dot_snowflake_then_the_platforms(write_toml, home, tmp_path):
    for number, folder in enumerate(
        [home / ".config" / "snowflake", home / ".snowflake", tmp_path / "named"]
    ):
        write_toml(folder / "connections.toml", f"[dev]\n{CONNECTION.replace('file-', f'f{number}-')}")
        env = environment(home=str(folder)) if number == 2 else {}
        assert load_settings(connection_name="dev", env=env).account == f"f{number}-acct"


def test_a_snowflake_home_that_does_not_exist_means_the_platforms_folder(write_toml, home, tmp_path):
    write_toml(home / ".config" / "snowflake" / "connections.toml", f"[dev]\n{CONNECTION}")
    env = environment(home=str(tmp_path / "nowhere"))
    assert load_settings(connection_name="dev", env=env).account == "file-acct"


def test_an_unknown_connection_is_refused_with_those_that_there_are(write_toml, home):
    write_toml(home / ".snowflake" / "connections.toml", f"[dev]\n{CONNECTION}[test]\n")
    with pytest.raises(ConfigError, match=r"no connection 'prod' in .*\.snowflake; known are: dev, test"):
        load_settings(connection_name="prod", env={})


def test_a_connection_where_there_is_no_file(home):
    with pytest.raises(ConfigError, match=r"no connection 'prod'.*known are: none"):
        load_settings(connection_name="prod", env={})


# -- files that can't be read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is not a JSON object"),
        (b"{", "is not a JSON object"),
        (b"[]", "is not a JSON object"),
        (b"[" * 100_000, "is not a JSON object"),
        (b'{"account":' * 50_000, "is not a JSON object"),
        (b'{"account": "A", "account": "B"}', "is not a JSON object that names each setting once"),
        (b'{"account": "\xff"}', "is not a JSON object"),
    ],
)
def test_a_profile_that_is_none(here, content, match):
    (here / "p.json").write_bytes(content)
    with pytest.raises(ConfigError, match=match) as caught:
        load_settings("p.json", env={})
    assert caught.value.setting == "profile"
    assert caught.value.__context__ is None


def test_a_named_profile_must_exist(here):
    with pytest.raises(ConfigError, match=r"'nowhere.json' does not exist"):
        load_settings("nowhere.json", env={})
    with pytest.raises(ConfigError, match="is a directory; name the file in it"):
        load_settings(here, env={})


def test_a_profile_as_windows_editors_save_it(here):
    (here / "p.json").write_bytes(b'\xef\xbb\xbf{"account": "a", "user": "u", "private_key_file": "k"}')
    assert load_settings("p.json", env={}).account == "a"


@pytest.mark.parametrize("content", ["connections = 5\n", "connections = []\n", "[connections]\ndev = 5\n"])
def test_connections_that_are_no_tables_are_none(write_toml, home, content):
    write_toml(home / ".snowflake" / "config.toml", content)
    with pytest.raises(ConfigError, match="there is no connection 'dev'"):
        load_settings(connection_name="dev", env={})


@pytest.mark.parametrize("content", ["[dev\n", "x=" + "[" * 50_000], ids=["cut", "deep"])
def test_toml_that_is_none(write_toml, home, content):
    write_toml(home / ".snowflake" / "connections.toml", content)
    with pytest.raises(ConfigError, match=r"connections.toml' is not TOML") as caught:
        load_settings(connection_name="dev", env={})
    assert caught.value.__context__ is None


# -- missing -------------------------------------------------------------------------------------------


def test_a_missing_setting_is_named_with_all_places_that_were_looked_at(home):
    with pytest.raises(ConfigError) as caught:
        load_settings(env={})
    assert str(caught.value) == (
        "the account is missing; give account= or set SNOWFLAKE_ACCOUNT (looked at: argument, "
        "the environment, profile.json (none in the working directory), "
        f"connections in {home}/.config/snowflake (no 'default' there))"
    )
    assert caught.value.setting == "account"


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"account": "a"}, r"the user is missing; give user= or set SNOWFLAKE_USER \(looked at"),
        ({"account": "a", "user": " "}, "the user is missing"),
        (
            {"account": "a", "user": "u"},
            "SNOWFLAKE_JWT needs a private key; give private_key_file= or private_key=",
        ),
        (
            {"account": "a", "user": "u", "private_key_file": "k", "authenticator": "oauth"},
            "needs an access token .*function.*; give token_file_path= or token= or set SNOWFLAKE_TOKEN_F",
        ),
    ],
)
def test_what_is_missing_is_named_with_the_ways_to_give_it(given, match):
    with pytest.raises(ConfigError, match=match):
        load_settings(**given, env={})
