"""Account names: every form in use, and nothing else."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.auth.accounts import DOMAIN, Account
from snowpipe_pandas.errors import ConfigError

FORMS = [
    ("xy12345", "XY12345", "xy12345"),
    ("XY12345", "XY12345", "xy12345"),
    ("xy12345.us-east-1", "XY12345", "xy12345.us-east-1"),
    ("xy12345.eu-central-1.aws", "XY12345", "xy12345.eu-central-1.aws"),
    ("xy12345.us-central1.gcp", "XY12345", "xy12345.us-central1.gcp"),
    ("XY12345.West-Europe.Azure", "XY12345", "xy12345.west-europe.azure"),
    ("xy12345.us-gov-west-1.aws", "XY12345", "xy12345.us-gov-west-1.aws"),
    ("myorg-dev", "MYORG-DEV", "myorg-dev"),
    ("MyOrg-My_Account", "MYORG-MY_ACCOUNT", "myorg-my-account"),
    ("myorg.dev", "MYORG-DEV", "myorg-dev"),
    ("MYORG.my_account", "MYORG-MY_ACCOUNT", "myorg-my-account"),
    ("xy12345.global", "XY12345", "xy12345.global"),
    ("xy12345-a1b2c3.global", "XY12345", "xy12345-a1b2c3.global"),
    ("myorg-dev.privatelink", "MYORG-DEV", "myorg-dev.privatelink"),
    ("xy12345.privatelink", "XY12345", "xy12345.privatelink"),
    ("xy12345.us-east-1.privatelink", "XY12345", "xy12345.us-east-1.privatelink"),
    ("  myorg-dev\n", "MYORG-DEV", "myorg-dev"),
]


@pytest.mark.parametrize(("text", "claim", "host"), FORMS)
def test_every_form_gives_claim_and_host(text, claim, host):
    assert Account.parse(text) == Account(claim, f"{host}.{DOMAIN}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("https://myorg-dev.snowflakecomputing.com", "take 'myorg-dev'"),
        ("myorg-dev.snowflakecomputing.com", "take 'myorg-dev'"),
        ("xy1.us-east-1.snowflakecomputing.com/console", "take 'xy1.us-east-1'"),
        ("", "take the form myorg-myaccount"),
        ("my org", "take the form myorg-myaccount"),
        ("a..b", "take the form myorg-myaccount"),
        (".a", "take the form myorg-myaccount"),
        ("a.", "take the form myorg-myaccount"),
        ("-a", "take the form myorg-myaccount"),
        ("münchen", "take the form myorg-myaccount"),
        ("a\nb", "take the form myorg-myaccount"),
    ],
)
def test_what_is_not_an_account_name_is_refused_with_what_to_write(text, hint):
    with pytest.raises(ConfigError, match=hint) as caught:
        Account.parse(text)
    assert caught.value.setting == "account"


labels = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)


@settings(derandomize=True, deadline=None)
@given(st.lists(labels, min_size=1, max_size=4).map(".".join))
def test_claims_have_no_region_and_hosts_are_legal_whatever_the_case(text):
    account = Account.parse(text)
    assert account == Account.parse(text.upper()) == Account.parse(text.lower())
    assert re.fullmatch(r"[A-Z0-9][A-Z0-9_-]*", account.claim)
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", account.host)
    assert Account.parse(account.claim).claim == account.claim


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_an_account_or_a_config_error(text):
    try:
        account = Account.parse(text)
    except ConfigError:
        return
    assert account.host.isascii()
