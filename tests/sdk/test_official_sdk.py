"""The official SDK as our witness: unchanged, against the local account; what it loads is there."""

import base64
import datetime as dt
import decimal
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.ingest.streaming import StreamingIngestClient

import snowpipe_pandas as sp
from tests.sdk.official import PATIENCE_S, Official, committed, load, put, refused

NOT_ENCRYPTED = serialization.NoEncryption()
ENCRYPTED = serialization.BestAvailableEncryption(b"a passphrase")


def pem(key, encryption=NOT_ENCRYPTED):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def key_of(official):
    return serialization.load_pem_private_key(official.pem.encode(), None)


def bare_base64(official):
    der = key_of(official).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, NOT_ENCRYPTED
    )
    return base64.b64encode(der).decode()


def key_file(official, folder):
    file = folder / "encrypted.p8"
    file.write_text(pem(key_of(official), ENCRYPTED))
    return str(file)


def address(official, host="127.0.0.1"):
    port = official.profile["url"].rpartition(":")[2]
    return official.who | {"scheme": "https", "host": host, "port": port, "private_key": official.pem}


def access_token(official):
    return official.account.door.issue_access_token(official.profile["user"])


SIGN_INS = {
    "url and inline key": lambda o, folder: o.good,
    "scheme, host and port": lambda o, folder: address(o),
    "host localhost": lambda o, folder: address(o, "localhost"),
    "key file": lambda o, folder: o.url | {"private_key_file": o.profile["private_key_file"]},
    "encrypted key": lambda o, folder: (
        o.url | {"private_key": pem(key_of(o), ENCRYPTED), "private_key_passphrase": "a passphrase"}
    ),
    "encrypted key file": lambda o, folder: (
        o.url | {"private_key_file": key_file(o, folder), "private_key_passphrase": "a passphrase"}
    ),
    "bare base64": lambda o, folder: o.url | {"private_key": bare_base64(o)},
    "names in lower case": lambda o, folder: o.good | {k: v.lower() for k, v in o.who.items()},
    "programmatic access token": lambda o, folder: (
        o.url | {"authorization_type": "PAT", "personal_access_token": access_token(o)}
    ),
}


@pytest.mark.parametrize("form", SIGN_INS)
def test_it_signs_in(official, tmp_path, form):
    table = official.table()
    client = official.pipe_client(f"{table}-STREAMING", SIGN_INS[form](official, tmp_path))
    _, status = client.open_channel("c")
    assert status.status_code == "SUCCESS"


@pytest.fixture
def identity_provider(official, tmp_path, monkeypatch):
    """A server that issues OAuth tokens of the account; both certificates are trusted."""

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"access_token": access_token(official), "expires_in": 600}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(Path(official.profile["ca_file"]).read_bytes() + authority.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"https://127.0.0.1:{server.server_port}/token"
    server.shutdown()
    server.server_close()
    serving.join()


def test_it_signs_in_with_oauth(official, identity_provider):
    table = official.table()
    oauth = {
        "authorization_type": "OAuth",
        "oauth_client_id": "client",
        "oauth_client_secret": "secret",
        "oauth_refresh_token": "refresh",
        "oauth_token_endpoint": identity_provider,
    }
    client = official.pipe_client(f"{table}-STREAMING", official.url | oauth)
    assert client.open_channel("c")[1].status_code == "SUCCESS"
    assert official.requests("token")[-1].headers["x-snowflake-authorization-token-type"] == "OAUTH"


def test_it_reads_the_profile_of_the_account(official):
    table = official.table()
    profile = str(official.account.profile)
    StreamingIngestClient("p", "DEMO", "PUBLIC", f"{table}-STREAMING", profile_json=profile).close()


def test_a_wrong_passphrase_and_a_strangers_key_are_refused(official):
    table = official.table()
    locked = {"private_key": pem(key_of(official), ENCRYPTED), "private_key_passphrase": "x"}
    refused(lambda: official.client(table, **locked), "AuthTokenError")
    stranger = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    once = {"private_key": stranger, "non_scoped_auth_failure_retry_total_backoff_seconds": "1"}
    assert "390144" in refused(lambda: official.client(table, **once), "SfApiAuthError")


def test_a_missing_table_is_named(official):
    error = refused(lambda: official.client("NO_SUCH_TABLE"), "SfApiUserError")
    assert "ERR_TABLE_DOES_NOT_EXIST" in error
    assert "NO_SUCH_TABLE" in error


def test_a_table_in_lower_case_and_a_pipe_of_ones_own(official):
    table = official.table()
    client = StreamingIngestClient.from_table("f", "demo", "public", table.lower(), properties=official.good)
    load(client.open_channel("c")[0], [{"I": 1}], "1")
    client.close()
    official.account.sql(
        f"CREATE PIPE OWN AS COPY INTO {table} FROM "
        "(SELECT $1:I, $1:S FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    )
    load(official.pipe_client("OWN").open_channel("c")[0], [{"I": 2}], "1")
    assert official.column(table) == [1, 2]


def test_opening_new_and_known_channels(official):
    client = official.client(official.table())
    channel, status = client.open_channel("a")
    assert (status.status_code, status.channel_name, status.rows_inserted_count) == ("SUCCESS", "a", 0)
    assert status.latest_committed_offset_token is None
    load(channel, [{"I": 1}], "1")
    refused(lambda: client.open_channel("a"), "ChannelAlreadyExists")
    channel.close()
    channel, status = client.open_channel("a")
    assert status.latest_committed_offset_token == "1"
    channel.close()
    assert client.open_channel("a", "x")[1].latest_committed_offset_token == "x"
    assert client.open_channel("b", "y")[1].latest_committed_offset_token == "y"
    client.close()
    assert client.is_closed()


TYPES = (
    "N NUMBER(38,0), F FLOAT, S VARCHAR, B BOOLEAN, D NUMBER(20,6), TS TIMESTAMP_NTZ, TZ TIMESTAMP_TZ, "
    "DA DATE, TI TIME, BI BINARY, L ARRAY, O OBJECT, V VARIANT"
)
MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
FULL = {
    "N": 2**70,
    "F": -1.5e300,
    "S": 'é世 "q" \\ \n\t\x01',
    "B": True,
    "D": decimal.Decimal("12345678901234.123456"),
    "TS": MOMENT,
    "TZ": MOMENT.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "DA": dt.date(1, 1, 1),
    "TI": dt.time(3, 4, 5, 678901),
    "BI": b"\x00\x01\xff",
    "L": [1, "a", None, [2]],
    "O": {"a": {"b": [1, 2]}},
    "V": {"x": (1, 2)},
}


def test_every_type_that_it_takes_arrives(official):
    table = official.table(TYPES)
    channel = official.channel(table)
    channel.append_row(FULL, "1")
    odd = {"N": 3, "F": float("nan"), "BI": bytearray(b"abc"), "V": "text", "L": [], "O": {}}
    load(channel, [dict.fromkeys(FULL), odd], "3")
    with pytest.raises(ValueError, match="object"):
        channel.append_row({"N": object()})
    found = official.account.sql(f"SELECT * FROM {table} ORDER BY N DESC NULLS LAST").to_dict("records")
    first, second, nulls = found
    plain = [int(first["N"]), first["F"], first["S"], bool(first["B"]), first["D"], bytes(first["BI"])]
    assert plain == [FULL[name] for name in ("N", "F", "S", "B", "D", "BI")]
    assert pd.Timestamp(first["TS"]) == pd.Timestamp(FULL["TS"])
    assert pd.Timestamp(first["TZ"]) == pd.Timestamp(FULL["TZ"])
    assert (str(first["DA"])[:10], str(first["TI"])) == ("0001-01-01", "03:04:05.678901")
    assert [json.loads(first[name]) for name in "LOV"] == [FULL["L"], FULL["O"], {"x": [1, 2]}]
    assert (int(second["N"]), bytes(second["BI"])) == (3, b"abc")
    assert pd.isna(second["F"])
    assert [json.loads(second[name]) for name in "VLO"] == ["text", [], {}]
    assert all(pd.isna(value) for value in nulls.values())
    # A written null in a VARIANT is a VARIANT that holds null.
    assert official.column(table, "V IS NULL") == [False] * 3
    assert official.column(f"ERROR_TABLE({table})", "ERROR_CODE") == []


def test_statuses_and_tokens_of_channels_and_client(official):
    client = official.client(official.table())
    a, b = (client.open_channel(name)[0] for name in "ab")
    a.append_row({"I": 1}, "a1")
    b.append_row({"I": 2}, "b1")
    client.initiate_flush()
    client.wait_for_flush(PATIENCE_S)
    committed(a, "a1")
    committed(b, "b1")
    tokens = client.get_latest_committed_offset_tokens(["a", "b", "never"])
    assert tokens == {"a": "a1", "b": "b1", "never": None}
    found = client.get_channel_statuses(["a", "never"])
    assert (found["a"].status_code, found["a"].rows_inserted_count) == ("SUCCESS", 1)
    assert found["never"].status_code == "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED"
    assert found["a"].created_on.year >= 2024
    assert a.get_latest_committed_offset_token() == "a1"


def test_odd_names_and_tokens_arrive_as_they_are(official):
    table = official.table()
    client = official.client(table)
    channel, _ = client.open_channel("a b/é%:1?#")
    put(channel, [{"I": 1, "S": "a"}, {"i": 2, "s": "b"}], "f/1:2 &=+é", "f/1:3 &=+é")
    committed(channel, "f/1:3 &=+é")
    channel.close()
    client.drop_channel("a b/é%:1?#")
    assert official.column(table, "I || S") == ["1a", "2b"]  # keys are matched row by row, in any case


def test_dropped_channels_are_forgotten(official):
    client = official.client(official.table())
    for drop in (lambda channel: client.drop_channel("d"), lambda channel: channel.close(drop=True)):
        channel, status = client.open_channel("d")
        assert status.latest_committed_offset_token is None
        load(channel, [{"I": 1}], "1")
        drop(channel)
        assert channel.is_closed()
    assert "ERR_CHANNEL_DOES_NOT_EXIST" in refused(lambda: client.drop_channel("never"))


def test_reopening_waits_for_rows_that_are_not_committed(official):
    table = official.table()
    client = official.client(table)
    channel, _ = client.open_channel("u")
    official.account.channels.pause()
    put(channel, [{"I": 1}], "1")
    channel.close()
    timer = threading.Timer(0.5, official.account.channels.resume)
    timer.start()
    _, status = client.open_channel("u")
    timer.join()
    assert status.latest_committed_offset_token == "1"
    assert official.column(table) == [1]


def test_bad_rows_are_skipped_counted_and_kept(official):
    table = official.table()
    channel = official.channel(table)
    put(channel, [{"I": "no number"}, {"I": 1}], "1", "2")
    committed(channel, "2")
    load(channel, [{"I": 2}], "3")
    status = until_status(channel, lambda status: status.rows_parsed_count == 3)
    assert (status.status_code, status.rows_inserted_count, status.rows_error_count) == ("SUCCESS", 2, 1)
    assert status.last_error_offset_token_upper_bound == "2"
    assert status.last_error_message
    assert status.last_error_timestamp
    assert official.column(table) == [1, 2]
    (details,) = official.column(f"ERROR_TABLE({table})", "ERROR_METADATA")
    details = json.loads(details)["details"]
    assert (details["offset_token_lower_bound"], details["offset_token_upper_bound"]) == ("1", "2")


def until_status(channel, condition):
    """Wait for a status: the SDK requests one only now and then."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition(status := channel.get_channel_status()):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def test_another_client_fences_the_first_one(official):
    table = official.table()
    first, second = official.client(table), official.client(table)
    a, _ = first.open_channel("c")
    load(a, [{"I": 1}], "1")
    b, status = second.open_channel("c")
    assert status.latest_committed_offset_token == "1"
    error = refused(lambda: put(a, [{"I": -1}], "2"), "InvalidChannelError")
    assert "STALE_CONTINUATION_TOKEN_SEQUENCER" in error
    load(b, [{"I": 2}], "2")
    assert official.column(table) == [1, 2]


def test_two_clients_at_once(official):
    table = official.table()
    channels = [official.channel(table, f"c{i}") for i in range(2)]

    def write(i):
        for k in range(300):
            channels[i].append_row({"I": 1000 * i + k}, str(k))
        channels[i].wait_for_flush(PATIENCE_S)
        committed(channels[i], "299")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert official.column(table) == [*range(300), *range(1000, 1300)]


def test_large_loads_come_as_files_whole_in_order_and_without_bad_rows(official):
    table = official.table()
    channel = official.channel(table)
    uploads = len(official.requests("upload"))
    for k in range(0, 40_000, 1000):
        rows = [{"I": k + i, "S": f"row {k + i} of many, with some text"} for i in range(1000)]
        if k == 20_000:
            rows[7]["I"] = "no number"
        channel.append_rows(rows, str(k), str(k + 1000))
    channel.wait_for_flush(PATIENCE_S)
    load(channel, [{"I": 40_000}], "40001")
    assert len(official.requests("upload")) > uploads
    status = until_status(channel, lambda status: status.rows_parsed_count == 40_001)
    assert (status.rows_inserted_count, status.rows_error_count) == (40_000, 1)
    loaded = official.account.sql(f"SELECT I, S FROM {table}")
    assert loaded["I"].tolist() == [i for i in range(40_001) if i != 20_007]
    assert loaded["S"][39_998] == "row 39999 of many, with some text"


def test_trouble_with_files_loses_and_doubles_nothing(official):
    table = official.table()
    channel = official.channel(table)
    official.account.faults.add("upload", status=503)
    official.account.faults.add("upload", cut_after=True)
    official.account.faults.add("filebuffer", status=503)
    official.account.faults.add("filebuffer", cut_before=True)
    channel.append_rows([{"I": i, "S": f"{i:0150}"} for i in range(20_000)], "0", "20000")
    channel.wait_for_flush(2 * PATIENCE_S)
    committed(channel, "20000")
    assert {request.status for request in official.requests("filebuffer")} >= {503, None, 200}
    assert official.column(table) == list(range(20_000))


def test_trouble_with_appends_loses_and_doubles_nothing(official):
    table = official.table()
    channel = official.channel(table)
    for k, fault in enumerate(({"status": 503}, {"status": 429}, {"cut_before": True})):
        official.account.faults.add("append", **fault)
        put(channel, [{"I": k}], str(k))
    official.account.door.revoke_scoped()
    load(channel, [{"I": 3}], "3")
    assert official.column(table) == [0, 1, 2, 3]


def test_a_lost_answer_ends_the_channel_and_the_committed_token_says_where_to_go_on(official):
    table = official.table()
    client = official.client(table)
    channel, _ = client.open_channel("t")
    official.account.faults.add("append", cut_after=True)
    refused(lambda: put(channel, [{"I": 1}], "1"), "InvalidChannelError")
    channel.close(wait_for_flush=False)
    channel, status = client.open_channel("t")
    assert status.latest_committed_offset_token == "1"
    load(channel, [{"I": 2}], "2")
    assert official.column(table) == [1, 2]


def test_it_survives_a_restart_of_the_account(monkeypatch):
    with sp.local(tls=True, commit_lag_s=0.05) as account:
        official = Official(account)
        monkeypatch.setenv("SSL_CERT_FILE", official.profile["ca_file"])
        table = official.table()
        channel = official.channel(table)
        put(channel, [{"I": 1}], "1")
        account.stop()
        account.start()
        load(channel, [{"I": 2}], "2")
        official.close()
        assert official.column(table) == [1, 2]


def test_a_failover_ends_its_client_and_a_new_one_goes_on(official):
    table = official.table()
    channel = official.channel(table)
    load(channel, [{"I": 1}], "1")
    official.account.fail_over()
    try:
        assert "410" in refused(lambda: put(channel, [{"I": 2}], "2"), "InvalidChannelError")
        load(official.channel(table), [{"I": 2}], "2")
    finally:
        official.account.fail_over()
    assert official.column(table) == [1, 2]


def test_elastic_channels_with_handlers_and_status(official):
    table = official.table()
    channel = official.client(table).get_elastic_channel()
    done, failed = [], []
    channel.set_success_handler(lambda detail: done.extend(detail.append_tokens))
    channel.set_error_handler(lambda detail: failed.extend(detail.append_tokens))
    channel.append_row({"I": 1}, "t1")
    channel.append_rows([{"I": 2}, {"I": "bad"}], "t2")
    channel.append_row_with_wait({"I": 4}, "t3").result(PATIENCE_S)
    channel.wait_for_flush(PATIENCE_S)
    assert official.column(table) == [1, 2, 4]  # durable before the answer
    status = until_status(channel, lambda status: status.rows_parsed_count == 4)
    assert (status.status_code, status.rows_inserted_count, status.rows_error_count) == ("SUCCESS", 3, 1)
    assert "bad" in status.last_error_message
    assert len(official.column(f"ERROR_TABLE({table})", "ERROR_CODE")) == 1
    official.account.faults.add("append", status=400, body=b'{"code":"ERR_X","message":"m"}')
    refused(lambda: channel.append_row_with_wait({"I": 5}, "t5").result(PATIENCE_S))
    assert (sorted(done), failed) == (["t1", "t2", "t3"], ["t5"])
    assert official.column(table) == [1, 2, 4]


def test_elastic_channels_load_files_too(official):
    table = official.table()
    channel = official.client(table).get_elastic_channel()
    calls = [[{"I": k + i, "S": "x" * 100} for i in range(1000)] for k in range(0, 20_000, 1000)]
    futures = [channel.append_rows_with_wait(rows, k) for k, rows in enumerate(calls)]
    for future in futures:
        future.result(PATIENCE_S)
    assert official.column(table) == list(range(20_000))


FRAME = pd.DataFrame(
    {
        "N": [1, -(2**53), 0],
        "F": [1.5, -0.1, 1e-300],
        "S": ["é世", "", None],
        "B": [True, False, True],
        "TS": [pd.Timestamp(text) for text in ("2026-01-02 03:04:05.678901", "1970-01-01", "1900-02-28")],
        "D": [decimal.Decimal("12345678901234.123456"), decimal.Decimal("-0.1"), None],
        "DA": [dt.date(2026, 1, 2), dt.date(1, 1, 1), None],
        "TI": [dt.time(3, 4, 5, 678901), dt.time(0), None],
        "BI": [b"\x00\xff", b"", None],
        "L": [[1, 2], [], [None]],
        "O": [{"a": 1}, {"a": 2}, {"a": None}],
    }
)


def as_the_sdk_takes_it(value):
    """It refuses pandas' own types, and writes a missing text as NaN."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return None if isinstance(value, float) and pd.isna(value) else value


def test_the_same_frame_through_the_sdk_and_through_us_gives_equal_tables(official):
    theirs, ours = official.table(TYPES), official.table(TYPES)
    records = [
        {name: as_the_sdk_takes_it(value) for name, value in row.items()} for row in FRAME.to_dict("records")
    ]
    load(official.channel(theirs), records, "3")
    with sp.connect(official.account.profile) as client:
        channel = client.open_channel("c", table=f"DEMO.PUBLIC.{ours}")
        assert FRAME.snowpipe.stream(channel, progress=False).rows_rejected == 0
    both = [official.account.sql(f"SELECT * FROM {table} ORDER BY N") for table in (theirs, ours)]
    assert len(both[0]) == len(FRAME)
    pd.testing.assert_frame_equal(*both)


def test_our_client_goes_on_where_the_sdk_ended(official):
    table = official.table()
    channel = official.channel(table, "shared")
    load(channel, [{"I": 1}], "1")
    channel.close()
    with sp.connect(official.account.profile) as ours:
        channel = ours.open_channel("shared", table=f"DEMO.PUBLIC.{table}")
        assert channel.opened_status.last_committed_offset_token == "1"
        pd.DataFrame({"I": [2, 3]}).snowpipe.stream(channel, load_id="l", progress=False)
    assert official.column(table) == [1, 2, 3]


def test_every_request_of_the_sdk_is_known(official):
    load(official.channel(official.table()), [{"I": 1}], "1")
    assert not official.requests("unknown")
    assert official.requests("telemetry")
