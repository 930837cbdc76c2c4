"""Which view a load gets, and what a function given as `progress=` receives."""

import pytest

from snowpipe_pandas.display import choose
from snowpipe_pandas.events import ClientClosed, Hub, PhaseChanged, RowsRejected, TokenLife, TokenRenewed
from snowpipe_pandas.streaming.progress import Tracker
from snowpipe_pandas.streaming.timings import Timings
from tests.display.samples import HALF

OURS = {"channel": "notebook-1", "target": "DEMO.PUBLIC.A-STREAMING", "load_id": "A"}
OTHERS = {"channel": "notebook-1", "target": "DEMO.PUBLIC.B-STREAMING", "load_id": "B"}
RENEWED = TokenRenewed(kind="scoped", life=TokenLife(1.0, 1.0, 1.0, 0.0, "first use"))


def tracker():
    return Tracker(HALF, tokens=dict, timings=Timings)


def listening(emit, listener):
    """Pass to a listener what `emit(load, client)` does to the two hubs."""
    load, client = Hub(), Hub()
    with choose.displayed(tracker(), load, client, listener):
        emit(load, client)


def test_a_function_receives_its_loads_events_and_those_of_the_client_alone():
    def emit(load, client):
        for hub in (load, client):  # a load reports to its own hub and the client's
            hub.emit(PhaseChanged(phase="sending", **OURS))
        client.emit(PhaseChanged(phase="done", **OTHERS))
        client.emit(RowsRejected(rows=1, message=None, channel="notebook-1"))
        client.emit(RENEWED)
        client.emit(ClientClosed())

    found = []
    listening(emit, found.append)
    assert found == [PhaseChanged(phase="sending", **OURS), RENEWED, ClientClosed()]


def test_a_function_receives_nothing_after_the_end_of_its_load():
    load, client, found = Hub(), Hub(), []
    with choose.displayed(tracker(), load, client, found.append):
        pass
    load.emit(PhaseChanged(phase="done"))
    client.emit(RENEWED)
    assert found == []


def test_a_function_that_fails_is_called_again_by_neither_hub(caplog):
    calls = []

    def fails(event):
        calls.append(event)
        raise ZeroDivisionError

    def emit(load, client):
        for _ in range(2):
            client.emit(RENEWED)
            load.emit(PhaseChanged(phase="sending", **OURS))

    listening(emit, fails)
    assert calls == [RENEWED]
    assert caplog.text.count("not called again") == 1


def test_a_display_that_cannot_even_be_made_harms_nothing(monkeypatch, caplog):
    class GoneTerminal:
        def isatty(self):
            raise OSError("the terminal is gone")

    monkeypatch.setattr("sys.stderr", GoneTerminal())
    with choose.displayed(tracker(), Hub(), Hub(), "auto"):
        pass
    assert "runs all the same" in caplog.text


@pytest.mark.parametrize("progress", ["auto", "compact", True, False])
def test_an_option_is_taken_as_it_is(progress):
    assert choose.checked_progress(progress) is progress


def test_outside_of_a_notebook_compact_is_the_line_as_ever(capsys):
    with choose.displayed(tracker(), Hub(), Hub(), "compact"):
        pass
    output = capsys.readouterr().err
    assert output.startswith("-> DEMO.PUBLIC.FLIGHTS  sending 30%")
    assert output.count("\n") == 1


def test_without_standard_error_nothing_is_shown(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with choose.displayed(tracker(), Hub(), Hub(), True):
        pass
