"""How long threads wait for each other: forever, but open to a Ctrl-C, or for a grace period at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

FOR_EVER_S = threading.TIMEOUT_MAX
"""A wait with a timeout, however long, is interrupted by a Ctrl-C; one without is not once polars was used,
which lets system calls go on after signals."""

STOP_GRACE_S = 1.0
"""How long to wait for threads at the end; one that a source blocks for longer ends by itself."""


def join_in_time(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads that are to stop, for at most the grace period altogether.

    Threads that the system could not start are not an error.
    """
    end = time.monotonic() + STOP_GRACE_S
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, end - time.monotonic()))
