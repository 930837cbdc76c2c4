"""Elastic loads with random trouble and random ends: the table holds what the load reports, and no row more.

`ELASTIC_LOADS` sets how many are tried.
"""

import os
import random

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest.client import Client
from tests.support.elastic import copies, elastic, load_of, rows_of
from tests.support.loads import make_table, numbers

LOADS = int(os.environ.get("ELASTIC_LOADS", "20"))
ROWS = 400
TROUBLE = (
    {"status": 502, "applied": True},
    {"cut_after": True},
    {"status": 413},
    {"status": 400},
    {"hold_s": 0.2},
    {"truncate": 3},
)


@pytest.mark.timeout(3600)
def test_what_a_load_says_is_what_the_table_holds(account):
    make_table(account)
    ends = set()
    for seed in range(LOADS):
        account.sql("DELETE FROM NUMBERS")
        ends.add(drive(account, random.Random(seed), seed))
    assert ends == {True, False}


def drive(account, chance, seed):
    """Run a load; return whether it ended well."""
    retry = sp.RetryPolicy(base_s=0.001, cap_s=0.02, attempts=chance.choice([2, 3, None]), budget_s=5.0)
    account.faults.random(chance.choice([0.1, 0.2, 0.4]), seed=seed)
    for _ in range(chance.randrange(3)):
        account.faults.add("append", after=chance.randrange(6), **chance.choice(TROUBLE))
    error = None
    with Client(load_settings(account.profile), retry=retry) as client:
        load = load_of(
            elastic(client), numbers(ROWS), in_flight=chance.randrange(1, 7), wait=chance.random() < 0.3
        )
        try:
            load.run()
        except sp.SnowpipeError as caught:
            error = caught
    account.faults.clear()
    check(copies(account), load, error)
    return error is None


def check(found, load, error):
    doubled = {row for row, count in found.items() if count > 1}
    reported = rows_of((request.first_row, request.end_row) for request in load.possible_duplicates)
    durable, unknown = set(range(ROWS)), set()
    if error is not None:
        facts = error.load
        durable = set() if facts is None else rows_of(facts.durable_rows)
        unknown = set() if facts is None else rows_of(facts.unknown_rows)
    assert set(found) - unknown == durable
    assert not unknown & durable
    assert doubled <= reported | unknown
    for request in load.possible_duplicates:
        assert all(found[row] <= request.tries for row in range(request.first_row, request.end_row))
