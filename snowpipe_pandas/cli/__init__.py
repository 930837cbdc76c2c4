"""The command line: `snowpipe-pandas stream | demo | serve | doctor`, or `python -m snowpipe_pandas`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; without its libraries, say how to get them."""
    try:
        from .app import app
    except ModuleNotFoundError as missing:
        raise SystemExit(
            f"the command line needs {missing.name}; run: pip install 'snowpipe-pandas[cli,local]'"
        ) from None
    app()
