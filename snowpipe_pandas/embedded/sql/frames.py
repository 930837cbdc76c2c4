"""The rows of a query as a DataFrame, as `account.sql()` returns them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .commands import Rows


def frame_of(rows: Rows) -> pd.DataFrame:
    """Return rows as pandas has them; a VARIANT that holds null is shown as missing."""
    return _frame(_without_json_nulls(rows.table, rows.kinds))


def _nullable_integers(kind: pa.DataType) -> pd.Int64Dtype | None:
    return pd.Int64Dtype() if pa.types.is_int64(kind) else None


def _without_json_nulls(table: pa.Table, kinds: tuple[str, ...]) -> pa.Table:
    """Show a VARIANT that holds null as missing, as its text would be: only `IS NULL` separates the two."""
    for number, kind in enumerate(kinds):
        if kind == "JSON":
            texts = table.column(number)
            shown = pc.if_else(pc.equal(texts, "null"), pa.scalar(None, texts.type), texts)
            table = table.set_column(number, table.field(number), shown)
    return table


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return a result as pandas: whole numbers as integers, other decimals and nanoseconds as they are."""
    for number, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                table = table.set_column(number, field.name, pc.cast(table.column(number), pa.int64()))
            except pa.ArrowInvalid:
                continue  # more than 64 bits: stays Decimal, exact
        elif pa.types.is_time(field.type) and field.type.unit == "ns":
            try:
                table = table.set_column(number, field.name, pc.cast(table.column(number), pa.time64("us")))
            except pa.ArrowInvalid:  # Python's time ends at microseconds: all digits as text
                table = table.set_column(number, field.name, pc.cast(table.column(number), pa.string()))
    frame: pd.DataFrame = table.to_pandas(types_mapper=_nullable_integers)
    for place, kind in enumerate(frame.dtypes):  # by place: two columns may have one name
        if kind == pd.Int64Dtype() and not frame.iloc[:, place].hasnans:
            frame.isetitem(place, frame.iloc[:, place].to_numpy("int64"))
    return frame
