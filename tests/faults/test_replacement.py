"""Staged replacement: wherever a call ends, the old rows or the new are there, and the next one goes on."""

import _thread
import logging
import threading
import time

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ColumnMismatchError,
    CreateTableError,
    LoadCancelledError,
    LoadMismatchError,
    ReplaceTableError,
    RowsRejectedError,
    SnowpipeError,
    UsageError,
    WarehouseError,
)
from snowpipe_pandas.events import RowsCommitted
from snowpipe_pandas.names import ObjectName
from snowpipe_pandas.streaming.replacement import staging_name

T = "DEMO.PUBLIC.T"
OLD, NEW = list(range(5)), list(range(100, 140))
FRAME = pd.DataFrame({"ID": NEW, "NOTE": ["new"] * len(NEW)})
STAGED = staging_name(ObjectName("DEMO", "PUBLIC", "T"), "r")
STATEMENTS = 14
"""As in a replacement that nothing disturbs."""

REFUSED = b'{"code":"000604","sqlState":"57014","message":"out of order","statementHandle":"h"}'


@pytest.fixture(autouse=True)
def old(account):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR) COMMENT = 'of flights'")
    account.sql(f"INSERT INTO {T} (ID) VALUES {', '.join(f'({i})' for i in OLD)}")


def ids(account, table=T):
    return sorted(account.sql(f"SELECT ID FROM {table}")["ID"].tolist())


def tables(account):
    return account.sql("SHOW TABLES")["name"].tolist()


def comment(account, table="T"):
    shown = account.sql("SHOW TABLES")
    return shown[shown["name"] == table]["comment"].tolist()[0]


def replace(client, frame=FRAME, **options):
    options = {"load_id": "r", "if_exists": "replace", "progress": False} | options
    return sp.stream(frame, client.table(T), **options)


def statements(account):
    return [request for request in account.requests if request.operation == "statement"]


def is_replaced(account):
    assert ids(account) == NEW
    assert tables(account) == ["T"]
    assert comment(account) == f"of flights [snowpipe-pandas load r: {len(NEW)} rows, 0 rejected]"


@pytest.mark.parametrize("channels", [1, 4])
def test_the_new_rows_take_the_place_of_the_old_ones(account, client, channels):
    result = replace(client, channels=channels)
    assert (result.rows_in_table, result.target, len(result.parts)) == (len(NEW), T, channels)
    assert len(statements(account)) == STATEMENTS
    is_replaced(account)
    asked = len(account.requests)
    again = replace(client, channels=channels)
    assert (again.rows_sent, again.rows_skipped, again.rows_in_table) == (0, len(NEW), len(NEW))
    assert all(request.operation.startswith("statement") for request in account.requests[asked:])
    is_replaced(account)


def _interrupted(client):
    replace(client)
    time.sleep(5)  # the interrupt of the last request is on its way


@pytest.mark.parametrize("after", range(STATEMENTS))
@pytest.mark.parametrize("done", [False, True])
def test_a_ctrl_c_at_any_statement_leaves_one_or_the_other_and_the_next_call_ends_it(
    account, client, after, done
):
    """With `done` it comes while a result is asked for, else while a statement is submitted."""

    def interrupt(answer):
        _thread.interrupt_main()
        return answer

    account.faults.add("statement_result" if done else "statement", after=after, change=interrupt)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(client)
    assert ids(account) in (OLD, NEW)
    result = replace(client)
    assert result.rows_in_table == len(NEW)
    is_replaced(account)


def _outcome(client):
    try:
        return replace(client)
    except SnowpipeError as error:
        return error


@pytest.mark.parametrize("after", range(STATEMENTS))
def test_a_statement_that_fails_leaves_one_or_the_other_and_says_which(account, client, after, caplog):
    account.faults.add("statement", after=after, status=422, body=REFUSED)
    with caplog.at_level(logging.INFO):
        outcome = _outcome(client)
    if isinstance(outcome, ReplaceTableError):
        assert outcome.goes_on
        assert (outcome.table, outcome.staged_in) == (T, str(STAGED))
        assert ids(account) == (OLD if "is as it was" in str(outcome) else NEW)
    elif isinstance(outcome, SnowpipeError):
        assert ids(account) == OLD
    else:
        assert (ids(account), outcome.rows_in_table) == (NEW, len(NEW))
        assert "out of order" in caplog.text  # columns could not be read, or the old table not be dropped
    replace(client)
    is_replaced(account)


@pytest.mark.parametrize("after", range(STATEMENTS))
def test_an_answer_that_is_lost_costs_nothing(account, client, after):
    account.faults.add("statement", after=after, cut_after=True)
    assert replace(client).rows_in_table == len(NEW)
    is_replaced(account)


def test_a_swap_whose_outcome_is_unknown_is_reported_as_unknown(account, client):
    def lost(answer):
        account.faults.add("any", times=1000, cut_before=True)
        return answer

    account.faults.add("statement", after=10, change=lost)  # the swap is submitted, then the line is dead
    impatient = sp.connect(account.profile, retry=sp.RetryPolicy(base_s=0.01, budget_s=0.2))
    with impatient, pytest.raises(ReplaceTableError, match="it is unknown whether load") as caught:
        replace(impatient)
    assert caught.value.load.rows_in_table == len(NEW)
    account.faults.clear()
    replace(client)
    is_replaced(account)


def test_a_load_that_is_cancelled_goes_on_in_its_own_table(account, client):
    account.channels.pause()
    job = replace(client, background=True, limits=sp.LoadLimits(settle_timeout_s=0.2))
    while not any(request.operation == "append" for request in account.requests):
        job.wait(0.01)
    job.cancel()
    with pytest.raises(LoadCancelledError):
        job.result(20)
    assert ids(account) == OLD
    account.channels.resume()
    replace(client)
    is_replaced(account)


def test_a_cancel_after_the_last_row_is_noticed_before_the_swap(account, client):
    jobs, ready = [], threading.Event()

    def cancel(event):
        if isinstance(event, RowsCommitted):
            ready.wait(5)
            jobs[0].cancel()

    jobs.append(replace(client, background=True, progress=cancel))
    ready.set()
    with pytest.raises(LoadCancelledError) as caught:
        jobs[0].result(30)
    assert caught.value.load.rows_in_table == len(NEW)
    assert ids(account) == OLD
    replace(client)
    is_replaced(account)


def test_rejected_rows_let_nothing_be_swapped(account, client):
    bad = pd.DataFrame({"ID": ["1", "x"], "NOTE": ["a", "b"]})
    with pytest.raises(RowsRejectedError):
        replace(client, bad)
    assert ids(account) == OLD
    assert len(account.sql(f"SELECT * FROM ERROR_TABLE({STAGED})")) == 1
    result = replace(client, bad, on_error="report")  # unless they are only to be reported
    assert (result.rows_in_table, result.rows_rejected) == (1, 1)
    assert ids(account) == [1]
    again = replace(client, bad, on_error="report")
    assert (again.rows_in_table, again.rows_rejected, again.rows_sent) == (1, 1, 0)


def test_rows_that_others_put_beside_the_staged_ones_are_counted(account, client):
    def put(answer):
        account.sql(f"INSERT INTO {STAGED} (ID) VALUES (7)")
        return answer

    account.faults.add("append", change=put)
    with pytest.raises(ReplaceTableError, match="has 41 rows, and the load has put 40 there") as caught:
        replace(client)
    assert not caught.value.goes_on
    assert ids(account) == OLD


def test_other_rows_under_the_name_of_a_load_that_is_done_are_refused(account, client):
    replace(client)
    with pytest.raises(LoadMismatchError, match="by 40 rows, and this call has 39"):
        replace(client, FRAME.head(39))
    is_replaced(account)


def test_loads_replace_each_other_and_keep_what_the_tables_comment_said(account, client):
    replace(client)
    assert replace(client, FRAME.head(3), load_id="s").rows_in_table == 3
    assert comment(account) == "of flights [snowpipe-pandas load s: 3 rows, 0 rejected]"
    assert replace(client, load_id="t").rows_in_table == len(NEW)
    assert tables(account) == ["T"]


def test_the_older_table_of_a_load_that_another_has_overtaken_is_not_taken_for_staged_rows(account, client):
    account.faults.add("statement", after=STATEMENTS - 2, status=422, body=REFUSED)
    replace(client)  # the old table could not be dropped
    assert ids(account, STAGED) == OLD
    replace(client, FRAME.head(3), load_id="s")
    with pytest.raises(ReplaceTableError, match="is in the way") as caught:
        replace(client)
    assert not caught.value.goes_on
    assert (ids(account), ids(account, STAGED)) == (NEW[:3], OLD)


@pytest.mark.parametrize("after", [10, 11])
def test_another_call_of_the_same_load_that_swaps_back_is_seen(account, client, after):
    """It comes between our check and our swap, or between our swap and the drop."""

    def swap(answer):
        account.sql(f"ALTER TABLE {T} SWAP WITH {STAGED}")
        return answer

    account.faults.add("statement", after=after, change=swap)
    with pytest.raises(ReplaceTableError, match="swapped the two tables back"):
        replace(client)
    assert ids(account) == OLD
    if after == 10:  # seen before the drop: the rows that were loaded are not dropped
        assert ids(account, STAGED) == NEW


def test_a_table_that_is_not_there_is_made_where_that_is_wanted(account, client):
    account.sql(f"DROP TABLE {T}")
    with pytest.raises(ReplaceTableError, match="create=True makes it"):
        replace(client)
    assert tables(account) == []
    replace(client, create=True)
    assert ids(account) == NEW
    assert account.sql(f"SELECT * FROM ERROR_TABLE({T})").empty
    account.sql(f"DROP TABLE {T}")
    account.faults.add("statement", times=2, status=422, body=REFUSED)
    with pytest.raises(CreateTableError):
        replace(client, create=True)


def test_what_the_table_would_reject_makes_no_table(account, client):
    with pytest.raises(ColumnMismatchError):
        replace(client, FRAME.assign(MORE=1))
    assert tables(account) == ["T"]


def test_a_table_that_evolves_is_replaced_by_one_that_does(account, client):
    account.sql(f"ALTER TABLE {T} SET ENABLE_SCHEMA_EVOLUTION = TRUE")
    replace(client, FRAME.assign(MORE=1), on_new_columns="evolve")
    assert account.sql(f"DESCRIBE TABLE {T}")["name"].tolist() == ["ID", "NOTE", "MORE"]
    assert account.sql("SHOW TABLES")["enable_schema_evolution"].tolist() == ["Y"]


def test_a_missing_warehouse_is_reported_before_a_row_is_sent(account, client):
    body = b'{"code":"000606","sqlState":"57P03","message":"No active warehouse","statementHandle":"h"}'
    account.faults.add("statement", after=5, status=422, body=body)
    with pytest.raises(WarehouseError, match=r"SELECT COUNT\(\*\)"):
        replace(client)
    assert not [request for request in account.requests if request.operation == "append"]


def test_what_others_append_meanwhile_goes_with_the_old_table(account, client):
    def append(answer):
        account.sql(f"INSERT INTO {T} (ID) VALUES (9)")
        return answer

    account.faults.add("append", change=append)
    replace(client)
    is_replaced(account)


@pytest.mark.parametrize(
    "options", [{"wait": False}, {"drop_when_done": True}, {"delivery": "at-least-once"}, {"after": "x"}]
)
def test_options_that_do_not_go_with_it_are_refused(account, client, options):
    with pytest.raises(UsageError):
        replace(client, **options)
    assert not account.requests


def test_names_of_any_kind_are_staged(account, client):
    name = 'DEMO.PUBLIC."odd ""name\' \\ 100%"'
    FRAME.snowpipe.stream(
        name, client=client, create=True, load_id="it's", if_exists="replace", progress=False
    )
    FRAME.head(2).snowpipe.stream(name, client=client, load_id="ü/%", if_exists="replace", progress=False)
    assert ids(account, name) == NEW[:2]
    assert len(tables(account)) == 2
