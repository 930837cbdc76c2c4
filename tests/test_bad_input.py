"""Mistakes of users: one clear exception each, naming the thing and the next step; nothing is half-sent."""

import json
import socket

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    AuthenticationError,
    ClosedError,
    ConfigError,
    DataError,
    DuplicateColumnError,
    EmptySourceError,
    NotFoundError,
    TransportError,
    UnknownColumnError,
    UnsupportedColumnError,
    UsageError,
)
from tests.support.loads import TABLE, ids, make_table, numbers, open_channel, operations


@pytest.fixture
def channel(account, client):
    make_table(account)
    return open_channel(client)


def refused_frame(account, channel, frame, error, match):
    """Streaming the frame raises, and no append has left."""
    with pytest.raises(error, match=match) as caught:
        frame.snowpipe.stream(channel, progress=False)
    assert operations(account, "rows") == []
    return caught.value


def test_the_wrong_key_for_the_user(account, tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "other.p8"
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with (
        sp.connect(account.profile, private_key_file=file) as client,
        pytest.raises(AuthenticationError, match=r"refused user 'DEMO_USER'.*SHA256:.*doctor") as caught,
    ):
        client.open_channel("a", table=TABLE)
    error = caught.value
    assert (error.status, error.code, error.user, error.account) == (401, "390144", "DEMO_USER", "LOCAL")
    assert error.fingerprint.startswith("SHA256:")


def test_an_expired_jwt_is_replaced_before_it_is_used(account, monkeypatch):
    """A client that slept past its JWT signs a new one; a refusal in spite of that names the cause."""
    with sp.connect(account.profile) as client:
        make_table(account)
        first = client.token()
        later = client._clock.monotonic() + 3601
        monkeypatch.setattr(client._clock, "monotonic", lambda: later)
        assert client.token() != first
        open_channel(client)


def test_an_expired_jwt_that_the_server_refuses_is_an_authentication_error(account):
    account.faults.add(
        "discover", times=9, status=401, body=b'{"code": "390318", "message": "JWT token has expired"}'
    )
    with (
        sp.connect(account.profile) as client,
        pytest.raises(AuthenticationError, match=r"390318: JWT token has expired.*clock"),
    ):
        open_channel(client)


@pytest.mark.parametrize("target", [{"table": "DEMO.PUBLIC.NOWHERE"}, {"pipe": "DEMO.PUBLIC.NOWHERE"}])
def test_a_missing_table_or_pipe_is_named(client, target):
    with pytest.raises(NotFoundError, match=r"NOWHERE.*check the name") as caught:
        client.open_channel("a", **target)
    assert caught.value.status == 404


def test_a_missing_database_is_named(client):
    with pytest.raises(NotFoundError, match="NO_SUCH_DB"):
        client.open_channel("a", table="NO_SUCH_DB.PUBLIC.T")


@pytest.mark.parametrize("target", [{}, {"table": TABLE, "pipe": "DEMO.PUBLIC.P"}])
def test_neither_or_both_of_table_and_pipe(client, target):
    with pytest.raises(UsageError, match="either table= or pipe="):
        client.open_channel("a", **target)


@pytest.mark.parametrize("name", ["", "A..B", 'A."B', "A.B.C.D", "A B"])
def test_a_table_name_that_is_none(client, name):
    with pytest.raises(ConfigError, match=r"DATABASE.SCHEMA|name"):
        client.open_channel("a", table=name or "...")


def test_an_unknown_column_is_named_with_what_it_may_have_meant(account, channel):
    frame = numbers(3).rename(columns={"TEXT": "TEXTT"})
    error = refused_frame(account, channel, frame, UnknownColumnError, "'TEXTT'; did you mean 'TEXT'")
    assert error.columns == ("TEXTT",)


def test_an_unreachable_host():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with sp.local() as account:
        profile = json.loads(account.profile.read_text())
        settings = {name: profile[name] for name in ("account", "user", "private_key_file")}
        with (
            sp.connect(
                url=f"http://127.0.0.1:{port}", retry=sp.RetryPolicy(budget_s=0.2), **settings
            ) as client,
            pytest.raises(TransportError, match=f"could not reach 127.0.0.1:{port} .connection refused"),
        ):
            client.open_channel("a", table=TABLE)


def test_plain_http_to_another_machine():
    with pytest.raises(ConfigError, match=r"not encrypted.*https"):
        sp.connect(url="http://example.com", account="a", user="u", private_key="x")


def test_a_frame_without_columns(account, channel):
    refused_frame(account, channel, pd.DataFrame(), EmptySourceError, "no columns")


def test_duplicate_column_names(account, channel):
    frame = pd.DataFrame([[1, 2]], columns=["ID", "ID"])
    refused_frame(account, channel, frame, DuplicateColumnError, r"\['ID'\]")


def test_unsupported_dtypes_are_all_named_with_what_to_do(account, channel):
    frame = pd.DataFrame(
        {
            "ID": pd.interval_range(0, 2),
            "TEXT": [1j, 2j],
            "P": pd.period_range("2026-01", periods=2, freq="M"),
            "S": pd.arrays.SparseArray([0, 1]),
            "MIXED": [1, "a"],
        }
    )
    error = refused_frame(account, channel, frame, UnsupportedColumnError, "'ID'.*'TEXT'.*'P'.*'S'.*'MIXED'")
    assert set(error.columns) == set(frame.columns)
    for hint in (".astype(str)", ".real", ".dt.to_timestamp()", ".sparse.to_dense()"):
        assert hint in str(error)


def test_something_that_is_no_table(account, channel):
    with pytest.raises(DataError, match="int is not tabular"):
        sp.stream(7, channel)


def test_a_closed_channel_and_a_closed_client(client, channel):
    channel.close()
    channel.close()
    with pytest.raises(ClosedError, match="channel 'test' is closed"):
        numbers(1).snowpipe.stream(channel, progress=False)
    client.close()
    with pytest.raises(ClosedError, match="client is closed"):
        client.open_channel("a", table=TABLE)


@pytest.mark.parametrize("load_id", ["", "a b", "a:b"])
def test_a_load_id_that_no_token_can_hold(channel, load_id):
    with pytest.raises(UsageError, match="load_id"):
        numbers(1).snowpipe.stream(channel, load_id=load_id)


def test_an_unknown_setting_is_named_with_what_it_may_have_meant():
    with pytest.raises(ConfigError, match="did you mean account="):
        sp.connect(acount="a")


def test_a_cell_that_cannot_be_sent_stops_before_its_payload(account, channel):
    frame = pd.DataFrame({"ID": [1, 2], "TEXT": pd.Series(["fine", "\ud800"], dtype=object)})
    refused_frame(account, channel, frame, DataError, "'TEXT', row 1.*surrogate")
    assert ids(account) == []


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_channel_name_that_no_url_carries(client, name):
    with pytest.raises(UsageError, match="can't name a channel"):
        client.open_channel(name, table="DEMO.PUBLIC.T")
