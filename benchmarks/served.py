"""A local account in a process of its own, so that its work is not taken for the client's.

`python -m benchmarks.served` prints a line of JSON with the account's address, profile and a scoped token,
then runs each line of SQL that it reads, and ends when its standard input does.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.protocol.auth import Identity

ROOT = Path(__file__).parent.parent


class ServedAccount:
    """The account as its parent process sees it.

    Attributes:
        url: its address.
        profile: path of its profile.
        token: a scoped token, for requests by hand.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._said, self._asked = process.stdout, process.stdin
        self._process = psutil.Process(process.pid)
        facts = json.loads(self._said.readline())
        self.url, self.profile, self.token = facts["url"], facts["profile"], facts["token"]

    def sql(self, statement: str) -> None:
        """Run SQL there; its result is not returned."""
        print(" ".join(statement.split()), file=self._asked, flush=True)
        self._said.readline()

    def processor_s(self) -> float:
        """Processor time that it has used so far, in seconds."""
        times = self._process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def served_account() -> Iterator[ServedAccount]:
    """Run an account that commits at once, for as long as the block runs."""
    command = [sys.executable, "-m", "benchmarks.served"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            yield ServedAccount(process)
        finally:
            process.stdin.close()


def serve() -> None:
    """Be the account."""
    with sp.local(commit_lag_s=0.0) as account:
        host = urlsplit(account.url).hostname or ""
        token = account.door.issue_scoped(Identity("LOCAL", "DEMO_USER"), host)
        facts = {"url": account.url, "profile": str(account.profile), "token": token}
        print(json.dumps(facts), flush=True)
        for statement in sys.stdin:
            account.sql(statement)
            print(flush=True)


if __name__ == "__main__":
    serve()
