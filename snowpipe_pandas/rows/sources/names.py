"""Names of the columns that are sent: strings, unique as the service matches them, fit for a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ...arguments import has_surrogate
from ...errors import DataError, DuplicateColumnError, EmptySourceError

ColumnCase = Literal["keep", "upper"]

MAX_NAME_LENGTH = 255
"""The longest name of a column in Snowflake."""


def sent_names(names: Sequence[str], columns: Mapping[str, str] | None, column_case: ColumnCase) -> list[str]:
    """Return the names under which a source's columns are sent.

    Args:
        names: the source's names.
        columns: new names, `{"old": "NEW"}`.
        column_case: "keep", or "upper" to fold all names.

    Raises:
        EmptySourceError: there are no names.
        DuplicateColumnError: names are not unique without regard to case, as the service matches them.
        DataError: a name can't name a column, or `columns` names one that does not exist.

    >>> sent_names(["id", "name"], {"id": "key"}, "upper")
    ['KEY', 'NAME']
    """
    if not names:
        raise EmptySourceError("the source has no columns; nothing can be sent")
    renamed = columns or {}
    unknown = [name for name in renamed if name not in names]
    if unknown:
        raise DataError(
            f"columns= names columns that the source lacks: {_shown(unknown)}",
            columns=list(map(str, unknown)),
        )
    sent = [renamed.get(name, name) for name in names]
    check_distinct(sent)
    if column_case == "upper":
        sent = [name.upper() for name in sent]
    _check_fit(sent)
    _check_unique(sent)
    return sent


def check_texts(names: Sequence[Any]) -> None:
    """Refuse names that are not strings; what they are renamed to is checked later, by `sent_names`.

    Raises:
        DataError: names the first ones.
    """
    others = [name for name in names if not isinstance(name, str)]
    if others:
        raise DataError(
            f"column names must be strings, these are not: {_shown(others)}; "
            "use df.columns = df.columns.astype(str)",
            columns=[ascii(name) for name in others],
        )
    broken = [name for name in names if has_surrogate(name)]
    if broken:
        raise DataError(
            f"column names hold lone surrogates: {_shown(broken)}; rename them, with df.rename(columns=...)",
            columns=broken,
        )


def _check_fit(names: Sequence[str]) -> None:
    """Refuse names that no column of a table can have."""
    for name in names:
        problem = ""
        if not name:
            problem = "is empty"
        elif len(name) > MAX_NAME_LENGTH:
            problem = f"has {len(name)} characters, a name has at most {MAX_NAME_LENGTH}"
        elif has_surrogate(name):
            problem = "holds a lone surrogate"
        if problem:
            raise DataError(
                f"column name {ascii(name)[:80]} {problem}; rename it, for example with columns={{...}}",
                columns=[name],
            )


def check_distinct(names: Sequence[str]) -> None:
    """Refuse names that are the same, since columns are matched by them.

    Raises:
        DuplicateColumnError: names all of them.
    """
    if len(set(names)) < len(names):
        doubled = [name for name, count in Counter(names).items() if count > 1]
        raise DuplicateColumnError(
            f"column names are not unique: {_shown(doubled)}; rename them before sending", columns=doubled
        )


def _check_unique(names: Sequence[str]) -> None:
    """Refuse names that are the same to the service: it matches them without regard to case.

    Raises:
        DuplicateColumnError: names all of them.
    """
    known: dict[str, list[str]] = {}
    for name in names:
        known.setdefault(name.upper(), []).append(name)
    if len(known) < len(names):
        doubled = [name for same in known.values() if len(same) > 1 for name in same]
        raise DuplicateColumnError(
            f"column names differ only in case, which the service ignores: {_shown(doubled)}; "
            "rename them, for example with columns={...}",
            columns=doubled,
        )


def _shown(names: Sequence[Any]) -> str:
    more = len(names) - 5
    return (
        "[" + ", ".join(ascii(name)[:60] for name in names[:5]) + (f", and {more} more]" if more > 0 else "]")
    )
