"""What a comparison of source and table has found: one measure per line, and what could not be compared."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import TableDiffersError
from ..shown import cleaned, counted, visible

if TYPE_CHECKING:
    import pandas as pd

ALL = "(all)"
"""In place of a column's name for measures of whole rows."""

_SHOWN = 40
_HEADS = ("column", "measure", "source", "table", "equal")


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of both sides.

    Attributes:
        column: the column's name as it was sent, `(all)` for whole rows.
        measure: ROWS, DIGEST, NULLS, MINIMUM, MAXIMUM or TOTAL (of numbers; of texts a checksum, of
            times and dates their distance from 1970, of booleans how many are true).
        source, table: its values.
        equal: whether they are equal, None where they were not compared.
        why: why they were not compared.
    """

    column: str
    measure: str
    source: Any = None
    table: Any = None
    equal: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Verification:
    """What `sp.verify()` has found; true if something was compared and nothing differs.

    Attributes:
        what: what was compared with what.
        measures: all measures, whole rows first.

    >>> bool(sp.verify(result, df))
    True
    """

    what: str
    measures: tuple[Measured, ...]

    def __bool__(self) -> bool:
        return not self.different and any(measured.equal for measured in self.measures)

    @property
    def different(self) -> list[Measured]:
        """The measures that differ."""
        return [measured for measured in self.measures if measured.equal is False]

    @property
    def not_compared(self) -> list[Measured]:
        """What was not compared, each with the reason."""
        return [measured for measured in self.measures if measured.equal is None]

    def to_frame(self) -> pd.DataFrame:
        """Return all measures as rows: `column, measure, source, table, equal, why`."""
        import pandas as pd

        names = (*_HEADS, "why")
        rows = [[getattr(measured, name) for name in names] for measured in self.measures]
        return pd.DataFrame(rows, columns=list(names), dtype=object)

    def raise_if_different(self) -> Verification:
        """Return this if nothing differs.

        Raises:
            TableDiffersError: something does, or nothing was compared; the message says what.
        """
        if not self:
            raise TableDiffersError(str(self), different=self.different)
        return self

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        compared = len(self.measures) - len(self.not_compared)
        different = self.different
        if different:
            head = f"{len(different):,} of {counted(compared, 'measure')} DIFFER"
        elif compared:
            head = "the only measure is equal" if compared == 1 else f"all {compared:,} measures are equal"
        else:
            head = "NOTHING was compared"
        lines = [f"{self.what}: {head}"]
        lines += [
            f"  {visible(m.column)} {m.measure}: source {_short(m.source)}, table {_short(m.table)}"
            for m in different
        ]
        lines += [
            f"  {visible(m.column)} {m.measure}: not compared, {visible(m.why)}" for m in self.not_compared
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in _HEADS)
        body = "".join(f"<tr>{_cells(measured)}</tr>" for measured in self.measures)
        first_line = html.escape(str(self).partition("\n")[0])
        return f"<p>{first_line}</p><table><tr>{head}</tr>{body}</table>"


def _cells(measured: Measured) -> str:
    equal = {True: "yes", False: "NO", None: f"not compared: {measured.why}"}[measured.equal]
    cells: Sequence[str] = (
        measured.column,
        measured.measure,
        _short(measured.source),
        _short(measured.table),
        equal,
    )
    return "".join(f"<td>{html.escape(cleaned(cell, 200))}</td>" for cell in cells)


def _short(value: Any) -> str:
    return "-" if value is None else cleaned(str(value), _SHOWN)
