"""Checks the way to an account step by step, and what it lets a load do: one line each, with the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from ...errors import SnowpipeError
from ...rest.client import checked_ingest_hosts
from ...shown import visible
from .by_sql import examine_by_sql
from .connection import Connection
from .findings import FailedError, Finding, Outcome

_MARKS: dict[Outcome, str] = {
    "ok": "[green]ok  [/green]",
    "warn": "[yellow]warn[/yellow]",
    "FAIL": "[red]FAIL[/red]",
    "?": "[dim]?   [/dim]",
    "skip": "[dim]skip[/dim]",
}


def run(
    console: Console,
    *,
    profile: Path | None = None,
    connection_name: str | None = None,
    table: str | None = None,
    pipe: str | None = None,
    allow_ingest_hosts: Sequence[str] = (),
) -> int:
    """Print the findings; return 0 if no check failed."""
    failed = False
    connection = Connection(checked_ingest_hosts(allow_ingest_hosts))
    for finding in _examine(connection, profile, connection_name, table, pipe):
        failed = failed or finding.outcome == "FAIL"
        console.print(f"{_MARKS[finding.outcome]} {finding.check:10}", end=" ")
        console.print(visible(finding.text), soft_wrap=True, markup=False)
        if finding.todo:
            console.print(f"{'':15} {visible(finding.todo)}", soft_wrap=True, markup=False)
    return 1 if failed else 0


def _examine(
    connection: Connection,
    profile: Path | None,
    connection_name: str | None,
    table: str | None,
    pipe: str | None,
) -> Iterator[Finding]:
    """Yield a finding per check; SQL is asked once the account is reached, whatever fails after that."""
    try:
        yield from _examine_connection(connection, profile, connection_name, table, pipe)
        if connection.reached:
            yield from examine_by_sql(connection, table, pipe)
    finally:
        connection.close()


def _examine_connection(
    connection: Connection,
    profile: Path | None,
    connection_name: str | None,
    table: str | None,
    pipe: str | None,
) -> Iterator[Finding]:
    """Yield a finding per check, and end with the first failure that those after it build on."""
    for name, check in connection.checks(profile, connection_name, table, pipe):
        try:
            yield check()
        except FailedError as failed:
            yield Finding(name, "FAIL", failed.text, failed.fix)
            if failed.fatal:
                return
        except SnowpipeError as error:
            text, fix = connection.diagnose(error)
            yield Finding(name, "FAIL", text, fix)
            return
