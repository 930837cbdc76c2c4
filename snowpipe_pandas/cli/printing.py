"""What the commands print: plain text without markup, with nothing in it that a terminal would obey."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from ..errors import RowsRejectedError, SnowpipeError
from ..shown import visible


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print a line; a part of it may have a style: `("FAIL", "red")`.

    A text reaches rich as a `Text`: in a str, rich finds markup, as in `part[/]`, and emoji, as in `:key:`.
    """
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    console.print(Text.assemble(*((visible(text), style) for text, style in styled)), soft_wrap=True)


def say_error(console: Console, error: SnowpipeError) -> None:
    """Print an error, and under it the first rejected rows where it knows them."""
    for line in str(error).splitlines():  # several where it has a statement to run
        say(console, (line, "red"))
    if isinstance(error, RowsRejectedError):
        for row in error.first_rejected:
            say(console, f"  {row}")
