"""Functions and casts that DuckDB does in another way than Snowflake."""

import hashlib

import pytest


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("""PARSE_JSON('{"a":{"b":"x"}}'):a.b::VARCHAR""", "x"),
        ("""PARSE_JSON('{"a":{"b":"x"}}'):a.b::TEXT""", "x"),
        ("""PARSE_JSON('{"a":"say \\\\"x\\\\""}'):a::VARCHAR""", 'say "x"'),
        ("""PARSE_JSON('{"a":{"b":1}}'):a::VARCHAR""", '{"b":1}'),
        ("""PARSE_JSON('{"$1":"x"}'):"$1"::VARCHAR""", "x"),
        ("""COALESCE(PARSE_JSON('{"a":null}'):a::VARCHAR, 'none')""", "none"),
        ("""COALESCE(PARSE_JSON('{}'):a::VARCHAR, 'none')""", "none"),
        ("""LEFT(PARSE_JSON('{"a":"xyz"}'):a::VARCHAR, 2)""", "xy"),
        ("PARSE_JSON('{\"a\":5}'):a::NUMBER + 1", 6),
    ],
)
def test_a_text_inside_of_a_variant_is_cast_to_itself(account, expression, value):
    assert account.sql(f"SELECT {expression} AS X")["X"][0] == value


@pytest.mark.parametrize("text", ["", "a", "ü", "x" * 1000])
def test_the_lower_half_of_an_md5_is_a_number(account, client, text):
    wanted = int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "big")
    found = client.sql(
        "SELECT MD5_NUMBER_LOWER64(?) AS N, SUM(MD5_NUMBER_LOWER64(?)) AS S", params=[text, text]
    )
    assert (found["N"][0], found["S"][0]) == (wanted, wanted)
    assert client.sql("SELECT MD5_NUMBER_LOWER64(NULL) AS N")["N"].isna().all()
