"""What names, offset tokens and flags of a request may be: checked once, where they come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...arguments import plain_text
from ...names import DEFAULT_PIPE_SUFFIX
from ..refusals import Refused

MAX_NAME_CHARACTERS = 255
"""Of an identifier, as documented."""

MAX_TOKEN_CHARACTERS = 4096
"""Of an offset token or a continuation token: a bound of ours, since the service's is not known. The client's
own tokens end below 300 characters."""


def check_names(names: Iterable[str]) -> None:
    """Refuse names that no object can have.

    Raises:
        Refused: 400.
    """
    longest = MAX_NAME_CHARACTERS + len(DEFAULT_PIPE_SUFFIX)  # of a table's default pipe
    for name in names:
        if not name or len(name) > longest or plain_text(name) is None:
            raise Refused(
                400, "ERR_INVALID_REQUEST", f"a name has 1 to {MAX_NAME_CHARACTERS} characters without NUL"
            )


def check_query(query: Mapping[str, str]) -> None:
    """Refuse values of a query that are longer than any token, or hold NUL.

    Raises:
        Refused: 400.
    """
    for name, value in query.items():
        if plain_text(name) is None:
            raise Refused(400, "ERR_INVALID_REQUEST", "a name of the query holds NUL")
        check_token(name, value)


def check_token(name: str, value: Any) -> str | None:
    """Return an offset token that came in; None for none.

    Raises:
        Refused: 400, it is no text, too long, or holds what can't be told as UTF-8.
    """
    if value is None:
        return None
    plain = plain_text(value)
    if plain is None or len(plain) > MAX_TOKEN_CHARACTERS:
        raise Refused(
            400,
            "ERR_INVALID_REQUEST",
            f"{name[:40]} must be a text of at most {MAX_TOKEN_CHARACTERS} characters without NUL",
        )
    return plain


def check_flag(name: str, value: Any) -> bool:
    """Return a flag that came in; None means False.

    Raises:
        Refused: 400, it is neither true nor false.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refused(400, "ERR_INVALID_REQUEST", f"{name} must be true or false")


def check_channel_names(value: Any) -> list[str]:
    """Return the names of channels that a request for statuses brings; None means none.

    Raises:
        Refused: 400, they are no list of texts.
    """
    names = [] if value is None else value
    if not isinstance(names, list) or any(plain_text(name) is None for name in names):
        raise Refused(400, "ERR_INVALID_REQUEST", "channel_names must be a list of texts without NUL")
    return names
