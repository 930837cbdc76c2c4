"""Runs SQL on the account: one statement as it was written, translated, and done by the part that can."""

from __future__ import annotations

from ..errors import SnowpipeError, UsageError
from .catalogue import shown
from .protocol.auth import Authenticator
from .protocol.channels import Channels
from .refusals import Refused
from .sql.commands import (
    AlterUser,
    Command,
    CreateDatabase,
    CreateTable,
    Define,
    Done,
    DropDatabase,
    DropTable,
    Modify,
    Query,
    Rows,
)
from .sql.qualify import Session
from .sql.translate import translate
from .stop import Stop
from .store import Store


class Runner:
    """Runs statements, for `account.sql()` and for the SQL API alike."""

    def __init__(self, store: Store, channels: Channels, door: Authenticator) -> None:
        self._store = store
        self._channels = channels
        self._door = door

    def run(self, text: str, session: Session, stop: Stop) -> Rows | Done:
        """Run one statement.

        Raises:
            UsageError: it can't be read, is not known to the local account, failed, or was stopped.
        """
        try:
            return self._do(translate(text, session), stop)
        except Refused as refused:
            raise UsageError(refused.message) from None
        except SnowpipeError:
            raise
        except Exception as error:  # sqlglot and DuckDB fail in many ways on texts that are not SQL
            raise UsageError(f"the SQL can't be run: {type(error).__name__}") from error

    def _do(self, command: Command, stop: Stop) -> Rows | Done:
        if isinstance(command, Query):
            return self._store.query(command, stop)
        if isinstance(command, Modify):
            count = self._store.modify(command, stop)
            return Done(rows=count, verb=command.done) if command.done else Done()
        if isinstance(command, AlterUser):
            self._door.register_key(command.user, command.slot, command.key)
        elif isinstance(command, Define):
            self._store.define_other(command)
        elif isinstance(command, CreateDatabase):
            self._store.create_database(command)
        elif isinstance(command, DropDatabase):
            self._channels.end_with(lambda: self._store.drop_database(command))
        elif isinstance(command, CreateTable):
            return self._create_table(command)
        else:
            self._channels.end_with(lambda: self._store.define(command))
            if isinstance(command, DropTable):
                return Done(f"{shown(command.table).name} successfully dropped.")
        return Done()

    def _create_table(self, command: CreateTable) -> Done:
        """Make a table, and say as the service does whether it was there already."""
        name, was_there = shown(command.table).name, self._store.has_table(command.table)
        self._channels.end_with(lambda: self._store.define(command))
        if command.if_missing and was_there:
            return Done(f"{name} already exists, statement succeeded.")
        return Done(f"Table {name} successfully created.")
