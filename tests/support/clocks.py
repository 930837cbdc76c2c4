"""A clock on which waiting costs no time: sleeps are recorded and passed over."""

import threading
import time

from snowpipe_pandas.auth.tokens import Clock


class QuickClock(Clock):
    """Runs with the real one, and jumps ahead wherever the client would sleep."""

    def __init__(self):
        self.slept = []
        self._ahead = 0.0
        self._jumping = threading.Lock()
        super().__init__(monotonic=lambda: time.monotonic() + self._ahead, sleep=self._jump)

    def pass_time(self, seconds):
        """Put the clock ahead, as if there had been no call for a while."""
        self._ahead += seconds

    def _jump(self, seconds, wake):
        with self._jumping:
            self.slept.append(seconds)
            self._ahead += seconds
        wake.wait(0.002)  # lets the server's threads have a turn
