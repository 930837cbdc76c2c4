"""How long threads wait for each other: for ever, so that a Ctrl-C is heard; or for a grace at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

FOR_EVER_S = threading.TIMEOUT_MAX
"""A wait with a timeout, however long, hears a Ctrl-C; one without does not once polars was used, which lets
system calls go on after signals."""

STOP_GRACE_S = 1.0
"""How long leaving waits for threads; one that a source blocks for longer is left to its own end."""


def join_in_time(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads that were told to stop, all of them together for the grace at most.

    Those which the system refused to start are no reason to fail.
    """
    end = time.monotonic() + STOP_GRACE_S
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, end - time.monotonic()))
