"""How values of others are told in our messages: short, and never a failure of their own."""

from __future__ import annotations

SHOWN_CHARACTERS = 60


def shown(value: object) -> str:
    """Return a value as messages show it: one line of ASCII, at most 60 characters.

    >>> shown("a" * 70)[-5:]
    "aa..."
    """
    try:
        text = " ".join(ascii(value).split())
    except Exception:  # noqa: BLE001  # a foreign __repr__, or a value that holds itself too deeply
        text = f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
