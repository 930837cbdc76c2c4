"""What happens to a channel while its rows are on their way into the table."""

import contextlib
import threading

import duckdb
import pytest

from snowpipe_pandas.embedded.refusals import Refused
from snowpipe_pandas.embedded.store import Store
from tests.embedded.raw import STALE, Raw, code, lines, until
from tests.support.loads import ids


class Flight:
    """A commit that has begun and takes as long as the test wants; then it succeeds, or its COMMIT fails."""

    def __init__(self, account, raw, monkeypatch, *, fails=False):
        (self.channel,) = (c for c in account.channels._channels.values() if c.name == raw.channel)
        self._landing = threading.Event()
        real = Store.transaction

        @contextlib.contextmanager
        def transaction(store, cursor):
            committing = threading.current_thread().name == "snowpipe-local-commit"
            if committing:
                assert self._landing.wait(30)
            with real(store, cursor):
                yield
                if committing and fails:
                    raise duckdb.TransactionException("Failed to commit: No space left on device")

        monkeypatch.setattr(Store, "transaction", transaction)
        raw.append(lines(1, 2), "2")
        until(lambda: self.channel.committing)

    def land(self):
        self._landing.set()


def begun(work):
    """Start work in a thread; return the thread, and what it will have done."""
    done = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    return thread, done


def test_statuses_and_appends_do_not_wait_for_a_commit(account, raw, monkeypatch):
    flight = Flight(account, raw, monkeypatch)
    try:
        status = raw.status()
        assert (status["last_committed_offset_token"], status["rows_inserted"]) == (None, 0)
        assert raw.append(lines(3), "3").ok
    finally:
        flight.land()
    assert raw.committed("3")["rows_inserted"] == 3
    assert ids(account) == [1, 2, 3]


CHANGES = {
    "open": (lambda account, raw: Raw(account).open(), "2"),
    "take over": (lambda account, raw: account.channels.take_over("raw", discard=True), "2"),
    "crash": (lambda account, raw: account.channels.restart(), "2"),
    "drop": (lambda account, raw: account.channels.drop("raw"), None),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("fails", [False, True], ids=["committed", "failed"])
def test_who_changes_a_channel_waits_for_its_commit(account, raw, monkeypatch, change, fails):
    """Its rows are in the table then, and counted in its state, or neither is."""
    work, token = CHANGES[change]
    flight = Flight(account, raw, monkeypatch, fails=fails)
    thread, done = begun(lambda: work(account, raw))
    thread.join(0.2)
    waited = not done
    flight.land()
    thread.join(10)
    assert waited
    assert done
    assert ids(account) == ([] if fails else [1, 2])
    if token is not None:
        assert flight.channel.state.committed_token == (None if fails else token)
        assert flight.channel.state.rows_inserted == (0 if fails else 2)
    assert not flight.channel.buffer
    if not fails:
        raw.open()
        raw.append(lines(3), "3")
        raw.committed("3")
        assert ids(account) == [1, 2, 3]


def test_who_keeps_uncommitted_rows_is_refused_at_once(account, raw, monkeypatch):
    flight = Flight(account, raw, monkeypatch)
    pipe = account._store.pipe(flight.channel.pipe)

    def refused():
        with pytest.raises(Refused) as caught:
            account.channels.delete(pipe, "raw", keep_uncommitted=True)
        return caught.value.code

    thread, done = begun(refused)
    thread.join(5)
    flight.land()
    assert done == ["ERR_CHANNEL_HAS_UNCOMMITTED_DATA"]
    assert raw.committed("2")["rows_inserted"] == 2


def test_appends_and_reopens_in_turn_lose_and_double_nothing_that_is_reported(account, raw):
    """An open discards what is not committed; what a status then reports is what the table holds."""
    for number in range(0, 300, 10):
        raw.append(lines(number, number + 1), str(number + 2))
        status = raw.open().json()["channel_status"]
        assert status["rows_inserted"] == len(ids(account))
        stale = raw.append(lines(-1), "x", token="0_0")
        assert code(stale) == (400, STALE)
    assert len(set(ids(account))) == len(ids(account))
    assert raw.status()["rows_inserted"] == len(ids(account))
