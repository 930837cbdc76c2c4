"""The local account as a server and as a database: rows in every form, values back by SQL."""

import gzip
import json
from datetime import date, time
from decimal import Decimal
from time import monotonic
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import requests

import snowpipe_pandas as sp
from snowpipe_pandas.errors import UsageError
from snowpipe_pandas.rest import paths
from tests.support.loads import TABLE, ids, make_table, numbers, open_channel


def stored(account, client, frame, table="DEMO.PUBLIC.BACK"):
    """Send a frame to a table of its own DDL and read the table back."""
    account.sql(frame.snowpipe.ddl(table))
    frame.snowpipe.stream(client.open_channel("back", table=table), progress=False)
    return account.sql(f"SELECT * FROM {table}")


ROUND_TRIPS = {
    "integers": [0, -(2**63), 2**63 - 1],
    "unsigned": np.array([0, 2**64 - 1, 2**53 + 1], dtype="uint64"),
    "floats": [0.1, 1e300, -5e-324],
    "booleans": [True, False, True],
    "texts": ["", 'say "hi"\\\n\t', "東京😀\x01"],
    "nanoseconds": np.array(
        ["2026-01-02T03:04:05.000000006", "1969-12-31T23:59:59.999999999", "2261-12-31"], "M8[ns]"
    ),
    "microseconds": np.array(["2026-01-02T03:04:05.000006", "1700-01-01", "2200-01-01"], "M8[us]"),
    "dates": [date(1, 1, 1), date(2026, 2, 28), date(9999, 12, 31)],
    "times": [time(0), time(23, 59, 59, 999999), time(1, 2, 3)],
    "decimals": [Decimal("12345678901234567890123456789012345678"), Decimal(-1), Decimal(0)],
    "fractions": [Decimal("0.00000000000000000000000000000000000001"), Decimal("-0.5"), Decimal(0)],
    "bytes": [b"", b"\x00\xff", b"plain"],
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_values_come_back_as_they_were(account, client, name):
    frame = pd.DataFrame({"C": ROUND_TRIPS[name]})
    back = stored(account, client, frame)["C"].tolist()
    if name in ("nanoseconds", "microseconds"):
        assert [pd.Timestamp(value) for value in back] == [pd.Timestamp(value) for value in frame["C"]]
    elif name == "dates":
        assert [pd.Timestamp(v).date() if not isinstance(v, date) else v for v in back] == frame["C"].tolist()
    else:
        assert back == frame["C"].tolist()


def test_instants_around_changes_of_the_clock_come_back_in_utc(account, client):
    """The hour that does not exist, and the hour that exists twice."""
    instants = pd.to_datetime(
        [
            "2026-03-29T00:59:59.999999999Z",
            "2026-03-29T01:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
        ],
        format="ISO8601",
    )
    frame = pd.DataFrame({"C": instants.tz_convert("Europe/Berlin").as_unit("ns")})
    walls = {str(value)[:19] for value in frame["C"].dt.tz_localize(None)}
    assert len(walls) == 3  # one of them twice
    back = stored(account, client, frame)["C"]
    assert [pd.Timestamp(value).tz_convert("UTC") for value in back] == list(instants)


def test_missing_values_come_back_missing_and_empty_texts_empty(account, client):
    frame = pd.DataFrame(
        {
            "F": [1.0, None],
            "I": pd.array([1, None], dtype="Int64"),
            "S": ["", None],
            "T": pd.to_datetime(["2026-01-01", None]),
        }
    )
    back = stored(account, client, frame)
    assert back.isna().sum().tolist() == [1, 1, 1, 1]
    assert back["S"][0] == ""


def test_the_longest_varchar_comes_back(account, client):
    text = "é" * 1_000_000
    assert stored(account, client, pd.DataFrame({"C": [text]}))["C"][0] == text


def test_nested_values_come_back_as_json(account, client):
    kind = pa.struct([("a", pa.list_(pa.int64())), ("b", pa.string())])
    table = pa.table({"S": pa.array([{"a": [1, None], "b": "x"}, None], kind), "L": pa.array([[1, 2], []])})
    account.sql("CREATE TABLE N (S OBJECT, L ARRAY, V VARIANT)")
    sp.stream(table, client.open_channel("n", table="DEMO.PUBLIC.N"), progress=False)
    back = account.sql("SELECT S, L, S:a[0]::INT AS FIRST FROM N")
    assert json.loads(back["S"][0]) == {"a": [1, None], "b": "x"}
    assert pd.isna(back["S"][1])
    assert [json.loads(value) for value in back["L"]] == [[1, 2], []]
    assert back["FIRST"][0] == 1


@pytest.fixture
def channel(account, client):
    make_table(account)
    return open_channel(client)


ROWS = b'{"ID":1,"TEXT":"a"}\n{"ID":2,"TEXT":"b"}\n'


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(ROWS, None), (gzip.compress(ROWS), "gzip"), (zstd(ROWS), "zstd")],
    ids=["plain", "gzip", "zstd"],
)
def test_rows_are_taken_plain_and_compressed(account, channel, body, encoding):
    channel.append_rows(body, start_offset_token="0", end_offset_token="2", content_encoding=encoding)
    assert channel.wait_for_commit("2").rows_inserted == 2
    assert ids(account) == [1, 2]


@pytest.mark.parametrize(
    "body",
    [ROWS.replace(b"\n", b"\r\n"), b"\n" + ROWS.replace(b"\n", b"\n\n"), ROWS[:-1]],
    ids=["crlf", "blank", "no end"],
)
def test_blank_lines_and_crlf_are_tolerated(account, channel, body):
    channel.append_rows(body, start_offset_token="0", end_offset_token="2")
    assert channel.wait_for_commit().rows_error_count == 0
    assert ids(account) == [1, 2]


def test_rows_without_any_value_are_rows_of_nulls(account, channel):
    channel.append_rows(b"{}\n{}\n", start_offset_token="0", end_offset_token="2")
    assert channel.wait_for_commit("2").rows_inserted == 2
    assert len(ids(account)) == 2


BAD_LINES = {
    "no JSON": b"nonsense",
    "cut off": b'{"ID":3',
    "NaN as a number": b'{"ID":3,"TEXT":NaN}',
    "trailing comma": b'{"ID":3,}',
    "an array": b"[1]",
    "unknown column": b'{"ID":3,"OTHER":1}',
    "no number": b'{"ID":"three"}',
    "too large a number": b'{"ID":1e40}',
    "no UTF-8": b'{"ID":3,"TEXT":"\xff"}',
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_counted_and_reported_and_the_others_are_loaded(account, channel, case):
    channel.append_rows(BAD_LINES[case] + b"\n" + ROWS, start_offset_token="0", end_offset_token="3")
    status = channel.wait_for_commit("3")
    assert (status.rows_inserted, status.rows_error_count) == (2, 1)
    assert status.last_error_message
    assert status.last_error_offset_upper_bound == "3"
    assert ids(account) == [1, 2]


def test_texts_that_only_look_loose_are_good(account, channel):
    body = b'{"ID":1,"TEXT":"NaN, Inf ,} ,]"}\n'
    channel.append_rows(body, start_offset_token="0", end_offset_token="1")
    assert channel.wait_for_commit("1").rows_error_count == 0


def test_too_much_for_one_request_is_413(channel):
    with pytest.raises(sp.SnowpipeError, match="413"):
        channel.append_rows(b"x" * (4 * 1024 * 1024 + 1), start_offset_token="0", end_offset_token="1")
    channel.reopen()
    with pytest.raises(sp.SnowpipeError, match="413"):
        channel.append_rows(
            zstd(b" " * (16 * 1024 * 1024 + 1)),
            start_offset_token="0",
            end_offset_token="1",
            content_encoding="zstd",
        )


def scoped(client):
    signer = client._planes.scoped
    return signer.headers(signer.token(client._caller)) | {"Accept": "*/*"}


def test_elastic_appends_are_durable_when_they_are_answered(account, client, channel):
    url = f"{account.url}/v2/streaming/data/databases/DEMO/schemas/PUBLIC/tables/NUMBERS/rows"
    answer = requests.post(url, data=ROWS, headers=scoped(client), timeout=10)
    assert answer.json() == {"message": "OK", "next_continuation_token": ""}
    assert ids(account) == [1, 2]
    assert (
        requests.post(
            url, params={"offsetToken": "1"}, data=ROWS, headers=scoped(client), timeout=10
        ).status_code
        == 400
    )


def test_no_answer_waits_for_a_delayed_acknowledgement(account, client, channel):
    url = f"{account.url}{paths.channel(channel.pipe, 'test')}"
    took = []
    with requests.Session() as session:
        for _ in range(20):
            started = monotonic()
            session.put(url, data=b"{}", headers=scoped(client), timeout=10)
            took.append(monotonic() - started)
    assert sorted(took)[10] < 0.035  # the machine delays an acknowledgement by 40 ms


def test_the_columns_of_a_changed_table_are_the_new_ones(account, channel):
    account.sql(f"ALTER TABLE {TABLE} DROP COLUMN TEXT")
    channel.append_rows(ROWS, start_offset_token="0", end_offset_token="2")
    assert "no such column: TEXT" in channel.wait_for_commit("2").last_error_message


def test_a_continuation_token_is_used_once(account, client, channel):
    url = account.url + paths.rows(channel.pipe, "test")
    first = channel._writer._continuation
    for wanted in (200, 400):
        answer = requests.post(
            url,
            params={"continuationToken": first, "offsetToken": "1"},
            data=ROWS,
            headers=scoped(client),
            timeout=10,
        )
        assert answer.status_code == wanted
    assert answer.json()["code"] == "STALE_CONTINUATION_TOKEN_SEQUENCER"


def test_names_of_any_letters_work_all_the_way(account, client):
    account.sql('CREATE TABLE "odd ""name"" / %" (ID NUMBER)')
    channel = client.open_channel("ch/an nel%ü", table='DEMO.PUBLIC."odd ""name"" / %"')
    pd.DataFrame({"ID": [1]}).snowpipe.stream(channel, load_id="a+/=", progress=False)
    assert channel.status().channel_name == "ch/an nel%ü"
    assert account.sql('SELECT COUNT(*) AS N FROM "odd ""name"" / %"')["N"][0] == 1


def test_a_pipe_of_ones_own_loads_its_table(account, client):
    make_table(account)
    source = "(SELECT $1:ID FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    account.sql(f"CREATE PIPE MINE AS COPY INTO NUMBERS FROM {source}")
    numbers(3).snowpipe.stream(client.open_channel("p", pipe="DEMO.PUBLIC.MINE"), progress=False)
    assert ids(account) == [0, 1, 2]


def test_other_databases_and_schemas(account, client):
    account.sql("CREATE DATABASE OTHER; CREATE SCHEMA OTHER.S; CREATE TABLE OTHER.S.T (ID NUMBER)")
    pd.DataFrame({"ID": [7]}).snowpipe.stream(client.open_channel("o", table="OTHER.S.T"), progress=False)
    assert account.sql("SELECT ID FROM OTHER.S.T")["ID"].tolist() == [7]


@pytest.mark.parametrize("text", ["SELEC 1", "SELECT * FROM NOWHERE", "ALTER WAREHOUSE X RESUME"])
def test_sql_that_fails_is_one_clear_error(account, text):
    with pytest.raises(UsageError, match="SQL|statement"):
        account.sql(text)


def test_dropping_a_channel_forgets_its_token(account, client, channel):
    numbers(2).snowpipe.stream(channel, load_id="gone", progress=False)
    channel.drop()
    assert client.channel_statuses(["test"], table=TABLE) == {}
    reopened = open_channel(client)
    assert reopened.opened_status.last_committed_offset_token is None


def test_a_file_keeps_tables_tokens_and_keys(tmp_path):
    path = tmp_path / "kept.duckdb"
    with sp.local(path) as account, sp.connect(account.profile) as client:
        make_table(account)
        numbers(3).snowpipe.stream(open_channel(client), load_id="kept", progress=False)
        profile = account.profile
    with sp.local(path, port=0) as account:
        assert account.profile == profile
        assert ids(account) == [0, 1, 2]
        with sp.connect(profile) as client:
            token = open_channel(client).opened_status.last_committed_offset_token
    assert token.startswith("kept:3:")
    assert (profile.parent / "rsa_key.p8").stat().st_mode & 0o077 == 0


def test_tls_is_verified_against_the_accounts_own_certificate():
    with sp.local(tls=True) as account:
        assert urlsplit(account.url).scheme == "https"
        make_table(account)
        with sp.connect(account.profile) as client:
            assert numbers(2).snowpipe.stream(open_channel(client), progress=False).committed
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(account.url, timeout=5)


def test_closing_twice_and_using_it_afterwards():
    account = sp.local()
    account.close()
    account.close()
    with pytest.raises(sp.SnowpipeError, match="closed"):
        account.sql("SELECT 1")


def test_times_to_the_nanosecond_come_back_with_all_digits(account):
    account.sql("CREATE TABLE T (A TIME(9), B TIME(9))")
    account.sql("INSERT INTO T SELECT '03:04:05.000000006', '03:04:05.000006'")
    row = account.sql("SELECT A, B FROM T").iloc[0]
    assert row["A"] == "03:04:05.000000006"
    assert row["B"].isoformat() == "03:04:05.000006"
