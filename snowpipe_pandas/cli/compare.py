"""Compares a table with the frame it was loaded from: by SQL on one side, by pandas on the other.

The two sides share no code, so that an error of the row engine or of the account shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pandas as pd

from ..names import quote_identifier

FLOAT_TOLERANCE = 1e-12
"""Relative difference that summing floats in another order may make."""

_SEPARATOR = "|"


def compare(frame: pd.DataFrame, query: Callable[[str], pd.DataFrame], table: str) -> pd.DataFrame:
    """Return one row per measure: `column, measure, frame, table, equal`.

    Args:
        frame: what was loaded.
        query: runs Snowflake SQL and returns its result.
        table: the loaded table's name.
    """
    rows: list[tuple[str, str, Any, Any]] = []
    counted = query(f"SELECT COUNT(*) AS N FROM {table}")["N"][0]  # noqa: S608  # names from our own demo
    rows.append(("(all)", "rows", len(frame), int(counted)))
    for name in frame.columns:
        measures = _sql_measures(frame[name], quote_identifier(name.upper()))
        wanted = _frame_measures(frame[name])
        selected = ", ".join(f"{sql} AS {measure}" for measure, sql in measures.items())
        found = query(f"SELECT {selected} FROM {table}")  # noqa: S608
        rows += [(name, measure, wanted[measure], _plain(found[measure].iloc[0])) for measure in measures]
    report = pd.DataFrame(rows, columns=["column", "measure", "frame", "table"])
    report["equal"] = [_equal(a, b) for a, b in zip(report["frame"], report["table"], strict=True)]
    return report


def _sql_measures(values: pd.Series, column: str) -> dict[str, str]:
    measures = {
        "NULLS": f"COUNT(*) - COUNT({column})",
        "MINIMUM": f"MIN({column})",
        "MAXIMUM": f"MAX({column})",
    }
    if _is_text(values):
        joined = f"LISTAGG({column}, '{_SEPARATOR}') WITHIN GROUP (ORDER BY {column})"
        return measures | {"CHECKSUM": f"MD5({joined})"}
    if pd.api.types.is_datetime64_any_dtype(values):
        return measures | {"TOTAL": f"SUM(DATE_PART(EPOCH_SECOND, {column}))"}
    return measures | {"TOTAL": f"SUM({column})"}


def _frame_measures(values: pd.Series) -> dict[str, Any]:
    present = values.dropna()
    measures: dict[str, Any] = {
        "NULLS": int(values.isna().sum()),
        "MINIMUM": _plain(present.min()),
        "MAXIMUM": _plain(present.max()),
    }
    if _is_text(values):
        text = _SEPARATOR.join(sorted(present))
        return measures | {"CHECKSUM": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}
    if pd.api.types.is_datetime64_any_dtype(values):
        return measures | {"TOTAL": int(present.dt.as_unit("s").astype("int64").sum())}
    return measures | {"TOTAL": _plain(present.sum())}


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values)


def _plain(value: Any) -> Any:
    """Bring values of both sides to the same form: UTC timestamps, Python numbers and text."""
    if isinstance(value, pd.Timestamp):
        return value if value.tz is None else value.tz_convert("UTC")
    return value.item() if hasattr(value, "item") else value


def _equal(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, float) or isinstance(found, float):
        return abs(float(wanted) - float(found)) <= FLOAT_TOLERANCE * abs(float(wanted))
    return bool(wanted == found)
