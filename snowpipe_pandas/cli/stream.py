"""`snowpipe-pandas stream`: files into a table, with a line of progress and the command to go on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ..api.stream import stream
from ..errors import SnowpipeError
from ..rest.client import connect
from ..rows.sources.names import ColumnCase
from ..streaming.load_ids import new_load_id
from ..streaming.options import OnError
from .printing import say

INTERRUPTED = 130
"""Exit status of a command that was ended by Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCommand:
    """What the command line asks for.

    Attributes:
        files: paths, folders and patterns, as one load.
        table: where the rows go.
        load_id: names the load, None for a fresh name.
        channels: how many channels it uses, "auto" for as many as its size is worth.
        create: make the table if it is missing, with an error table.
        column_case, on_error: as in `stream()`.
        profile, connection: which account.
    """

    files: Sequence[str]
    table: str
    load_id: str | None = None
    channels: str = "1"
    create: bool = False
    column_case: ColumnCase = "keep"
    on_error: OnError = "raise"
    profile: Path | None = None
    connection: str | None = None

    def again(self, load_id: str) -> str:
        """Return the command line that goes on with the load.

        >>> StreamCommand(files=["a b.csv"], table="T").again("x")
        "snowpipe-pandas stream 'a b.csv' --table T --load-id x"
        """
        words = ["snowpipe-pandas", "stream", *self.files, "--table", self.table, "--load-id", load_id]
        given = {
            "--channels": self.channels,
            "--column-case": self.column_case,
            "--on-error": self.on_error,
            "--profile": None if self.profile is None else str(self.profile),
            "--connection": self.connection,
        }
        usual = StreamCommand(files=(), table="")
        defaults = (usual.channels, usual.column_case, usual.on_error, None, None)
        for (name, value), default in zip(given.items(), defaults, strict=True):
            if value is not None and value != default:
                words += [name, value]
        if self.create:
            words.append("--create")
        return shlex.join(words)


def run(console: Console, command: StreamCommand) -> int:
    """Stream, and print what was done; return 0 if every row is in the table.

    Raises:
        SnowpipeError: the load did not end well; the command to go on was printed.
    """
    load_id = command.load_id or new_load_id()
    files = list(command.files) if len(command.files) > 1 else command.files[0]
    channels: Any = int(command.channels) if command.channels.isdecimal() else command.channels
    try:
        with connect(command.profile, connection_name=command.connection) as client:
            target = client.table(command.table)
            result = stream(
                files,
                target,
                load_id=load_id,
                channels=channels,
                create=command.create,
                column_case=command.column_case,
                on_error=command.on_error,
            )
    except SnowpipeError as error:
        if error.load is not None and error.load.goes_on:
            say(console, f"to go on: {command.again(load_id)}")
        raise
    except KeyboardInterrupt:
        say(console, f"interrupted; to go on: {command.again(load_id)}")
        return INTERRUPTED
    say(console, str(result))
    return 0 if result.rows_rejected == 0 else 1
