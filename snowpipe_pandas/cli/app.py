"""The commands and their options; each one's work is in a module of its own."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..rows.sources.names import ColumnCase
from ..streaming.options import OnError
from .printing import say
from .signals import EndSignals

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(highlight=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(console, version("snowpipe-pandas"))
        raise typer.Exit


@app.callback()
def snowpipe_pandas(
    _version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Put DataFrames into Snowflake tables, exactly once, through Snowpipe Streaming."""


@app.command()
def demo() -> None:
    """Stream 336,776 flights into a local account and compare the table with the frame by SQL."""
    from .demo import run

    raise typer.Exit(run(console))


@app.command()
def serve(
    path: Annotated[
        Path | None, typer.Argument(help="DuckDB file that keeps the account; in memory if left out")
    ] = None,
    port: Annotated[int, typer.Option(help="port on 127.0.0.1; 0 takes a free one")] = 0,
    tls: Annotated[bool, typer.Option(help="speak https with a certificate made for this account")] = False,
    commit_lag: Annotated[
        float, typer.Option(min=0, help="seconds between an append's answer and its commit")
    ] = 0.25,
    enforce_limits: Annotated[
        bool, typer.Option(help="answer 429 to a channel above 20 MB or 10 requests in a second")
    ] = False,
) -> None:
    """Run the local account until Ctrl-C; other processes connect with its profile."""
    from ..embedded import local

    with (
        EndSignals() as ends,
        local(path, port=port, tls=tls, commit_lag_s=commit_lag, enforce_limits=enforce_limits) as account,
    ):
        say(console, f"local account at {account.url}, profile {account.profile}")
        say(console, f'connect with: sp.connect("{account.profile}")')
        ends.wait()


@app.command()
def stream(
    files: Annotated[
        list[str], typer.Argument(help="files, folders or patterns: Parquet, CSV, Arrow IPC, NDJSON")
    ],
    table: Annotated[str, typer.Option(help="DATABASE.SCHEMA.TABLE")],
    load_id: Annotated[
        str | None, typer.Option(help="names the load: the same command again goes on, or sends nothing")
    ] = None,
    channels: Annotated[str, typer.Option(help='how many channels at once, or "auto"')] = "1",
    create: Annotated[bool, typer.Option("--create", help="make the table if it is missing")] = False,
    column_case: Annotated[ColumnCase, typer.Option(help="upper folds names as SQL does")] = "keep",
    on_error: Annotated[
        OnError, typer.Option(help="report counts rejected rows and sends the rest")
    ] = "raise",
    profile: Annotated[Path | None, typer.Option(help="profile.json; else the usual sources")] = None,
    connection: Annotated[str | None, typer.Option(help="a connection of connections.toml")] = None,
) -> None:
    """Put the rows of files into a table, once; exit status 0 says that every row is there."""
    from .stream import StreamCommand, run

    command = StreamCommand(
        files=files,
        table=table,
        load_id=load_id,
        channels=channels,
        create=create,
        column_case=column_case,
        on_error=on_error,
        profile=profile,
        connection=connection,
    )
    raise typer.Exit(run(console, command))


@app.command()
def doctor(
    profile: Annotated[Path | None, typer.Argument(help="profile.json; else the usual sources")] = None,
    connection: Annotated[str | None, typer.Option(help="a connection of connections.toml")] = None,
    table: Annotated[
        str | None, typer.Option(help="also look at this table: pipe, grants, settings, channels")
    ] = None,
    pipe: Annotated[str | None, typer.Option(help="also look at this pipe")] = None,
    allow_ingest_host: Annotated[
        list[str] | None,
        typer.Option(help="host outside of the account's domain, or *. and a domain; may be given again"),
    ] = None,
) -> None:
    """Check the way to the account, from key to pipe, and by SQL what a load may do there, with the fixes."""
    from .doctor import run

    if table is not None and pipe is not None:
        raise typer.BadParameter("give either --table or --pipe")
    status = run(
        console,
        profile=profile,
        connection_name=connection,
        table=table,
        pipe=pipe,
        allow_ingest_hosts=allow_ingest_host or (),
    )
    raise typer.Exit(status)
