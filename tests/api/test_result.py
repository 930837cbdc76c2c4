"""What a result, and the facts of an error, say of rows: rejected ones first, only what is known."""

import copy
import pickle
from dataclasses import replace

import pytest

from snowpipe_pandas.errors import LoadFacts, UsageError
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
    target="DEMO.PUBLIC.T",
    load_id="x",
    channel="c",
)
BAD = replace(WELL, rows_in_table=147, rows_rejected=3)


def test_rows_that_are_all_there():
    assert str(WELL) == (
        "-> DEMO.PUBLIC.T: 150 rows in the table in 0.3 s (10.0 MB/s); 2 requests; "
        "3.0 MB as JSON, 600.0 kB sent; load 'x', channel 'c'"
    )


def test_rejected_rows_are_reported_first():
    assert str(BAD).startswith("-> DEMO.PUBLIC.T: 3 of 150 rows REJECTED, 147 in the table in 0.3 s")


def test_rows_that_were_not_waited_for_are_acknowledged_and_no_more():
    early = replace(WELL, rows_in_table=0, committed=False)
    assert str(early).startswith(
        "-> DEMO.PUBLIC.T: 150 rows acknowledged in 0.3 s (10.0 MB/s); 150 wait for their commit; "
    )
    some = replace(early, rows_in_table=50)
    assert str(some).startswith("-> DEMO.PUBLIC.T: 150 rows acknowledged, 50 in the table in 0.3 s")
    assert "100 wait for their commit" in str(some)


def test_a_load_that_went_on_shows_its_whole_life_and_this_calls_part():
    again = replace(WELL, rows_sent=50, rows_skipped=100)
    assert str(again).startswith(
        "-> DEMO.PUBLIC.T: 150 rows in the table in 0.3 s (10.0 MB/s); 50 sent by this call, 100 before;"
    )


def test_a_load_that_is_run_again_shows_what_became_of_its_rows():
    again = replace(WELL, rows_sent=0, rows_skipped=150)
    assert str(again) == "-> DEMO.PUBLIC.T: nothing to send: all 150 rows of load 'x' are in the table"
    bad = replace(BAD, rows_sent=0, rows_skipped=150)
    assert (
        str(bad)
        == "-> DEMO.PUBLIC.T: nothing to send: of 150 rows of load 'x' 147 are in the table, 3 were REJECTED"
    )


def test_a_service_that_does_not_report_its_rejections_is_not_believed_to_have_none():
    unknown = replace(WELL, rejected_exact=False)
    assert str(unknown).startswith("-> DEMO.PUBLIC.T: at most 150 rows in the table in 0.3 s")
    assert "the service does not report how many rows it rejected" in str(unknown)
    some = Counts(rows_acknowledged=150, rows_in_table=147, rows_rejected=3, rejected_exact=False)
    assert outcome(some) == "at least 3 of 150 rows REJECTED, at most 147 in the table"
    assert nothing_to_send(some, "x").endswith("at most 147 are in the table, at least 3 were REJECTED")
    assert "at most 150 rows of load 'x'" in str(replace(unknown, rows_sent=0, rows_skipped=150))


@pytest.mark.parametrize("rows", [3, 150])
def test_rejected_rows_are_never_called_committed(rows):
    for words in (str(replace(BAD, rows_rejected=rows, rows_in_table=150 - rows)), BAD._repr_html_()):
        assert "commit" not in words.replace("waiting for their commit", "")


def test_the_table_begins_with_rejected_rows_if_there_are_some():
    assert "Target DEMO.PUBLIC.T Rows REJECTED 3 Rows in the table 147" in read(BAD._repr_html_())[1]
    assert "Target DEMO.PUBLIC.T Rows in the table 150" in read(WELL._repr_html_())[1]
    assert (
        "Rows rejected not reported by the service"
        in read(replace(WELL, rejected_exact=False)._repr_html_())[1]
    )


def test_a_cell_shows_one_line_that_opens():
    elements, text = read(BAD._repr_html_())
    assert [tag for tag, _ in elements][:3] == ["details", "summary", "table"]
    assert text.startswith("result: 3 of 150 rows REJECTED, 147 in the table; load 'x', channel 'c' Target")
    again = replace(WELL, rows_sent=0, rows_skipped=150)
    assert read(again._repr_html_())[1].startswith(f"result: {again._words()}")


def test_the_table_shows_no_markup_and_no_control_characters():
    evil = replace(WELL, load_id="<b>\x1b[2J\u202e")._repr_html_()
    assert "<b>" not in evil
    assert "&lt;b&gt;\\x1b[2J\\u202e" in evil


def test_a_pipe_is_named_where_one_was_named():
    assert str(replace(WELL, target="pipe DEMO.PUBLIC.P")).startswith("-> pipe DEMO.PUBLIC.P: 150 rows")


PARTS = (
    replace(WELL, channel="x/1", rows_in_table=100, rows_skipped=60, raw_bytes=2_000_000, retries=3),
    replace(BAD, channel="<x/2>", rows_in_table=40, rows_rejected=3, rows_acknowledged=50),
)
WHOLE = replace(BAD, channel="x/1", _parts=PARTS)


def test_a_load_in_parts_says_how_many_channels_it_had():
    assert str(WHOLE).startswith("-> DEMO.PUBLIC.T: 3 of 150 rows REJECTED")
    assert str(WHOLE).endswith("; load 'x', 2 channels")
    assert WHOLE.parts == PARTS
    assert WELL.parts == (WELL,)


def test_the_table_of_a_load_in_parts_has_a_row_for_each():
    elements, text = read(WHOLE._repr_html_())
    assert [tag for tag, _ in elements].count("table") == 2
    assert "Channels 2 channels Part Channel Rows in the table Rejected" in text
    assert "1 x/1 100 0 50 60 2.0 MB, 6.7 MB/s 3" in text
    assert "2 <x/2> 40 3 7 0 3.0 MB, 10.0 MB/s 0" in text
    assert "x/2" not in [tag for tag, _ in elements]
    alone, text = read(WELL._repr_html_())
    assert [tag for tag, _ in alone].count("table") == 1
    assert text.endswith("Load x Channel c")
    single = replace(WELL, _parts=(WELL,))  # a load into a table through one channel
    assert single._repr_html_() == WELL._repr_html_()
    assert str(single) == str(WELL)


@pytest.mark.parametrize("twin", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
def test_the_numbers_travel_and_the_way_back_to_the_service_does_not(twin):
    result = replace(BAD, _aftercare=object())
    assert twin(result) == result
    with pytest.raises(UsageError, match="another process"):
        twin(result).rejected()


FACTS = LoadFacts(target="T", load_id="x", channel="c", rows_acknowledged=150, rows_in_table=147, exact=True)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (FACTS, "150 rows acknowledged, 147 in the table; "),
        (replace(FACTS, exact=False), "150 rows acknowledged, 147 in the table at the last check; "),
        (
            replace(FACTS, rows_rejected=3),
            "3 of 150 rows REJECTED; 150 rows acknowledged, 147 in the table; ",
        ),
        (replace(FACTS, failed_rows=(150, 200)), "the request of rows 150 to 199 failed; 150 rows ack"),
    ],
)
def test_an_errors_facts_show_how_far_the_load_came_and_how_it_goes_on(facts, words):
    assert str(facts).startswith(f"-> T, load 'x', channel 'c': {words}")
    assert str(facts).endswith("run the same call with load_id='x' to go on")
