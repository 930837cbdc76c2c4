"""Callers of requests: a patient one, and one that a test can stop, as a cancelled load is."""

import threading

from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.errors import LoadCancelledError
from snowpipe_pandas.events import Hub
from snowpipe_pandas.rest.caller import Caller

ANYBODY = Caller(Clock(), Hub())


class StoppableCaller(Caller):
    """Waits in earnest until `stop()`, which ends its waits."""

    def __init__(self, *, events=None, **about):
        super().__init__(Clock(), events or Hub(), **about)
        self._stopped = threading.Event()

    def stop(self):
        self._stopped.set()

    def sleep(self, seconds):
        if self._stopped.wait(seconds):
            raise LoadCancelledError("stopped by the test")
