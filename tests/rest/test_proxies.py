"""What the environment says of proxies, certificates and passwords, and what becomes of it."""

import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
import trustme

import snowpipe_pandas as sp
from snowpipe_pandas.errors import TransportError
from tests.support.hostile import QUICK, hostile_service
from tests.support.loads import make_table, numbers, open_channel

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
RETRY = sp.RetryPolicy(**QUICK)


class Proxy:
    """Listens, records requests, and passes a CONNECT on to a port of this machine, or refuses it."""

    def __init__(self, target=None):
        self.heads, self._target = [], target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        while self._threads:
            self._threads.pop(0).join()

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head and (piece := client.recv(65_536)):
                head += piece
            self.heads.append(head.decode())
            if self._target is None:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=_copy, args=(server, client))
                back.start()
                _copy(client, server)
                back.join()


def _copy(source, target):
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


@contextmanager
def proxy(target=None):
    found = Proxy(target)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def environment(monkeypatch):
    """Sets variables, in both spellings; those not named are not set."""

    def setting(**variables):
        for name in VARIABLES:
            for spelling in (name, name.lower()):
                monkeypatch.delenv(spelling, raising=False)
                if name in variables:
                    monkeypatch.setenv(spelling, variables[name])

    setting()
    return setting


@pytest.fixture
def encrypted():
    """A service that speaks TLS, and the file of its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "account.invalid").configure_cert(context)
    with hostile_service(tls=context) as service, authority.cert_pem.tempfile() as file:
        service.ca_file = file
        yield service


def test_plain_http_goes_through_no_proxy(environment):
    with proxy() as seen:
        url = f"http://user:SECRET@{seen.address}"
        environment(HTTP_PROXY=url, HTTPS_PROXY=url, ALL_PROXY=url)
        with sp.local(commit_lag_s=0.01) as account, sp.connect(account.profile) as client:
            make_table(account)
            assert numbers(3).snowpipe.stream(open_channel(client), progress=False).committed
        assert seen.heads == []


def test_https_goes_through_the_proxy_that_is_named_for_it(environment, encrypted):
    with proxy(encrypted.port) as seen:
        environment(HTTPS_PROXY=f"http://user:SECRET@{seen.address}")
        with encrypted.connect(ca_file=encrypted.ca_file) as client:
            assert client.open_channel("c", table="D.S.T").opened_status.healthy
        assert seen.heads[0].startswith(f"CONNECT 127.0.0.1:{encrypted.port} HTTP/1.")
        assert "Proxy-Authorization: Basic" in seen.heads[0]
        assert "Bearer" not in "".join(seen.heads)


def test_https_goes_past_the_proxy_where_no_proxy_says_so(environment, encrypted):
    with proxy(encrypted.port) as seen:
        environment(ALL_PROXY=f"http://{seen.address}", NO_PROXY="127.0.0.1")
        with encrypted.connect(ca_file=encrypted.ca_file) as client:
            assert client.open_channel("c", table="D.S.T").opened_status.healthy
        assert seen.heads == []


@pytest.mark.parametrize(
    "url",
    [
        "http://user:SECRET@{}",
        "user:SECRET@{}",
        "http://user:SECRET@{}:99999",
        "http://user:SECRET@[",
        "socks5://user:SECRET@{}",
    ],
)
def test_the_password_of_a_proxy_is_in_no_error(environment, encrypted, url):
    with proxy() as seen:
        environment(HTTPS_PROXY=url.format(seen.address))
        with pytest.raises(TransportError) as caught, encrypted.connect(ca_file=encrypted.ca_file) as client:
            client.open_channel("c", table="D.S.T")
    error = caught.value
    assert "proxy" in str(error)
    assert "SECRET" not in repr(error) + repr(error.__cause__) + repr(error.__context__)


def test_a_netrc_file_replaces_no_credential(environment, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password SECRET\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with hostile_service() as service:
        service.open()
        assert len(service.seen) == 3
        assert all(headers["authorization"].startswith("Bearer ") for _, _, headers, _ in service.seen)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_count_unless_ca_file_names_others(environment, encrypted, variable):
    environment(**{variable: encrypted.ca_file})
    with encrypted.connect() as client:
        assert client.open_channel("c", table="D.S.T").opened_status.healthy
    environment(**{variable: "nowhere.pem"})
    with encrypted.connect(ca_file=encrypted.ca_file) as client:
        assert client.open_channel("c", table="D.S.T").opened_status.healthy
    with (
        pytest.raises(TransportError, match="named by REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"),
        encrypted.connect() as client,
    ):
        client.open_channel("c", table="D.S.T")
