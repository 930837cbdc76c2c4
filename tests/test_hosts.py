"""The grammar of hosts, and which of them an account may send rows to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.hosts import allowed_host, belongs, host_name, is_loopback, port_number, split_port

ACCOUNT = "myorg-dev.snowflakecomputing.com"


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "a",
        "a-b.example",
        "under_score.example",
        "10.0.0.1",
        "a" * 63 + ".b",
    ],
)
def test_a_host_is_taken_as_it_is(text):
    assert host_name(text) == text


def test_case_does_not_matter():
    assert host_name("MyOrg.Example") == "myorg.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "a ",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a" * 64,
        "a." * 130 + "a",
        "user@a",
        "a/b",
        "a?b",
        "a#b",
        "a%2eb",
        "a\\b",
        "a\n",
        "a\x00b",
        "\u0430.example",
        "\uff41.example",
        "a\u200b.example",
        "0x7f.1",
        "0x7f000001",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.01",
        "256.0.0.1",
        "[::]",
        "[::2]",
        "::1",
        "[::ffff:127.0.0.1]",
        "[::1%lo]",
        "localhost.",
    ],
)
def test_what_two_readers_could_take_for_two_hosts_is_none(text):
    assert host_name(text) is None


@settings(derandomize=True, deadline=None)
@given(st.ip_addresses(v=4))
def test_of_all_addresses_only_those_of_this_machine_are_loopback(address):
    assert is_loopback(str(address)) == str(address).startswith("127.")


@pytest.mark.parametrize("host", ["127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost"])
def test_a_name_that_looks_like_this_machine_is_not(host):
    assert host_name(host) == host
    assert not is_loopback(host)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "+1", "1.0", " 80", "\u0663", "\u00b2", "9" * 5000, ""])
def test_what_is_not_a_port(text):
    assert port_number(text) is None


def test_a_port_is_split_off_and_nothing_else():
    assert split_port("a.example:443") == ("a.example", "443")
    assert split_port("[::1]:80") == ("[::1]", "80")
    assert split_port("a:b:c") == ("a", "b:c")
    assert host_name(split_port("::1")[0]) is None


@pytest.mark.parametrize(
    ("host", "account"),
    [
        (ACCOUNT, ACCOUNT),
        ("x1.ingest.snowflakecomputing.com", ACCOUNT),
        ("x1.snowflakecomputing.cn", "xy12345.cn-northwest-1.aws.snowflakecomputing.cn"),
        ("x1.privatelink.snowflakecomputing.com", "myorg-dev.privatelink.snowflakecomputing.com"),
        ("ingest.snow.corp.example", "snow.corp.example"),
        ("ingest.corp.example", "snow.corp.example"),
        ("localhost", "127.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_an_account_sends_within_its_own_domain(host, account):
    assert belongs(host, account)


@pytest.mark.parametrize(
    ("host", "account"),
    [
        ("evil.example", ACCOUNT),
        ("snowflakecomputing.com.evil.example", ACCOUNT),
        ("evilsnowflakecomputing.com", ACCOUNT),
        ("x1.snowflakecomputing.cn", ACCOUNT),
        ("127.0.0.1", ACCOUNT),
        ("10.0.0.1", ACCOUNT),
        ("169.254.169.254", "127.0.0.1"),
        ("x1.snowflakecomputing.com", "snow.corp.example"),
        ("evil.com", "snow.com"),
        ("evil.co.uk", "snow.co.uk"),
        ("10.0.0.2", "10.0.0.1"),
        ("1.10.0.0.1", "10.0.0.1"),
    ],
)
def test_and_nowhere_else(host, account):
    assert not belongs(host, account)


def test_hosts_that_the_user_allows_belong_too():
    allowed = ["*.corp.example", "one.example"]
    for host in ("a.corp.example", "a.b.corp.example", "one.example"):
        assert belongs(host, ACCOUNT, allowed)
    for host in ("corp.example", "evilcorp.example", "a.one.example"):
        assert not belongs(host, ACCOUNT, allowed)


@pytest.mark.parametrize(
    "text", ["*", "*.", "*.com", "*.*.example", "a.*.example", "*.0.0.1", "", "a b", "https://a"]
)
def test_what_allows_too_much_or_nothing_is_no_pattern(text):
    assert allowed_host(text) is None
