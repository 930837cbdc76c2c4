"""The ingest host: which hosts an account may name, and that rows and scope go to the one it named."""

import ssl
from urllib.parse import parse_qs

import pytest
import trustme

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ConfigError, ServiceError, TransportError
from tests.support.hostile import hostile_service, reply


@pytest.fixture
def plain():
    with hostile_service() as service:
        yield service


@pytest.fixture
def encrypted():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    with hostile_service(tls=context) as service, authority.cert_pem.tempfile() as file:
        service.ca_file = file
        yield service


NO_HOSTS = [
    *(
        "",
        " ",
        "a b",
        "user@127.0.0.1",
        "127.0.0.1/path",
        "127.0.0.1\\evil",
        "127.0.0.1:0",
        "127.0.0.1:99999",
    ),
    *(
        "127.0.0.1\r\nHost: evil",
        "127.0.0.1%2eevil",
        "\u0430.example",
        "0x7f.1",
        "localhost.",
        "127.1",
        "a" * 300,
    ),
    *("[::ffff:127.0.0.1]", "http://127.0.0.1", "[::1", "127.0.0.1:80:80", "\x1b[2J"),
]


@pytest.mark.parametrize("host_text", NO_HOSTS)
@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "text"])
def test_what_is_not_a_host_is_not_contacted(plain, host_text, as_json):
    plain.answers["discover"] = reply({"hostname": host_text} if as_json else host_text.encode())
    with pytest.raises(ServiceError, match="the answer names no host") as caught:
        plain.open()
    assert str(caught.value).isprintable()
    assert not plain.requests("token")


@pytest.mark.parametrize("host_text", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0"])
def test_plain_http_is_for_this_machine_even_where_the_host_is_allowed(plain, host_text):
    plain.answers["discover"] = reply(host_text.encode())
    with pytest.raises(ServiceError, match="plain http is for this machine only"):
        plain.open(allow_ingest_hosts=[host_text])
    assert not plain.requests("token")


@pytest.mark.parametrize("host_text", ["evil.invalid", "x1.snowflakecomputing.com", "10.0.0.1:443"])
def test_a_host_outside_of_the_accounts_domain_gets_no_token(encrypted, host_text):
    encrypted.answers["discover"] = reply(host_text.encode())
    host = host_text.partition(":")[0]
    with pytest.raises(ServiceError, match=rf'connect\(allow_ingest_hosts=\["{host}"\]\)'):
        encrypted.open(ca_file=encrypted.ca_file)
    assert not encrypted.requests("token")


def test_a_host_that_is_allowed_is_dialled_and_is_the_scope_of_its_token(encrypted):
    encrypted.answers["discover"] = reply(b"IN_GEST.example.invalid")
    with pytest.raises(TransportError, match="could not reach in-gest.example.invalid"):
        encrypted.open(ca_file=encrypted.ca_file, allow_ingest_hosts=["*.Example.Invalid"])
    form = parse_qs(encrypted.requests("token")[0][3].decode())
    assert form["scope"] == ["in-gest.example.invalid"]


@pytest.mark.parametrize(
    "given", ["*.example.com", [5], ["*"], ["*.com"], ["https://a.example"], 5, [None], ["a b"]]
)
def test_what_allows_no_host_or_all_is_refused(given):
    with pytest.raises(ConfigError, match="allow_ingest_hosts") as caught:
        sp.connect(account="a", user="u", authenticator="OAUTH", token="t", allow_ingest_hosts=given)
    assert caught.value.setting == "allow_ingest_hosts"
