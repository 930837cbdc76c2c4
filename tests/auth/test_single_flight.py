"""One thread does what several need: outcomes, failures, and those who stop."""

import threading

import pytest

from snowpipe_pandas.auth.single_flight import SingleFlight
from snowpipe_pandas.errors import LoadCancelledError, TransportError
from tests.support.callers import ANYBODY, StoppableCaller
from tests.support.threads import Background, eventually


class Listening(StoppableCaller):
    """Says when it was checked: then its thread waits for another one."""

    def __init__(self):
        super().__init__()
        self.heard = threading.Event()

    def sleep(self, seconds):
        self.heard.set()
        super().sleep(seconds)


class Work:
    """Something that takes until `gate` opens, and counts how often it is done."""

    def __init__(self):
        self.gate = threading.Event()
        self.flight = SingleFlight()
        self.found = None
        self.failures = []
        self.done = 0

    def run(self, caller):
        return self.flight.run(caller, lambda: self.found, lambda: self._do(caller))

    def _do(self, caller):
        self.done += 1
        while not self.gate.wait(0.01):
            caller.sleep(0)
        if self.failures:
            raise self.failures.pop()
        self.found = "found"
        return self.found


@pytest.fixture
def work():
    work = Work()
    yield work
    work.gate.set()


def begin(work, caller=ANYBODY):
    """Let a thread lead, and return it once it does."""
    leading = Background(work.run, caller)
    eventually(lambda: work.done == 1)
    return leading


def wait(work, size=1):
    """Let threads wait for the one that leads."""
    callers = [Listening() for _ in range(size)]
    threads = [Background(work.run, caller) for caller in callers]
    assert all(caller.heard.wait(20) for caller in callers)
    return threads


def test_what_is_known_is_not_done_again(work):
    work.gate.set()
    assert [work.run(ANYBODY), work.run(ANYBODY)] == ["found", "found"]
    assert work.done == 1


def test_one_does_it_and_the_others_have_its_outcome(work):
    threads = [begin(work), *wait(work, 7)]
    work.gate.set()
    assert {thread.outcome() for thread in threads} == {"found"}
    assert work.done == 1


def test_a_failure_is_everyones_and_the_next_one_tries_again(work):
    work.failures.append(TransportError("down", url="https://x", attempts=3))
    leading = begin(work)
    waiting = wait(work, 3)
    work.gate.set()
    errors = [thread.outcome() for thread in (leading, *waiting)]
    assert {(type(error), str(error), error.url, error.attempts) for error in errors} == {
        (TransportError, "down", "https://x", 3)
    }
    assert len({id(error) for error in errors}) == 4, "each has one of its own"
    assert work.done == 1
    assert work.run(ANYBODY) == "found"


def test_who_leads_and_is_stopped_leaves_it_to_another(work):
    caller = StoppableCaller()
    leading = begin(work, caller)
    [waiting] = wait(work)
    caller.stop()
    assert isinstance(leading.outcome(), LoadCancelledError)
    eventually(lambda: work.done == 2)
    work.gate.set()
    assert waiting.outcome() == "found"


def test_who_waits_and_is_stopped_leaves_at_once(work):
    caller = StoppableCaller()
    leading = begin(work)
    waiting = Background(work.run, caller)
    caller.stop()
    assert isinstance(waiting.outcome(), LoadCancelledError)
    assert leading.running
    work.gate.set()
    assert leading.outcome() == "found"
