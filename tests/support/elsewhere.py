"""A local account in a process of its own, with its own clock: another machine, as far as a client sees."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager

_SERVE = """
import time
right = time.time
time.time = lambda: right() + {ahead_s}
from snowpipe_pandas.cli import main
main()
"""


@contextmanager
def account_elsewhere(path, *, ahead_s):
    """Serve the account kept at `path` with a clock that is that far ahead; yield its profile."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE.format(ahead_s=ahead_s), "serve", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield re.search(r"profile (.*)", process.stdout.readline())[1]
    finally:
        process.send_signal(signal.SIGINT)
        ended_well = process.wait(20) == 0
        process.stdout.close()
    assert ended_well
