"""The command line: `snowpipe-pandas stream | demo | serve | doctor`, or `python -m snowpipe_pandas`."""

from __future__ import annotations

from ..errors import SnowpipeError


def main() -> None:
    """Run the command line; our errors, wherever they come from, are printed as text, with exit status 1."""
    try:
        from .app import app, console
        from .printing import say_error
    except ModuleNotFoundError as missing:
        needed = (missing.name or "").partition(".")[0]
        raise SystemExit(
            f"the command line needs {needed}; run: pip install 'snowpipe-pandas[cli,local]'"
        ) from None
    try:
        app()
    except SnowpipeError as error:
        say_error(console, error)
        raise SystemExit(1) from None
