"""The command line as a user runs it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("snowpipe-pandas"))


def run(*arguments, **environment):
    """Run `snowpipe-pandas` with these arguments, and these variables added to the environment."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=180,  # the demo, on a machine that does much else
        env=os.environ | environment,
    )
