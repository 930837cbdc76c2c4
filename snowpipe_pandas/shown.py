"""How values are shown in our messages and views: short, harmless, and without ever failing."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_CHARACTERS = 60
SHOWN_RANGES = 3


def shown(value: object) -> str:
    """Return a foreign value as messages show it: one line of ASCII, at most 60 characters.

    >>> shown("a" * 70)[-5:]
    "aa..."
    """
    try:
        text = " ".join(ascii(value).split())
    except Exception:  # noqa: BLE001  # a foreign __repr__, or a value nested too deeply
        text = f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def visible(text: str) -> str:
    r"""Return a text with every control or invisible character as its escape, as `repr` does.

    >>> visible("caf\xe9 \x1b[2J")
    'café \\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def cleaned(text: str, limit: int) -> str:
    """Return a text from outside: visible, on one line, and cut after `limit` characters.

    >>> cleaned("a" * 10, 4), cleaned("two\\nlines", 20)
    ('aaa\u2026', 'two lines')
    """
    text = visible(" ".join(text[: 4 * limit].split()))
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    >>> counted(1, "request"), counted(2000, "retry", "retries")
    ('1 request', '2,000 retries')
    """
    return f"{number:,} {plural_of(number, noun, plural)}"


def plural_of(number: float, noun: str, plural: str = "") -> str:
    """Return the form of a noun that follows a number.

    >>> plural_of(1, "row"), plural_of(0, "row"), plural_of(2, "try", "tries")
    ('row', 'rows', 'tries')
    """
    return noun if number == 1 else plural or noun + "s"


def size(count: float) -> str:
    """Write a number of bytes, small ones exactly.

    >>> size(0), size(98), size(101), size(1_300_000), size(2_500_000_000)
    ('0 B', '98 B', '0.1 kB', '1.3 MB', '2.50 GB')
    """
    for unit, name, digits in ((1e9, "GB", 2), (1e6, "MB", 1), (1e2, "kB", 1)):
        if count >= unit:
            return f"{count / max(unit, 1e3):,.{digits}f} {name}"
    return f"{count:.0f} B"


def speed(bytes_per_s: float) -> str:
    """Write a speed, in 10^6 bytes a second unless it is very low.

    >>> speed(0), speed(120), speed(42_700_000)
    ('0 B/s', '0.1 kB/s', '42.7 MB/s')
    """
    if bytes_per_s < 1e5:
        return f"{size(bytes_per_s)}/s"
    return f"{bytes_per_s / 1e6:,.1f} MB/s"


def committed_up_to(token: str | None) -> str:
    """Say how far a channel's rows are committed.

    >>> committed_up_to("7"), committed_up_to(None)
    ("committed up to '7'", 'nothing committed yet')
    """
    return "nothing committed yet" if token is None else f"committed up to {token!r}"


def acknowledged_up_to(token: str | None) -> str:
    """Say how far a channel's rows were received.

    >>> acknowledged_up_to(None)
    'nothing acknowledged yet'
    """
    return "nothing acknowledged yet" if token is None else f"acknowledged up to {token!r}"


def row_ranges(ranges: Sequence[tuple[int, int]]) -> str:
    """Write ranges of rows, each given by its first row and the row after its last one; at most three.

    >>> row_ranges([(0, 1000), (5000, 5001)])
    'rows 0 to 999, 5,000'
    """
    parts = [f"{first:,}" if end == first + 1 else f"{first:,} to {end - 1:,}" for first, end in ranges]
    more = ["..."] if len(parts) > SHOWN_RANGES else []
    noun = "row" if len(parts) == 1 and " " not in parts[0] else "rows"
    return f"{noun} {', '.join(parts[:SHOWN_RANGES] + more)}"
