"""The local account as users see it: start it, run SQL on it, make trouble for it, stop it."""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path

import pandas as pd

from ..errors import ClosedError, UsageError
from .answers import Refused
from .app import AccountApp, RecordedRequest
from .auth import Door
from .channels import Channels
from .faults import FaultDesk
from .identity import Identity
from .server import HOST, ServerThread
from .sql import AlterUser, CreatePipe, translate
from .store import Store

COMMIT_LAG_S = 0.25
"""Seconds between an append's answer and its commit; the real service takes 5 to 10."""

TOKEN_LIFETIME_S = 3600.0
ACCOUNT = "LOCAL"
USER = "DEMO_USER"
DATABASE = "DEMO"
SCHEMA = "PUBLIC"


class LocalAccount:
    """A running account; made by `local()`.

    Attributes:
        url: its address, on 127.0.0.1.
        profile: path of a ready `profile.json` for `connect()`.
        faults: scripts trouble for requests.
        channels: the channels' server side: pause and resume commits, lose rows, take channels over.
        door: keys and tokens: register keys, issue and revoke tokens.
    """

    def __init__(
        self, path: Path | None, *, port: int, commit_lag_s: float, token_lifetime_s: float, tls: bool
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="snowpipe-local-") if path is None else None
        folder = Path(self._temporary.name) if self._temporary else Path(f"{path}.account")
        self._closed = False
        self._store = Store(path, database=DATABASE, schema=SCHEMA)
        identity = Identity(folder, tls=tls)
        self.door = Door(ACCOUNT, token_lifetime_s=token_lifetime_s)
        self.door.register_key(USER, "RSA_PUBLIC_KEY", identity.public_key_base64())
        self.faults = FaultDesk()
        self.channels = Channels(self._store, commit_lag_s=commit_lag_s)
        self._app = AccountApp(self._store, self.channels, self.door, self.faults)
        try:
            self._server = ServerThread(self._app, port=port, tls=identity.tls)
        except UsageError:
            self.channels.close()
            self._store.close()
            raise
        self._app.host = f"{HOST}:{self._server.port}"
        self.url = f"{'https' if tls else 'http'}://{self._app.host}"
        self.profile = identity.profile
        identity.write_profile(url=self.url, account=ACCOUNT, user=USER, database=DATABASE, schema=SCHEMA)
        self._server.start()

    def __repr__(self) -> str:
        return f"<LocalAccount {self.url}{', closed' if self._closed else ''}>"

    def __enter__(self) -> LocalAccount:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, in the order of their answers, without credentials."""
        return list(self._app.requests)

    def sql(self, text: str) -> pd.DataFrame:
        """Run Snowflake SQL and return the last statement's result.

        Args:
            text: one or more statements; names without database or schema mean `DEMO.PUBLIC`.

        Raises:
            UsageError: the SQL can't be read, or failed.

        >>> account.sql("SELECT COUNT(*) AS N FROM DEMO.PUBLIC.FLIGHTS")
                N
        0  336776
        """
        if self._closed:
            raise ClosedError("the local account is closed")
        result = pd.DataFrame()
        for statement in translate(text):
            try:
                if isinstance(statement, AlterUser):
                    self.door.register_key(statement.user, statement.slot, statement.key)
                elif isinstance(statement, CreatePipe):
                    self._store.create_pipe(statement)
                else:
                    result = self._store.run(statement)
            except Refused as refused:
                raise UsageError(refused.message) from None
        return result

    def close(self) -> None:
        """Commit what was accepted and stop; idempotent. A file keeps everything for the next start."""
        if self._closed:
            return
        self._closed = True
        self._server.close()
        self.channels.close()
        self._store.close()
        if self._temporary is not None:
            self._temporary.cleanup()


def local(
    path: str | PathLike[str] | None = None,
    *,
    port: int = 0,
    commit_lag_s: float = COMMIT_LAG_S,
    token_lifetime_s: float = TOKEN_LIFETIME_S,
    tls: bool = False,
) -> LocalAccount:
    """Start a local account: the protocol of Snowpipe Streaming on this machine, over DuckDB.

    Args:
        path: DuckDB file that keeps tables and channels over restarts, with keys and profile in the folder
            `{path}.account` beside it; None keeps everything in memory.
        port: port on 127.0.0.1, 0 for a free one.
        commit_lag_s: seconds between an append's answer and its commit.
        token_lifetime_s: life of the scoped tokens it issues.
        tls: speak https, with a certificate that the profile names.

    Raises:
        MissingDependencyError: the extra `local` is not installed.
        UsageError: the file or the port can't be used.

    >>> with sp.local() as account:
    ...     client = sp.connect(account.profile)
    """
    return LocalAccount(
        None if path is None else Path(path),
        port=port,
        commit_lag_s=commit_lag_s,
        token_lifetime_s=token_lifetime_s,
        tls=tls,
    )
