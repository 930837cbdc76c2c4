"""Mistakes of users: one clear exception each, naming the thing and the next step; nothing is half-sent."""

import json
import socket
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
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
from snowpipe_pandas.rest.client import Client
from tests.support.clocks import QuickClock
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


def test_an_expired_jwt_is_replaced_before_it_is_used(account):
    """A client that slept past its JWT signs a new one; a refusal in spite of that names the cause."""
    clock = QuickClock()
    with Client(load_settings(account.profile), clock=clock) as client:
        make_table(account)
        first = client.token()
        clock.pass_time(3601)
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


def test_something_that_is_not_a_table(account, channel):
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


MISTAKES = {
    # argument: [(what was given, what the message must say)]
    "load_id": [
        (7, r'load_id=7 can.t be used: give a text .*such as load_id="flights-2013"'),
        ("", "1 to 100 characters"),
        ("a b", "without spaces"),
        ("a:b", "and colons"),
        ("a" * 101, "1 to 100 characters"),
        ("a\udce9", r"load_id='a\\udce9'"),
        ("a\0", r"load_id='a\\x00'"),
    ],
    "on_error": [
        ("ignore", """on_error='ignore' can.t be used: give "raise" or "report".*"""),
        (None, "None"),
    ],
    "progress": [
        ("yes", r'progress=.yes. .*"auto", "compact", True, False, or a function'),
        (None, "None"),
        (1, "=1 "),
    ],
    "commit_timeout_s": [
        (float("nan"), "commit_timeout_s=nan can.t be used: give a number of seconds, 0 or more, such as"),
        (-1, "=-1 "),
        ("60", "='60' "),
        (None, "None"),
        (True, "True"),
        (np.timedelta64(5, "s"), "timedelta64"),
    ],
    "max_in_flight_bytes": [
        (True, "=True can.t be used: give a whole number, 1 or more, such as max_in_flight_bytes=134217728"),
        (1e8, "100000000.0"),
        (0, "=0 "),
        (10**30, "whole number"),
    ],
    "after": [("a b", r"after='a b' can.t be used: give a text .*without spaces")],
    "flush_interval_s": [(-1, "=-1 can.t be used: give a number of seconds from 0 to 86,400, such as")],
    "limits": [(7, r"limits=7 can.t be used: give limits such as sp.LoadLimits\(")],
    "wait": [("no", "wait='no' can.t be used: give True or False"), (0, "=0 ")],
    "background": [(None, "background=None .*True or False")],
    "index": [("ID", "index='ID' .*True or False")],
    "columns": [(["ID"], r"columns=\['ID'\] .*a mapping of old to new names"), ({"ID": 7}, '{"old": "NEW"}')],
    "column_case": [("lower", """column_case='lower' .*give "keep" or "upper".*""")],
    "nulls": [(np.array(["emit"]), '"emit" or "omit"')],
    "binary_format": [("base32", '"base64" or "hex" or "utf-8"')],
}


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [(name, value, match) for name, mistakes in MISTAKES.items() for value, match in mistakes],
)
def test_an_argument_of_stream_that_cannot_be_used_is_named(account, channel, name, value, match):
    with pytest.raises(UsageError, match=match) as caught:
        sp.stream(iter([numbers(1)]), channel, **({"progress": False} | {name: value}))
    assert str(caught.value).startswith(name)
    assert operations(account, "rows") == []


def test_a_refused_call_leaves_the_iterator_unread(channel):
    source = iter([numbers(1)])
    with pytest.raises(UsageError, match="load_id"):
        sp.stream(source, channel, load_id=7)
    assert next(source) is not None


@pytest.mark.parametrize("target", [None, 7, sp])
def test_what_is_not_a_target_says_how_to_make_one(target):
    wanted = (
        r"target=.*give a table, such as client.table\(.*, or an open channel, such as client.open_channel\("
    )
    with pytest.raises(UsageError, match=wanted):
        numbers(1).snowpipe.stream(target)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"load_id": np.str_("numpy")}, {"load_id": "numpy"}),
        ({"commit_timeout_s": np.float32(20), "max_in_flight_bytes": np.int64(1000)}, {"committed": True}),
        ({"commit_timeout_s": Fraction(20), "wait": np.bool_(True)}, {"committed": True}),
        ({"commit_timeout_s": float("inf")}, {"committed": True}),
        ({"wait": np.bool_(False)}, {"rows": 3}),
    ],
)
def test_numbers_flags_and_texts_of_numpy_are_taken(channel, options, wanted):
    result = numbers(3).snowpipe.stream(channel, progress=np.bool_(False), **options)
    assert {name: getattr(result, name) for name in wanted} == wanted


CALLS = {
    "no channel name": (
        lambda it: it.client.open_channel(None, table=TABLE),
        r'name=None can.t name a channel: give a text .*such as "notebook-1"',
    ),
    "a name with a lone surrogate": (
        lambda it: it.client.open_channel("a\udce9", table=TABLE),
        "lone surrogates",
    ),
    "a name with NUL": (lambda it: it.client.open_channel("a\0", table=TABLE), "without NUL"),
    "a table that is not a text": (
        lambda it: it.client.open_channel("a", table=7),
        'table=7 .*such as table="DEMO.PUBLIC.FLIGHTS"',
    ),
    "a pipe that is not a text": (lambda it: it.client.open_channel("a", pipe=b"P"), r"pipe=b'P' .*pipe="),
    "a table with NUL": (lambda it: it.client.open_channel("a", table='"A\0"'), "table=.*without NUL"),
    "an empty table": (lambda it: it.client.open_channel("a", table=""), "DB.SCHEMA"),
    "a token that is not a text": (
        lambda it: it.client.open_channel("a", table=TABLE, offset_token=7),
        "offset_token=7 ",
    ),
    "names that are one name": (
        lambda it: it.client.channel_statuses("notebook-1", table=TABLE),
        r'names=.notebook-1. .*names=\["notebook-1"\]',
    ),
    "a name among names": (
        lambda it: it.client.channel_statuses(["a", None], table=TABLE),
        r"names\[1\]=None can.t name",
    ),
    "rows that are text": (
        lambda it: it.channel.append_rows('{"ID":1}', start_offset_token="0", end_offset_token="1"),
        "body=.*give the bytes of newline-delimited JSON",
    ),
    "a start token that is a number": (
        lambda it: it.channel.append_rows(b"", start_offset_token=0, end_offset_token="1"),
        'start_offset_token=0 .*start_offset_token="0"',
    ),
    "an unknown encoding": (
        lambda it: it.channel.append_rows(
            b"", start_offset_token="0", end_offset_token="1", content_encoding="deflate"
        ),
        """content_encoding='deflate' .*"zstd" or "gzip".*""",
    ),
    "a token to wait for": (lambda it: it.channel.wait_for_commit(7), "token=7 .*a function that judges"),
    "a time to wait": (lambda it: it.channel.wait_for_commit(timeout_s=-1), "timeout_s=-1 .*0 or more"),
    "a token to reopen with": (lambda it: it.channel.reopen(offset_token=b"1"), "offset_token=b'1' "),
    "a target of check": (
        lambda it: numbers(1).snowpipe.check(7),
        'target=7 .*an open channel, .* or types of columns by name, such as {"CARRIER": "VARCHAR"}',
    ),
    "a name to check": (lambda it: numbers(1).snowpipe.check(TABLE), "pass client=client too"),
    "a type of a target": (lambda it: numbers(1).snowpipe.check({"ID": int}), "types of columns by name"),
    "a table of ddl": (lambda it: numbers(1).snowpipe.ddl(None), "table=None .*DEMO.PUBLIC.FLIGHTS"),
    "a flag of ddl": (lambda it: numbers(1).snowpipe.ddl("T", not_null="ID"), "not_null='ID' .*True or"),
    "an option of to_ndjson": (lambda it: numbers(1).snowpipe.to_ndjson(nulls=None), "nulls=None .*emit"),
    "no jobs": (lambda it: sp.Jobs(None), r"jobs=None .*sp.Jobs\(\["),
    "a result among jobs": (lambda it: sp.Jobs([1]), r"jobs\[0\]=1 .*sp.Jobs\(\["),
    "statements that are not a text": (lambda it: it.account.sql(None), "text=None .*SELECT 1"),
    "a statement that ends in a quote": (lambda it: it.account.sql("SELECT '"), "the SQL can.t be"),
}


@pytest.mark.parametrize("mistake", CALLS)
def test_a_call_that_cannot_work_says_what_to_give(account, client, channel, mistake):
    call, match = CALLS[mistake]
    before = len(account.requests)
    with pytest.raises(UsageError, match=match):
        call(SimpleNamespace(account=account, client=client, channel=channel))
    assert len(account.requests) == before


def test_a_call_that_was_refused_leaves_the_channel_as_it_was(account, channel):
    with pytest.raises(UsageError, match="body"):
        channel.append_rows(None, start_offset_token="0", end_offset_token="1")
    with pytest.raises(UsageError, match="offset_token"):
        channel.reopen(offset_token=7)
    channel.append_rows(b'{"ID":1}\n', start_offset_token="0", end_offset_token="1")
    assert channel.wait_for_commit(timeout_s=20).rows_inserted == 1


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        ("60", UsageError),
        (float("nan"), UsageError),
        (True, UsageError),
        (0, None),
        (-1, None),
        (1e300, None),
    ],
)
def test_how_long_to_wait_for_a_job(channel, timeout, error):
    job = numbers(3).snowpipe.stream(channel, background=True)
    assert job.wait(float("inf"))
    for wait in (job.wait, job.result, job.exception, sp.Jobs([job]).wait, sp.Jobs([job]).results):
        if error is None:
            wait(timeout)
        else:
            with pytest.raises(
                error, match="timeout=.*give a number of seconds, such as timeout=60, or None"
            ):
                wait(timeout)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: sp.RetryPolicy(attempts=0), "attempts=0 .*a whole number, 1 or more"),
        (lambda: sp.RetryPolicy(attempts=1.5), "attempts=1.5 "),
        (lambda: sp.RetryPolicy(budget_s=float("nan")), "budget_s=nan .*0 or more"),
        (lambda: sp.RetryPolicy(base_s="1"), "base_s='1' "),
        (lambda: sp.RetryPolicy(jitter=2), "jitter=2 .*from 0 to 1"),
        (lambda: sp.RetryPolicy(base_s=5, cap_s=1), "base_s=5 is above cap_s=1.*raise cap_s or lower base_s"),
        (lambda: sp.Timeouts(read_s=-1), "read_s=-1 .*from 0.001 to 86,400"),
        (lambda: sp.Timeouts(connect_s=0), "connect_s=0 "),
        (lambda: sp.Timeouts(total_s=float("inf")), "total_s=inf "),
        (lambda: sp.Timeouts(total_s=None), "total_s=None "),
    ],
)
def test_a_policy_that_cannot_be_names_its_number(make, match):
    with pytest.raises(ConfigError, match=match) as caught:
        make()
    assert caught.value.setting in ("retry", "timeouts")


def test_a_policy_takes_numbers_of_numpy():
    policy = sp.RetryPolicy(attempts=np.int8(3), base_s=np.float32(0.5), budget_s=np.int64(60))
    assert policy == sp.RetryPolicy(attempts=3, base_s=0.5, budget_s=60.0)
    assert type(policy.budget_s) is float
    assert sp.Timeouts(read_s=Fraction(1, 2)).read_s == 0.5


NOT_A_KEY = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("given", "setting", "match"),
    [
        (
            {"profile": {"private_key": NOT_A_KEY}},
            "profile",
            r"profile can.t be of type dict: .*connect\(.profile.json.\)",
        ),
        ({"profile": NOT_A_KEY}, "profile", "profile can.t be such a text: give the path of a profile"),
        ({"profile": b"profile.json"}, "profile", "the path of a profile"),
        ({"connection_name": 7}, "connection_name", "connection_name can.t be of type int: give the name"),
        ({"connection_name": NOT_A_KEY}, "connection_name", "connection_name can.t be such a text"),
        ({"retry": {"password": NOT_A_KEY}}, "retry", r"retry of type dict .*sp.RetryPolicy\("),
        ({"timeouts": 5}, "timeouts", r"timeouts of type int .*sp.Timeouts\("),
        ({"user": "a\0"}, "user", "user must be one line of plain text"),
        ({"database": "a\udce9"}, "database", "database must be one line of plain text"),
        ({"token_file_path": "a\0"}, "token_file_path", "must be a path"),
        ({"ca_file": "a" * 5000}, "ca_file", "ca_file"),
    ],
)
def test_an_impossible_setting_is_reported_without_its_value(account, given, setting, match):
    with pytest.raises(ConfigError, match=match) as caught:
        sp.connect(**({} if "token_file_path" in given else {"token": "t"}), **WHO | given)
    assert caught.value.setting == setting
    assert "bm90IGEga2V5" not in str(caught.value)


WHO = {"url": "http://127.0.0.1:1", "account": "a", "user": "u"}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"port": 70_000}, "port=70000 .*a whole number from 0 to 65,535"),
        ({"port": "8080"}, "port='8080' "),
        ({"path": 7}, "path=7 .*the path of a file"),
        ({"path": "a\0"}, "path=.*the path of a file"),
        ({"path": ""}, "path='' "),
        ({"commit_lag_s": -1}, "commit_lag_s=-1 .*a number of seconds from 0 to"),
        ({"commit_lag_s": float("inf")}, "commit_lag_s=inf "),
        ({"token_lifetime_s": None}, "token_lifetime_s=None "),
        ({"tls": "yes"}, "tls='yes' .*True or False"),
    ],
)
def test_a_local_account_that_cannot_be_says_why(given, match):
    with pytest.raises(UsageError, match=match):
        sp.local(**given)


def test_a_folder_that_cannot_hold_the_accounts_key_is_named(tmp_path):
    (tmp_path / "a.account").write_text("a file")
    with pytest.raises(UsageError, match="a.account.* another path, remove what is in the way"):
        sp.local(tmp_path / "a")
    (tmp_path / "a.account").unlink()
    with sp.local(tmp_path / "a") as account:  # the database was given back
        assert account.sql("SELECT 1 AS N")["N"].tolist() == [1]


def test_nul_in_sql_is_a_character_like_others(account):
    assert account.sql("SELECT 'a\0b' AS X")["X"].tolist() == ["a\0b"]


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
