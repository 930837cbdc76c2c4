"""Where cells are: what their messages name, and what follows each of them in its row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ...errors import InvalidValueError
from ...shown import shown

BinaryFormat = Literal["base64", "hex", "utf-8"]
BINARY_FORMATS: tuple[BinaryFormat, ...] = ("base64", "hex", "utf-8")


@dataclass(frozen=True, slots=True)
class CellLocation:
    """Where a run of cells is.

    Attributes:
        column: the column's name.
        row_of: returns the row of a cell, counted in the whole source.
        end: separator that follows each cell, one character.
        binary_format: text form of bytes.
    """

    column: str
    row_of: Callable[[int], int]
    end: str
    binary_format: BinaryFormat

    def invalid(self, number: int, value: object, problem: str) -> InvalidValueError:
        """Return the error for a cell that can't be written."""
        row = self.row_of(number)
        return InvalidValueError(
            f"column {self.column!r}, row {row} ({shown(value)}): {problem}",
            column=self.column,
            row=row,
            value=value,
        )
