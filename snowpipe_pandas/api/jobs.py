"""Loads in the background: a `Job` is one of them, `Jobs` are several, shown as one table."""

from __future__ import annotations

import contextvars
import logging
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, overload

from ..arguments import is_a, items, number, refuse
from ..display.kernel import in_notebook
from ..display.line import short
from ..errors import LoadCancelledError, SnowpipeError
from ..load_facts import place_of
from ..shown import visible
from ..streaming.progress import Progress
from ..streaming.result import StreamResult
from ..tracebacks import ShortInterrupts
from ..waits import FOR_EVER_S
from .runnable import Runnable

if TYPE_CHECKING:
    from ..display.ticker import Ticker
    from ..display.views import JobsView, LoadView

SEVERAL_JOBS = "jobs, such as sp.Jobs([df.snowpipe.stream(channel, background=True)])"
CANCEL_GRACE_S = 30.0
"""How long an interrupted wait goes on for the request in flight."""
_log = logging.getLogger("snowpipe_pandas.jobs")


class _Displayed(ABC):
    """What a cell shows as a live view with buttons: made when it is first shown, drawn until it is over."""

    _view: LoadView | JobsView | None = None
    _ticker: Ticker | None = None

    def show(self) -> None:
        """Show it, with buttons, in the notebook cell that runs now."""
        self._shown_by(lambda view: view.show())

    def _shown_by(self, show: Callable[[LoadView | JobsView], Any]) -> Any:
        from ..display.ticker import Ticker

        if self._view is not None:
            return show(self._view)
        self._view = self._make_view()
        shown = show(self._view)
        self._ticker = Ticker(self._view)
        self._ticker.start()
        return shown

    @abstractmethod
    def _make_view(self) -> LoadView | JobsView:
        """Make what is shown."""

    def _ipython_display_(self) -> None:
        if not in_notebook():
            raise NotImplementedError  # IPython then prints the repr
        self.show()

    def _display_(self) -> Any:
        """Return what marimo shows for it as a cell's last value."""
        return self._shown_by(lambda view: view.as_value())


class Job(_Displayed):
    """A load that runs in a thread of its own; `stream(..., background=True)` makes it.

    As a notebook cell's last value it shows the load, with buttons. The process does not wait for it: ask
    for `result()` before a script ends.

    Attributes:
        load_id: the load's name; give it again to go on after a cancel or a failure.
        channel: the channel's name.

    >>> job = df.snowpipe.stream(channel, background=True)
    >>> job.result()
    """

    def __init__(
        self,
        load: Runnable,
        run: Callable[[], StreamResult],
        shown: AbstractContextManager[object],
        *,
        compact: bool = False,
    ) -> None:
        self.load_id = load.load_id
        self.channel = load.channel_name
        self._load = load
        self._deliver = run
        self._shown = shown
        self._compact = compact
        self._outcome: Future[StreamResult] = Future()
        # The thread sees the context of its start, as a call would: ipykernel keeps the cell there.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=f"snowpipe-job-{self.load_id}", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Job {short(self.progress)}"[:109] + ">"

    @property
    def done(self) -> bool:
        """Whether it is over: delivered, failed or cancelled."""
        return self._outcome.done()

    @property
    def progress(self) -> Progress:
        """How far the load is, as a snapshot."""
        return self._load.tracker.snapshot()

    def result(self, timeout: float | None = None) -> StreamResult:
        """Wait for the end and return what was done.

        Args:
            timeout: seconds to wait at most; None waits as long as it takes.

        Raises:
            TimeoutError: it is not over yet; it goes on.
            KeyboardInterrupt: the wait was interrupted; the load is cancelled.
            LoadCancelledError: it was cancelled; `.load` says how far it came.
            SnowpipeError: what `stream()` raises, with `.load`.
        """
        self._wait_or_raise(timeout)
        return self._outcome.result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end and return what the load raised, None if nothing.

        Raises:
            TimeoutError: it is not over yet; it goes on.
        """
        self._wait_or_raise(timeout)
        return self._outcome.exception()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end and return whether it came within `timeout` seconds; None waits without limit.

        An interrupt (Ctrl-C, or the kernel's) cancels the load and is raised again.
        """
        return _wait_all([self], _waitable(timeout), self._ticker)

    def pause(self) -> None:
        """Make the load wait after the request in flight."""
        self._load.control.pause()

    def resume(self) -> None:
        """Make a paused load go on."""
        self._load.control.resume()

    def cancel(self) -> None:
        """Make the load stop after the request in flight; `result()` then raises LoadCancelledError."""
        self._load.control.cancel()

    def _make_view(self) -> LoadView:
        from ..display.views import LoadView

        return LoadView(self._load.tracker.snapshot, self._load.control, compact=self._compact)

    def _wait_or_raise(self, timeout: float | None) -> None:
        seconds = _waitable(timeout)
        if not _wait_all([self], seconds, self._ticker):
            raise TimeoutError(f"load {self.load_id!r} is not over after {seconds:g} s; it goes on")

    def _run(self) -> None:
        try:
            with self._shown:
                result = self._deliver()
        except BaseException as error:  # noqa: BLE001  # raised where the result is asked for
            if not isinstance(error, LoadCancelledError):
                _log.warning("failed in the background: %s", self._placed(error))
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(result)

    def _placed(self, error: BaseException) -> str:
        """Write an error with the place of the load, as our own errors are written."""
        if isinstance(error, SnowpipeError) and error.place is not None:
            return str(error)
        place = place_of(self.progress.target, self.load_id, self.channel)
        return f"{place}: {visible(f'{type(error).__name__}: {error}')}"


class Jobs(_Displayed, Sequence[Job]):
    """Several jobs, waited for together and shown as rows of one table.

    >>> jobs = sp.Jobs(part.snowpipe.stream(ch, background=True) for part, ch in zip(parts, channels))
    >>> results = jobs.results()
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        given = items("jobs", jobs, wanted=SEVERAL_JOBS)
        for at, job in enumerate(given):
            if not is_a(job, Job):
                refuse(f"jobs[{at}]", job, SEVERAL_JOBS)
        self._jobs: tuple[Job, ...] = tuple(given)

    def __len__(self) -> int:
        return len(self._jobs)

    @overload
    def __getitem__(self, index: int) -> Job: ...

    @overload
    def __getitem__(self, index: slice) -> Jobs: ...

    def __getitem__(self, index: int | slice) -> Job | Jobs:
        return Jobs(self._jobs[index]) if isinstance(index, slice) else self._jobs[index]

    def __repr__(self) -> str:
        return f"<Jobs: {sum(job.done for job in self)} of {len(self)} done>"

    def results(self, timeout: float | None = None) -> list[StreamResult]:
        """Wait for all ends and return what was done, in the jobs' order.

        Raises:
            TimeoutError: not all are over yet; they go on.
            SnowpipeError: what the first failed job raised; the others have ended too.
        """
        seconds = _waitable(timeout)
        if not _wait_all(self, seconds, self._ticker):
            raise TimeoutError(f"{self!r} after {seconds:g} s; the others go on")
        return [job.result() for job in self]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for all ends and return whether they came within `timeout` seconds; None waits without limit.

        An interrupt cancels all of them and is raised again.
        """
        return _wait_all(self, _waitable(timeout), self._ticker)

    def cancel(self) -> None:
        """Make all of them stop after their requests in flight."""
        for job in self:
            job.cancel()

    def _make_view(self) -> JobsView:
        from ..display.views import JobsView

        return JobsView([(job._load.tracker.snapshot, job._load.control) for job in self])


def _waitable(timeout: float | None) -> float:
    """Return a timeout as threads take it: the longest possible for an endless one, past ones unchanged."""
    if timeout is None:
        return FOR_EVER_S
    seconds = number("timeout", timeout, low=-math.inf, example="timeout=60, or None to wait for the end")
    return min(seconds, FOR_EVER_S)


def _wait_all(jobs: Iterable[Job], timeout: float | None, ticker: Ticker | None) -> bool:
    """Wait for the ends of jobs; their view shows its last state before anybody goes on."""
    outcomes: list[Future[Any]] = [job._outcome for job in jobs]
    over = False
    try:
        with ShortInterrupts():
            over = not wait_for(outcomes, timeout).not_done
    except KeyboardInterrupt:
        for job in jobs:
            job.cancel()
        over = not wait_for(outcomes, CANCEL_GRACE_S).not_done
        raise
    finally:
        if over and ticker is not None:
            ticker.finish()
    return over
