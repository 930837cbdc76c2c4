"""What names, offset tokens and flags of a request may be: checked once, where they come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...arguments import plain_text
from ...names import DEFAULT_PIPE_SUFFIX
from ..refusals import invalid_request

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
            raise invalid_request(f"a name has 1 to {MAX_NAME_CHARACTERS} characters without NUL")


def check_query(query: Mapping[str, str]) -> None:
    """Refuse values of a query that are longer than any token, or hold NUL.

    Raises:
        Refused: 400.
    """
    for name, value in query.items():
        if plain_text(name) is None:
            raise invalid_request("a name of the query holds NUL")
        check_token(name, value)


def check_token(name: str, value: Any) -> str | None:
    """Return an offset token that came in; None for none.

    Raises:
        Refused: 400, it is not a text, is too long, or can't be written as UTF-8.
    """
    if value is None:
        return None
    plain = plain_text(value)
    if plain is None or len(plain) > MAX_TOKEN_CHARACTERS:
        raise invalid_request(
            f"{name[:80]} must be a text of at most {MAX_TOKEN_CHARACTERS} characters without NUL",
        )
    return plain
