"""What workers report: rows for the view, events for callbacks, and no partition counted twice."""

import json

import pytest

from snowpipe_pandas.display import panel
from snowpipe_pandas.errors import LoadCancelledError
from snowpipe_pandas.events import PhaseChanged, RequestRetried, RowsAcknowledged, RowsCommitted
from snowpipe_pandas.partitions.crew import Crew, message
from snowpipe_pandas.streaming.progress import Progress
from tests.display.samples import read
from tests.partitions.conftest import partitions


@pytest.fixture
def crew(engine):
    return Crew(engine.spec(partitions(40, 4)))


def reported(worker, number, event=None, **state):
    """A message as it arrives: through JSON."""
    progress = Progress(
        load_id="load", target="T", channel="c", account="a", user="u", fingerprint="", **state
    )
    event = event or PhaseChanged(phase=progress.phase)
    return json.loads(json.dumps(message(worker, number, event, progress)))


def rows(crew):
    return [(row.worker, row.phase, row.rows_in_table) for row in crew.tracker.snapshot().parts]


def test_a_worker_has_a_row_with_its_partitions_together(crew):
    crew.receive(reported("a", 1, rows_in_table=10, rows_acknowledged=10, phase="done"))
    crew.receive(reported("b", 2, rows_in_table=5, rows_acknowledged=8, phase="sending"))
    crew.receive(reported("a", 3, rows_in_table=2, rows_acknowledged=2, phase="sending"))
    assert rows(crew) == [("a", "sending", 12), ("b", "sending", 5)]
    total = crew.tracker.snapshot()
    assert (total.rows_in_table, total.rows_waiting, total.channel, total.phase) == (17, 3, "load", "sending")


def test_a_partition_that_runs_again_elsewhere_is_counted_once(crew):
    crew.receive(reported("a", 1, rows_in_table=7, phase="sending"))
    crew.receive(reported("b", 1, rows_in_table=7, phase="sending"))
    crew.receive(reported("b", 1, rows_in_table=10, phase="done"))
    assert rows(crew) == [("a", "committing", 0), ("b", "committing", 10)]
    assert crew.tracker.snapshot().rows_in_table == 10


def test_events_arrive_as_they_happened(crew):
    received = []
    happened = [
        RowsAcknowledged(
            channel="load",
            target="T",
            load_id="load",
            first_row=0,
            end_row=9,
            raw_bytes=1,
            sent_bytes=1,
            tries=1,
            offset_token="t",
        ),
        RequestRetried(operation="append", tries=1, pause_s=0.1, status=503, code="", reason="HTTP 503"),
        RowsCommitted(end_row=9, rows_in_table=9, rows_rejected=0, offset_token="t"),
    ]
    with crew.events.heard_by(received.append):
        for event in happened:
            crew.receive(reported("a", 1, event))
    assert received == happened


def test_the_view_has_a_row_for_each_worker(crew):
    crew.receive(reported("worker-a", 1, rows_in_table=10, rows_acknowledged=10, phase="sending"))
    crew.receive(reported("worker-b", 2, rows_in_table=5, rows_acknowledged=8, phase="sending"))
    shown = read(panel.folded(crew.tracker.snapshot()))[1]
    assert "worker state" in shown
    assert "1 worker-a sending" in shown
    assert "2 worker-b sending" in shown
    assert "2 workers" in shown
    assert "channels" not in shown


def test_the_view_ends_as_the_load_does(crew):
    with pytest.raises(LoadCancelledError), crew:
        raise LoadCancelledError("stopped")
    assert crew.tracker.snapshot().phase == "cancelled"
