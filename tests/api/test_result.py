"""What a result, and the facts of an error, say of rows: rejected ones first, no more than is known."""

import copy
import pickle
from dataclasses import replace

import pytest

from snowpipe_pandas.errors import LoadFacts
from snowpipe_pandas.streaming.counts import Counts
from snowpipe_pandas.streaming.outcome import nothing_to_send, outcome
from snowpipe_pandas.streaming.result import StreamResult
from snowpipe_pandas.streaming.timings import Timings
from tests.display.samples import read

WELL = StreamResult(
    rows_in_table=150,
    rows_acknowledged=150,
    rows_sent=150,
    raw_bytes=3_000_000,
    sent_bytes=600_000,
    requests=2,
    seconds=0.3,
    timings=Timings(encode=0.02, compress=0.01, wait=0.05, send=0.1, commit=0.1),
    committed=True,
    offset_token="x:150:1-ab:0",
    load_id="x",
    channel="c",
    pipe="DEMO.PUBLIC.T-STREAMING",
)
BAD = replace(WELL, rows_in_table=147, rows_rejected=3)


def test_rows_that_are_all_there():
    assert str(WELL) == (
        "150 rows in the table in 0.3 s (10.0 MB/s); 2 requests; 3.0 MB as JSON, 0.6 MB sent; load 'x'"
    )


def test_rejected_rows_are_told_first():
    assert str(BAD).startswith("3 of 150 rows REJECTED, 147 in the table in 0.3 s")


def test_rows_that_were_not_waited_for_are_acknowledged_and_no_more():
    early = replace(WELL, rows_in_table=0, committed=False)
    assert str(early).startswith("150 rows acknowledged in 0.3 s (10.0 MB/s); 150 wait for their commit; ")
    some = replace(early, rows_in_table=50)
    assert str(some).startswith("150 rows acknowledged, 50 in the table in 0.3 s")
    assert "100 wait for their commit" in str(some)


def test_a_load_that_went_on_tells_its_whole_life_and_this_calls_part():
    again = replace(WELL, rows_sent=50, rows_skipped=100)
    assert str(again).startswith(
        "150 rows in the table in 0.3 s (10.0 MB/s); 50 sent by this call, 100 before;"
    )


def test_a_load_that_is_run_again_tells_what_became_of_its_rows():
    again = replace(WELL, rows_sent=0, rows_skipped=150)
    assert str(again) == "nothing to send: all 150 rows of load 'x' are in the table"
    bad = replace(BAD, rows_sent=0, rows_skipped=150)
    assert str(bad) == "nothing to send: of 150 rows of load 'x' 147 are in the table, 3 were REJECTED"


def test_a_service_that_does_not_tell_its_rejections_is_not_believed_to_have_none():
    untold = replace(WELL, rejected_exact=False)
    assert str(untold).startswith("at most 150 rows in the table in 0.3 s")
    assert "the service does not tell how many rows it rejected" in str(untold)
    some = Counts(rows_acknowledged=150, rows_in_table=147, rows_rejected=3, rejected_exact=False)
    assert outcome(some) == "at least 3 of 150 rows REJECTED, at most 147 in the table"
    assert nothing_to_send(some, "x").endswith("at most 147 are in the table, at least 3 were REJECTED")
    assert "at most 150 rows of load 'x'" in str(replace(untold, rows_sent=0, rows_skipped=150))


@pytest.mark.parametrize("rows", [3, 150])
def test_rejected_rows_are_never_called_committed(rows):
    for told in (str(replace(BAD, rows_rejected=rows, rows_in_table=150 - rows)), BAD._repr_html_()):
        assert "commit" not in told.replace("waiting for their commit", "")


def test_the_table_begins_with_rejected_rows_if_there_are_some():
    assert read(BAD._repr_html_())[1].startswith("Rows REJECTED 3 Rows in the table 147")
    assert read(WELL._repr_html_())[1].startswith("Rows in the table 150")
    assert (
        "Rows rejected not told by the service" in read(replace(WELL, rejected_exact=False)._repr_html_())[1]
    )


def test_the_table_shows_no_markup_and_no_control_characters():
    evil = replace(WELL, load_id="<b>\x1b[2J\u202e")._repr_html_()
    assert "<b>" not in evil
    assert "&lt;b&gt;\\x1b[2J\\u202e" in evil


@pytest.mark.parametrize("twin", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
def test_the_numbers_travel_and_the_way_back_to_the_service_does_not(twin):
    result = replace(BAD, _rejected_rows=lambda: ([], []))
    assert twin(result) == result
    assert twin(result)._rejected_rows is None


FACTS = LoadFacts(load_id="x", channel="c", rows_acknowledged=150, rows_in_table=147, exact=True)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (FACTS, "150 rows acknowledged, 147 in the table; "),
        (replace(FACTS, exact=False), "150 rows acknowledged, 147 in the table at the last look; "),
        (
            replace(FACTS, rows_rejected=3),
            "3 of 150 rows REJECTED; 150 rows acknowledged, 147 in the table; ",
        ),
        (replace(FACTS, failed_rows=(150, 200)), "the request of rows 150 to 199 failed; 150 rows ack"),
    ],
)
def test_an_errors_facts_tell_how_far_the_load_came_and_how_it_goes_on(facts, told):
    assert str(facts).startswith(f"load 'x' on channel 'c': {told}")
    assert str(facts).endswith("run the same call with load_id='x' to go on")
