"""Schema evolution: rows make the columns that a table with ENABLE_SCHEMA_EVOLUTION = TRUE lacks for them."""

import json

import pandas as pd
import pytest

from snowpipe_pandas.errors import UnknownColumnError

TABLE = "DEMO.PUBLIC.E"


@pytest.fixture
def channel(account, client):
    account.sql(
        f"CREATE TABLE {TABLE} (ID NUMBER NOT NULL, OLD VARCHAR NOT NULL) ENABLE_SCHEMA_EVOLUTION = TRUE"
    )
    return client.open_channel("e", table=TABLE)


def columns(account):
    described = account.sql(f"DESCRIBE TABLE {TABLE}")
    return dict(zip(described["name"], zip(described["type"], described["null?"], strict=True), strict=True))


def send(channel, *rows, end="1"):
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    channel.append_rows(body, start_offset_token="0", end_offset_token=end)
    channel.wait_for_commit(end, timeout_s=10)
    return channel.status()


def test_a_frame_with_new_columns_arrives_whole(account, channel):
    frame = pd.DataFrame(
        {"ID": [1, 2], "WHOLE": [1, None], "PART": [0.5, 2.0], "FLAG": [True, False], "TEXT": ["a", None]}
    )
    result = frame.snowpipe.stream(channel, on_new_columns="evolve", progress=False)
    assert (result.rows_in_table, result.rows_rejected) == (2, 0)
    found = columns(account)
    assert found["OLD"][1] == "Y"  # the rows leave it out
    assert [found[name][0].partition("(")[0] for name in ("PART", "FLAG", "TEXT")] == [
        "FLOAT",
        "BOOLEAN",
        "VARCHAR",
    ]
    assert account.sql(f"SELECT TEXT FROM {TABLE} ORDER BY ID")["TEXT"].tolist()[0] == "a"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "NUMBER(38,0)"),
        ([1, -0.5], "FLOAT"),
        ([True], "BOOLEAN"),
        (["2026-01-02"], "VARCHAR"),
        ([None, None], "VARCHAR"),
        ([{"a": 1}], "OBJECT"),
        ([[1]], "ARRAY"),
        ([1, "a"], "VARIANT"),
    ],
)
def test_a_new_column_has_the_type_of_its_values(account, channel, values, kind):
    status = send(channel, *({"ID": 1, "OLD": "x", "new": value} for value in values))
    assert (status.rows_inserted, status.rows_error_count) == (len(values), 0)
    assert columns(account)["NEW"][0].startswith(kind.partition("(")[0])
    assert columns(account)["ID"][1] == "N"  # every row has it


@pytest.mark.parametrize("twice", ['"OLD": "x", "OLD": "y"', '"OLD": "x", "old": "y"'])
def test_a_row_that_names_a_column_twice_stands_for_no_other_row(account, channel, twice):
    """The second row leaves OLD out, so OLD takes null from then on; the first one alone is a bad row."""
    body = f'{{"ID": 1, {twice}}}\n{{"ID": 2}}\n'.encode()
    channel.append_rows(body, start_offset_token="0", end_offset_token="1")
    channel.wait_for_commit("1", timeout_s=10)
    status = channel.status()
    assert columns(account)["OLD"][1] == "Y"
    assert (status.rows_inserted, status.rows_error_count) == (1, 1)


def test_a_column_that_each_row_spells_in_its_way_is_left_out_by_none(account, channel):
    send(channel, {"ID": 1, "OLD": "x"}, {"id": 2, "old": "y"}, {"ID": 3, "Old": "z"})
    assert {name: null for name, (_, null) in columns(account).items()} == {"ID": "N", "OLD": "N"}


def test_nothing_is_widened_and_what_does_not_fit_is_a_bad_row(account, channel):
    send(channel, {"ID": 1, "OLD": "x", "N": 1})
    status = send(channel, {"ID": 2, "OLD": "x", "N": "no number"}, {"ID": 3, "OLD": "y", "N": 3}, end="2")
    assert (status.rows_inserted, status.rows_error_count) == (2, 1)


def test_a_failed_evolution_invalidates_the_channel_and_changes_nothing(account, channel):
    before = columns(account)
    many = {f"K{number}": 1 for number in range(101)}
    channel.append_rows(
        json.dumps({"ID": 1, "OLD": "x"} | many).encode() + b"\n",
        start_offset_token="0",
        end_offset_token="1",
    )
    with pytest.raises(Exception, match="101 new keys"):
        channel.wait_for_commit("1", timeout_s=10)
    assert columns(account) == before
    assert account.sql(f"SELECT COUNT(*) AS N FROM {TABLE}")["N"][0] == 0


def test_odd_lines_and_odd_names_make_no_trouble(account, channel):
    rows = b'no json\n[1]\n{"ID":1,"OLD":"x","a\\"b":1,"_raw":2}\n{"ID":2,"OLD":"x","":3}\n'
    channel.append_rows(rows, start_offset_token="0", end_offset_token="1")
    channel.wait_for_commit("1", timeout_s=10)
    status = channel.status()
    assert (status.rows_inserted, status.rows_error_count) == (1, 3)
    assert account.sql(f"SELECT * FROM {TABLE}").to_dict("records") == [
        {"ID": 1, "OLD": "x", 'A"B': 1, "_RAW": 2}
    ]


def test_a_table_without_it_stays_as_it_is(account, client):
    account.sql("CREATE TABLE DEMO.PUBLIC.F (ID NUMBER)")
    channel = client.open_channel("f", table="DEMO.PUBLIC.F")
    with pytest.raises(UnknownColumnError, match="NEW"):
        pd.DataFrame({"ID": [1], "NEW": [1]}).snowpipe.stream(channel, progress=False)
    assert send(channel, {"ID": 1, "NEW": 1}).rows_error_count == 1


def test_elastic_rows_evolve_a_table_before_their_answer(account, client, channel):
    from tests.embedded.raw import Raw

    raw = Raw(account)
    answer = raw.call(
        "POST", "/data/databases/DEMO/schemas/PUBLIC/tables/E/rows", data=b'{"ID":1,"OLD":"x","NEW":[1]}\n'
    )
    assert answer.status_code == 200
    assert columns(account)["NEW"][0] == "ARRAY"
    assert account.sql(f"SELECT COUNT(*) AS N FROM {TABLE}")["N"][0] == 1
