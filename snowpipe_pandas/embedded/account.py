"""The local account as users see it: start it, run SQL on it, inject faults, stop it."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from os import PathLike
from pathlib import Path

import pandas as pd

from .. import arguments
from ..errors import ClosedError, SnowpipeError, UsageError
from .account_files import AccountFiles
from .clock import AccountClock
from .faults import Faults
from .folder import TemporaryFolder
from .http.app import AccountApp
from .http.recorded import RecordedRequest
from .http.server import HOST, ServerThread
from .protocol.auth import Authenticator
from .protocol.channels import Channels
from .protocol.limits import Rates
from .protocol.operations import Operations
from .protocol.statements import Statements
from .runner import Runner
from .sql.commands import Rows
from .sql.frames import frame_of
from .sql.qualify import Session
from .sql.show import statements
from .stop import Stop
from .store import Store

COMMIT_LAG_S = 0.25
"""Seconds between an append's answer and its commit; the real service takes 5 to 10."""

TOKEN_LIFETIME_S = 3600.0
LONGEST_S = 1e9
"""Thirty years; threads do not wait for much longer."""
ACCOUNT = "LOCAL"
USER = "DEMO_USER"
DATABASE = "DEMO"
SCHEMA = "PUBLIC"


class LocalAccount:
    """A running account; made by `local()`.

    Attributes:
        url: its address, on 127.0.0.1.
        profile: path of a ready `profile.json` for `connect()`.
        faults: scripted and random faults of requests.
        channels: the channels' server side: pause, resume and fail commits, lose rows, take channels over.
        clock: the account's clock, which can be moved.
        door: keys and tokens: register keys, issue and revoke tokens.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        port: int,
        commit_lag_s: float,
        token_lifetime_s: float,
        tls: bool,
        enforce_limits: bool,
        allow_files: bool,
    ) -> None:
        self._process = os.getpid()
        self._closed = False
        self._closing = threading.Lock()
        with _nothing_left_of_a_failure(path), ExitStack() as resources:
            folder = _folder(path, resources)
            self._store = Store(path, database=DATABASE, schema=SCHEMA, allow_files=allow_files)
            self._session = Session(DATABASE, SCHEMA, allow_files)
            resources.callback(self._store.close)
            files = AccountFiles(folder, lasting=path is not None, tls=tls)
            self.clock = AccountClock()
            self.door = Authenticator(ACCOUNT, self.clock, token_lifetime_s=token_lifetime_s)
            self.door.register_key(USER, "RSA_PUBLIC_KEY", files.public_key_base64())
            self.faults = Faults()
            self.channels = Channels(self._store, self.clock, commit_lag_s=commit_lag_s)
            resources.callback(self.channels.close)
            self._runner = Runner(self._store, self.channels, self.door)
            sql = Statements(self._runner, self._session)
            resources.callback(sql.close)
            rates = Rates(self.clock) if enforce_limits else None
            self._operations = Operations(self._store, self.channels, self.door, self.clock, sql, rates)
            self._app = AccountApp(self._operations, self.faults, self.clock)
            self.profile = files.profile
            self._server = ServerThread(self._app, port=port, tls=files.tls)
            resources.callback(self._server.close)
            resources.callback(self._operations.close)
            self._operations.host = HOST
            self.url = f"{'https' if tls else 'http'}://{HOST}:{self._server.port}"
            # Before the first request can come: whoever finds the port open may read the profile at once.
            files.write_profile(url=self.url, account=ACCOUNT, user=USER, database=DATABASE, schema=SCHEMA)
            self._server.start()
            self._resources = resources.pop_all()
        _running.add(self)
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"<LocalAccount {self.url}{', closed' if self._closed else ''}>"

    def __enter__(self) -> LocalAccount:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, in the order of their answers, without credentials; the newest 10,000."""
        return list(self._app.requests)

    def sql(self, text: str) -> pd.DataFrame:
        """Run Snowflake SQL and return the last statement's result.

        Args:
            text: one or more statements; names without database or schema mean `DEMO.PUBLIC`. Each is
                committed by itself: where one fails, those before it stay done.

        Raises:
            UsageError: the SQL can't be read, is not known to the local account, or failed.

        >>> account.sql("SELECT COUNT(*) AS N FROM DEMO.PUBLIC.FLIGHTS")
                N
        0  336776
        """
        self._check_usable()
        given = arguments.plain_text(text, nul=True)
        if given is None:
            arguments.refuse("text", text, 'SQL without lone surrogates, such as "SELECT 1 AS N"')
        try:
            return self._run(given)
        except SnowpipeError:
            self._check_usable()  # closed meanwhile, by another thread
            raise

    def _run(self, text: str) -> pd.DataFrame:
        """Run statements one after the other; what was done before one that fails stays done."""
        result = pd.DataFrame()
        parts = statements(text)
        for number, part in enumerate(parts, start=1):
            try:
                done = self._runner.run(part, self._session, Stop())
            except SnowpipeError as error:
                if len(parts) == 1:
                    raise
                raise UsageError(_which(number, parts) + str(error)) from error
            result = frame_of(done) if isinstance(done, Rows) else pd.DataFrame()
        return result

    def stop(self, *, lose_uncommitted: bool = False) -> None:
        """Stop the HTTP server: every connection is cut at once, every scoped token ends; see `start()`.

        Args:
            lose_uncommitted: let the service crash with it: what was accepted and not committed is lost, and
                every channel must be reopened. Otherwise accepted rows go on to be committed.

        Raises:
            UsageError: it is called from within a request, as by a fault's `change`.
        """
        self._check_usable()
        self._server.stop()
        self.door.revoke_scoped()
        if lose_uncommitted:
            self.channels.restart()

    def start(self) -> None:
        """Start the HTTP server again, on the same port and with the same tables and channels."""
        self._check_usable()
        self._server.start()

    def fail_over(self) -> None:
        """Move the ingest host: from `127.0.0.1` to `localhost`, and back again with the next call.

        The old host answers 410 from now on; scoped tokens are for one host.
        """
        self._check_usable()
        hosts = [HOST, "localhost"]
        former = self._operations.host
        self._operations.host = hosts[1 - hosts.index(former)]
        self._operations.former_host = former

    def close(self) -> None:
        """Commit what was accepted and stop; idempotent. A file keeps everything for the next start.

        The end of the interpreter does it too. A forked child's does nothing: the account is its parent's.

        Raises:
            UsageError: it is called from within a request, as by a fault's `change`.
        """
        if os.getpid() != self._process:
            return
        self._server.stop()
        with self._closing:
            self._closed = True
            _running.discard(self)
            atexit.unregister(self.close)
            self._resources.close()

    def let_go(self) -> None:
        """Give up, in a forked child, what belongs to the parent; called by itself."""
        self._server.let_go()
        # DuckDB's own end would write into the parent's file, with threads that the child doesn't have.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._store))

    def _check_usable(self) -> None:
        if os.getpid() != self._process:
            raise UsageError("the local account is its parent process's: start one in this process")
        if self._closed:
            raise ClosedError("the local account is closed")


_running: weakref.WeakSet[LocalAccount] = weakref.WeakSet()


def _let_go_in_child() -> None:
    for account in list(_running):
        account.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


def _folder(path: Path | None, resources: ExitStack) -> Path:
    """Return where key and profile go: beside the account's file, or a temporary folder."""
    if path is not None:
        return Path(f"{path}.account")
    temporary = TemporaryFolder()
    resources.callback(temporary.remove)
    return temporary.path


@contextmanager
def _nothing_left_of_a_failure(path: Path | None) -> Iterator[None]:
    """Remove the files that a failed start has made, and let it fail with an error of ours."""
    files = [] if path is None else [path, Path(f"{path}.wal"), Path(f"{path}.account")]
    made = [file for file in files if not os.path.lexists(file)]
    try:
        yield
    except BaseException as error:
        for file in made:
            with suppress(OSError):
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        if isinstance(error, OSError | RuntimeError):  # no room for files; no thread available
            ways = "give it another path, remove what is in the way, or make room"
            raise UsageError(f"the local account can't start ({error}): {ways}") from error
        raise


def _which(number: int, parts: list[str]) -> str:
    """Say which statement of several has failed."""
    if len(parts) == 1:
        return ""
    done = "" if number == 1 else f", after {number - 1} that {'was' if number == 2 else 'were'} done"
    return f"statement {number} of {len(parts)} failed{done}: "


def local(
    path: str | PathLike[str] | None = None,
    *,
    port: int = 0,
    commit_lag_s: float = COMMIT_LAG_S,
    token_lifetime_s: float = TOKEN_LIFETIME_S,
    tls: bool = False,
    enforce_limits: bool = False,
    allow_files: bool = False,
) -> LocalAccount:
    """Start a local account: the protocol of Snowpipe Streaming on this machine, over DuckDB.

    Args:
        path: DuckDB file that keeps tables and channels over restarts, with keys and profile in the folder
            `{path}.account` beside it; None keeps everything in memory.
        port: port on 127.0.0.1, 0 for a free one.
        commit_lag_s: seconds between an append's answer and its commit.
        token_lifetime_s: life of the scoped tokens it issues.
        tls: speak https, with a certificate that the profile names.
        enforce_limits: answer 429 to a named channel that sends more than 20 MB (uncompressed) or 10 requests
            in a second, as the service does. A request of more than 4 MB is refused in any case.
        allow_files: let SQL reach files and the network (`read_parquet` and its like, COPY TO); without it
            `account.sql()` reaches the account's own tables only.

    Raises:
        MissingDependencyError: the extra `local` is not installed.
        UsageError: an argument, the file or the port can't be used.

    >>> with sp.local() as account:
    ...     client = sp.connect(account.profile)
    """
    seconds = {"commit_lag_s": commit_lag_s, "token_lifetime_s": token_lifetime_s}
    for name, given in seconds.items():
        seconds[name] = arguments.number(name, given, high=LONGEST_S, example=f"{name}=5")
    return LocalAccount(
        None if path is None else arguments.path("path", path, example='path="account.duckdb"'),
        port=arguments.whole("port", port, low=0, high=65_535, example="port=8080, or 0 for a free one"),
        tls=arguments.flag("tls", tls),
        enforce_limits=arguments.flag("enforce_limits", enforce_limits),
        allow_files=arguments.flag("allow_files", allow_files),
        **seconds,
    )
