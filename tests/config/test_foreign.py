"""Settings of Snowflake's other clients: each is a setting here, refused with a reason, or without effect."""

import re
from pathlib import Path

import pytest

import snowpipe_pandas
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.config.foreign import REFUSED, UNUSED
from snowpipe_pandas.config.spellings import ALIASES, NAMES
from snowpipe_pandas.errors import ConfigError

KEYED = {"account": "a", "user": "u", "private_key_file": "k"}
DATA = Path(__file__).parent / "data"

CONNECTOR = (DATA / "connector_parameters.txt").read_text().split()
"""The parameters of the Python connector's `connect()` at its version 4."""

STREAMING_SDK = (DATA / "streaming_properties.txt").read_text().split()
"""The properties of the official streaming SDK 1.9.1, of the classic one, and of Snowflake's examples."""


@pytest.mark.parametrize("name", sorted({*CONNECTOR, *STREAMING_SDK}))
def test_each_parameter_of_the_other_clients_has_one_place(name):
    places = [name in NAMES or name in ALIASES, name in REFUSED, name in UNUSED]
    assert places.count(True) == 1


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("where", ["argument", "profile", "connection", "environment"])
def test_what_would_change_address_rights_or_checks_is_refused_wherever_it_stands(
    name, where, write_profile, write_toml, home
):
    who = {name: value for name, value in KEYED.items() if name != "private_key_file"}
    who |= {} if REFUSED[name].unless_signed else {"private_key_file": "k"}
    write_toml(home / ".snowflake" / "connections.toml", f'[dev]\n{name} = "strange-4711"\n')
    call = {
        "argument": lambda: load_settings(env={}, **who, **{name: "strange-4711"}),
        "profile": lambda: load_settings(write_profile(**who, **{name: "strange-4711"}), env={}),
        "connection": lambda: load_settings(env={}, connection_name="dev", **who),
        "environment": lambda: load_settings(env={f"SNOWFLAKE_{name.upper()}": "strange-4711"}, **who),
    }[where]
    with pytest.raises(ConfigError, match=f"(?i){name}=? can't be used: ") as caught:
        call()
    assert caught.value.setting == name
    assert REFUSED[name].why in str(caught.value)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("value", [{"QUERY_TAG": "x"}, ["a"], 5])
def test_tables_and_lists_are_refused_as_well(value, write_profile):
    with pytest.raises(ConfigError, match="session_parameters can't be used: rows are streamed without a"):
        load_settings(write_profile(**KEYED, session_parameters=value), env={})


SAME = {
    "ssl": ["on", True, "TRUE"],
    "autocommit": [True],
    "ocsp_fail_open": [True],
    "cert_revocation_check_mode": ["DISABLED"],
    "passcode_in_password": [False],
    "password": ["word", None, ""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in SAME for value in SAME[name]])
def test_what_asks_for_what_is_done_anyway_is_taken(name, value, write_profile):
    settings = load_settings(write_profile(**KEYED, **{name: value}), env={})
    assert name not in settings.describe()
    assert name not in settings.sources


@pytest.mark.parametrize("name", ["ssl", "autocommit", "ocsp_fail_open"])
def test_the_other_value_is_refused(name, write_profile):
    with pytest.raises(ConfigError, match=f"{name} can't be used"):
        load_settings(write_profile(**KEYED, **{name: False}), env={})


@pytest.mark.parametrize("name", UNUSED)
def test_what_changes_nothing_is_left_out(name, write_profile):
    settings = load_settings(write_profile(**KEYED, **{name: "x"}), env={})
    assert set(settings.sources) == {*KEYED, "account_url"}


@pytest.mark.parametrize(("name", "meant"), [("rol", "role"), ("shema", "schema"), ("hosts", "host")])
def test_a_typing_error_in_a_file_is_not_another_tools_setting(name, meant, write_profile):
    with pytest.raises(ConfigError, match=f"no setting '{name}'; did you mean {meant}"):
        load_settings(write_profile(**KEYED, **{name: "x"}), env={})


def test_what_stands_beside_another_account_does_not_count(write_toml, home):
    """The default connection of another account brings neither role nor session."""
    write_toml(
        home / ".snowflake" / "connections.toml",
        '[default]\naccount = "other"\nrole = "R"\nwarehouse = "W"\ntimezone = "UTC"\nregion = "eu-west-1"\n',
    )
    settings = load_settings(env={}, **KEYED)
    assert (settings.role, settings.warehouse) == (None, None)
    assert settings.account_url == "https://a.snowflakecomputing.com"


def test_a_role_of_another_user_does_not_count(write_toml, home):
    write_toml(
        home / ".snowflake" / "connections.toml", '[default]\nuser = "other"\nrole = "R"\nschema = "S"\n'
    )
    settings = load_settings(env={}, **KEYED)
    assert (settings.role, settings.schema) == (None, "S")
    write_toml(home / ".snowflake" / "connections.toml", '[default]\nuser = "U"\nrole = "R"\n')
    assert load_settings(env={}, **KEYED).role == "R"


# -- region and protocol --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({"account": "xy1", "region": "eu-central-1"}, "xy1.eu-central-1"),
        ({"account": "xy1", "region": "west-europe.azure"}, "xy1.west-europe.azure"),
        ({"account": "xy1.eu-central-1", "region": "EU-Central-1"}, "xy1.eu-central-1"),
        ({"account": "xy1", "region": "us-west-2"}, "xy1"),
    ],
)
def test_a_region_is_a_part_of_the_address(given, host):
    settings = load_settings(env={}, **KEYED | given)
    assert settings.account_url == f"https://{host}.snowflakecomputing.com"


def test_a_region_of_china_is_under_its_own_domain():
    settings = load_settings(env={}, **KEYED | {"account": "xy1", "region": "cn-northwest-1.aws"})
    assert settings.account_url == "https://xy1.cn-northwest-1.aws.snowflakecomputing.cn"


@pytest.mark.parametrize("account", ["myorg-dev", "myorg.dev", "xy1.eu-west-1"])
def test_a_region_that_is_not_the_accounts_is_refused(account):
    with pytest.raises(ConfigError, match="region 'eu-central-1' does not go with account"):
        load_settings(env={}, **KEYED | {"account": account, "region": "eu-central-1"})


@pytest.mark.parametrize("region", ["AWS_EU_CENTRAL_1", "a b", "-x", "a..b", "evil.example/"])
def test_a_region_that_is_none_is_refused(region):
    with pytest.raises(ConfigError, match="is not a region; take the form eu-central-1"):
        load_settings(env={}, **KEYED | {"region": region})


def test_a_url_says_more_than_a_region():
    given = KEYED | {"account": "myorg-dev", "url": "https://x.example", "region": "AWS_EU_CENTRAL_1"}
    assert load_settings(env={}, **given).account_url == "https://x.example"


def test_the_connectors_protocol_is_the_scheme():
    local = {"protocol": "http", "host": "127.0.0.1", "port": 80}
    assert load_settings(env={}, **KEYED, **local).account_url == "http://127.0.0.1"
    with pytest.raises(ConfigError, match="not encrypted"):
        load_settings(env={}, **KEYED, protocol="http")


def test_the_page_has_every_setting_of_the_other_clients():
    page = (Path(snowpipe_pandas.__file__).parent.parent / "docs" / "connecting.md").read_text()
    section = page.partition("## Settings of other clients")[2].partition("\n## ")[0]
    refused, _, unused = section.partition("These have no effect")
    named = [set(re.findall(r"`([a-z0-9_]+)`", part)) for part in (refused, unused)]
    assert REFUSED.keys() <= named[0]
    assert UNUSED.keys() == named[1] - {"authenticator"}
