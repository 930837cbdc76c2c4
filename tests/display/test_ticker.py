"""The thread that draws: to the end, not beyond it, and it never harms the load."""

import contextvars
import threading

from snowpipe_pandas.display.ticker import REDRAW_INTERVAL_S, Ticker

SOON_S = 0.01


class Recorder:
    """A view that records what it is asked to do."""

    def __init__(self, *, draws=None, failure=None):
        self.asked = []
        self.drawn = threading.Event()
        self.ended_twice = threading.Event()
        self._draws = draws
        self._failure = failure

    def draw(self):
        self.asked.append("draw")
        self.drawn.set()
        if self._failure is not None:
            raise self._failure
        return self._draws is None or len(self.asked) < self._draws

    def draw_last(self):
        self.asked.append("last")
        if self.asked.count("last") == 2:
            self.ended_twice.set()


def test_a_view_is_drawn_until_it_says_that_is_all_and_its_end_is_sent_again():
    view = Recorder(draws=3)
    Ticker(view, interval_s=0.001, again_after_s=SOON_S).start()
    assert view.ended_twice.wait(5)
    assert view.asked == ["draw"] * 3 + ["last"] * 2


def test_the_last_state_is_shown_when_the_block_is_left_and_nothing_is_drawn_over_it():
    view = Recorder()
    with Ticker(view, interval_s=0.001, again_after_s=SOON_S):
        pass
    assert view.asked[-1] == "last"
    assert view.ended_twice.wait(5)
    assert view.asked[view.asked.index("last") :] == ["last", "last"]


def test_leaving_the_block_does_not_wait_for_the_second_sending():
    view = Recorder()
    with Ticker(view, interval_s=100, again_after_s=0.3):
        pass
    assert view.asked.count("last") == 1
    assert view.ended_twice.wait(5)


def test_a_view_that_fails_is_dropped_and_reported_in_the_log(caplog):
    view = Recorder(failure=ZeroDivisionError())
    with Ticker(view, interval_s=0.001, again_after_s=SOON_S):
        assert view.drawn.wait(5)
    assert view.asked == ["draw"]
    assert "display failed" in caplog.text


def test_drawing_sees_the_context_of_the_one_who_started_it():
    cell = contextvars.ContextVar("cell", default=None)
    seen = []

    class Looks(Recorder):
        def draw(self):
            seen.append(cell.get())
            return False

    cell.set("cell 7")
    view = Looks()
    Ticker(view, again_after_s=SOON_S).start()
    assert view.ended_twice.wait(5)
    assert seen == ["cell 7"]


def test_no_more_than_ten_redraws_a_second():
    assert REDRAW_INTERVAL_S >= 0.1
