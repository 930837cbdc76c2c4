"""What SQL shows of an account: role, warehouse, grants, error table, evolution and channels of a table.

Loads need none of it to be seen. So what is missing is a warning with the statement that fixes it, and what
the role may not see is unknown; nothing here is a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ...errors import (
    ConfigError,
    SnowpipeError,
    SqlError,
    SqlPrivilegeError,
    SqlTimeoutError,
    SqlUnknownError,
)
from ...names import DEFAULT_PIPE_SUFFIX, ObjectName, quote_identifier
from ...shown import counted
from ...sql.catalogue import list_channels
from ...sql.context import Context
from ...sql.door import run
from ...sql.failures import ROLE_REFUSED
from ...sql.grants import Privilege, needed, standing
from ...sql.session import Session, current_session, find_warehouse
from ...sql.table_settings import read_table_settings
from .connection import Connection
from .findings import Finding, Outcome

STATEMENT_S = 30.0
MANY_CHANNELS = 1800
"""The service lets a pipe have 2,000."""

_NAME_ONE = "name one with --table or --pipe"


def examine_by_sql(connection: Connection, table: str | None, pipe: str | None) -> Iterator[Finding]:
    """Yield a finding per check, up to the first to which SQL gives no answer at all."""
    try:
        own = _Checks(connection, table, pipe)
    except ConfigError as error:  # the name is not valid
        yield Finding("sql", "?", f"not asked: {_first_clause(error)}")
        return
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("role", own.role),
        ("warehouse", own.warehouse),
        ("grants", own.grants),
        ("errors", own.error_table),
        ("evolution", own.evolution),
        ("channels", own.channels),
    ]
    for name, check in checks:
        try:
            yield check()
        except (SqlUnknownError, SqlTimeoutError) as error:
            yield _no_sql(error)
            return
        except SqlError as error:
            yield Finding(name, "?", f"not known: {_first_clause(error)}")
        except SnowpipeError as error:
            yield _no_sql(error)
            return


def _no_sql(error: SnowpipeError) -> Finding:
    text = f"no more is known, since SQL gives no answer here: {_first_clause(error)}"
    return Finding("sql", "?", text)


def _first_clause(error: SnowpipeError) -> str:
    return str(error).partition("; ")[0]


class _Door:
    """Runs the statements of these checks, with a context."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self.context = context
        self._connection = connection

    def sql(self, text: str, *, params: Any = None, timeout_s: float = STATEMENT_S) -> Any:
        planes, caller = self._connection.planes, self._connection.caller
        return run(planes, self.context, caller, text, params=params, timeout_s=min(timeout_s, STATEMENT_S))


class _Checks:
    """The checks; each may fail by itself.

    Args:
        connection: the way to the account, which was reached.
        table, pipe: what was named, None for none.
    """

    def __init__(self, connection: Connection, table: str | None, pipe: str | None) -> None:
        had = connection.settings
        self._user = quote_identifier(had.user) if had.user else "YOUR_USER"
        self._token_has_role = connection.token_has_role
        context = Context.of_settings(had.database, had.schema, had.warehouse, had.role)
        self._door = _Door(connection, context)
        self._default_door = _Door(connection, replace(context, role=None))
        self._pipe: ObjectName | None = None
        self._table: ObjectName | None = None
        if table is not None or pipe is not None:
            name = ObjectName.parse(table or pipe or "", database=had.database, schema=had.schema)
            if table is not None:
                self._table = name
            elif name.name.endswith(DEFAULT_PIPE_SUFFIX):
                self._table = replace(name, name=name.name.removesuffix(DEFAULT_PIPE_SUFFIX))
            else:
                self._pipe = name
        self._session: Session | None = None
        self._loads_as: str | None = None

    def role(self) -> Finding:
        """Report the role of loads and that of SQL.

        A key's token, and one of an OAuth client, asks for the role of the settings, for both; beside a token
        from elsewhere that role is for SQL only.
        """
        wanted = self._door.context.role
        if self._token_has_role:
            self._session = current_session(self._door)
            self._loads_as = self._session.role
            return Finding("role", "ok", f"{self._loads_as or wanted} of the settings, for rows and for SQL")
        self._session = current_session(self._default_door)
        self._loads_as = default = self._session.role
        if default is None:
            return Finding(
                "role",
                "warn",
                "the user has no default role, which rows are streamed with",
                f"ALTER USER {self._user} SET DEFAULT_ROLE = 'ROLE';",
            )
        if wanted in (None, default):
            return Finding("role", "ok", f"{default}, the user's default, for rows and for SQL")
        try:
            self._session = current_session(self._door)
        except SqlPrivilegeError as error:
            if error.code not in ROLE_REFUSED:
                raise
            self._door = self._default_door
            return Finding(
                "role",
                "warn",
                f"{wanted} of the settings is not a role of this user; what follows was asked as {default}",
                f"GRANT ROLE {quote_identifier(str(wanted))} TO USER {self._user};",
            )
        return Finding(
            "role", "ok", f"{default}, the user's default, for rows; {wanted} of the settings for SQL"
        )

    def warehouse(self) -> Finding:
        """Report the warehouse of statements, and whether it runs or can be started by one."""
        name = self._door.context.warehouse or (self._session and self._session.warehouse)
        if not name:
            return Finding(
                "warehouse",
                "warn",
                "none is set: loads, SHOW, DESCRIBE and CREATE need none, SELECT does",
                f"ALTER USER {self._user} SET DEFAULT_WAREHOUSE = 'WAREHOUSE';",
            )
        found, as_sql = find_warehouse(self._door, name), quote_identifier(name)
        if found is None:
            role = quote_identifier((self._session and self._session.role) or "ROLE")
            return Finding(
                "warehouse",
                "warn",
                f"{name} is not there, or {role} may not use it: SELECT needs one",
                f"GRANT USAGE ON WAREHOUSE {as_sql} TO ROLE {role};",
            )
        if found.state.startswith("SUSPEND") and not found.resumes:
            return Finding(
                "warehouse",
                "warn",
                f"{name} is suspended and no statement starts it: SELECT needs it",
                f"ALTER WAREHOUSE {as_sql} RESUME;",
            )
        starts = "; a statement starts it" if found.state.startswith("SUSPEND") else ""
        return Finding("warehouse", "ok", f"{name}, {found.state.lower()}{starts}")

    def grants(self) -> Finding:
        """Report whether the role of loads holds what Snowflake asks for."""
        target = self._table or self._pipe
        if target is None:
            return Finding("grants", "skip", _NAME_ONE)
        role = self._loads_as
        if role is None:
            return Finding("grants", "?", "not known: the role of loads is not")
        if self._table is None:
            privileges = needed(target, pipe=True)
        else:
            settings = read_table_settings(self._door, self._table)
            privileges = needed(self._table, evolves=settings is not None and settings.evolves is True)
        found = standing(self._door if self._token_has_role else self._default_door, role, privileges)
        unknown = f"whether {role} holds {_listed(found.unknown)} can't be seen" if found.unknown else ""
        if found.missing:
            text = f"{role} lacks {_listed(found.missing)}" + (f"; {unknown}" if unknown else "")
            return Finding("grants", "warn", text, " ".join(p.grant(role) for p in found.missing))
        if unknown:
            return Finding("grants", "?", f"not known: {unknown}")
        return Finding("grants", "ok", f"{role} holds {_listed(found.held)}")

    def error_table(self) -> Finding:
        """Report whether rejected rows are kept."""
        return self._flag(
            "errors",
            "error_logging",
            on=("ok", "on: rejected rows are kept in the error table"),
            off=("warn", "off: rejected rows are counted, and not kept"),
            todo="ALTER TABLE {} SET ERROR_LOGGING = TRUE;",
        )

    def evolution(self) -> Finding:
        """Report what happens to columns that the table lacks."""
        return self._flag(
            "evolution",
            "evolves",
            on=("ok", "on: columns that the table lacks are added to it"),
            off=("ok", "off: columns that the table lacks are not added"),
        )

    def channels(self) -> Finding:
        """Report how many channels there are, and since when; unused ones are deleted after 30 days."""
        if self._pipe is not None:
            found = list_channels(self._door, "pipe", self._pipe)
        elif self._table is not None:
            found = list_channels(self._door, "table", self._table)
        else:
            return Finding("channels", "skip", _NAME_ONE)
        if not found:
            return Finding("channels", "ok", "none")
        dates = sorted(str(channel.created_on)[:10] for channel in found)
        text = (
            f"{counted(len(found), 'channel')}, the oldest of {dates[0]}; one that was not used for 30 days "
            "is deleted"
        )
        if len(found) < MANY_CHANNELS:
            return Finding("channels", "ok", text)
        fix = "drop those of loads that are done, as drop_when_done=True does: a pipe has at most 2,000"
        return Finding("channels", "warn", text, fix)

    def _flag(
        self, check: str, name: str, *, on: tuple[Outcome, str], off: tuple[Outcome, str], todo: str = ""
    ) -> Finding:
        """Report one setting of the table."""
        if self._table is None:
            return Finding(check, "skip", "name the table with --table")
        settings = read_table_settings(self._door, self._table)
        if settings is None:
            return Finding(check, "?", f"not known: the role of SQL does not see {self._table}")
        value = getattr(settings, name)
        if value is None:
            return Finding(check, "?", "not known: SHOW TABLES does not show it in this account")
        outcome, text = on if value else off
        return Finding(check, outcome, text, "" if value else todo.format(self._table))


def _listed(privileges: Iterable[Privilege]) -> str:
    return ", ".join(map(str, privileges))
