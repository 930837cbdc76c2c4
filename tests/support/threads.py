"""Threads of tests: what they returned or raised, and how long they took."""

import threading
import time


class Background:
    """Calls a function in a thread of its own; `outcome()` waits for what came of it."""

    def __init__(self, function, *args, **kwargs):
        self.result = self.error = self.seconds = None
        self._call = lambda: function(*args, **kwargs)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        started = time.monotonic()
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error
        self.seconds = time.monotonic() - started

    @property
    def running(self):
        return self._thread.is_alive()

    def outcome(self):
        """Return the result or the error."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.result if self.error is None else self.error


def eventually(condition):
    """Wait until something holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
