"""The columns whose bytes are kept in `golden/{ROW_FORMAT}/`: every type, with the values at its edges.

A load that goes on compares digests of these bytes, perhaps with other versions of pandas, pyarrow and orjson
than those it began with. So they may only change together with `ROW_FORMAT`:
`python -m tests.rows.golden` writes the files of a new number, and overwrites none.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from snowpipe_pandas.rows.encode.encoder import ROW_FORMAT, to_ndjson

FOLDER = Path(__file__).parent / "golden" / str(ROW_FORMAT)

TEXTS = [
    "",
    "plain",
    *map(chr, range(32)),
    '"',
    "\\",
    "/",
    "\x7f",
    "\x85",
    "\u2028\u2029\ufeff",
    "東京 😀 ü",
    None,
]
POWERS = [10.0**exponent for exponent in range(-330, 309)]
FLOATS = [
    0.1,
    -0.0,
    0.0,
    1.0,
    1 / 3,
    5e-324,
    1.7976931348623157e308,
    123456789.125,
    2.0**53,
    1e15 + 0.5,
    *POWERS,
]
SPECIAL = [float("nan"), float("inf"), -float("inf"), None]
TICKS = [0, 1, -1, 999, 1000, -1000, 1_000_000, 1_234_567_890_123_456_789, None]


def arrow(values, kind):
    return pa.array(values, kind)


def objects(*values):
    return pd.Series(list(values), dtype=object)


def integers(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return arrow([low, low + 1, 0, 1, 100, high, None], f"{'' if signed else 'u'}int{bits}")


COLUMNS = {
    **{f"int{bits}": integers(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": integers(bits, signed=False) for bits in (8, 16, 32, 64)},
    "float64": arrow(FLOATS + SPECIAL, pa.float64()),
    "float32": arrow([np.float32(value) for value in FLOATS if abs(value) < 3e38] + SPECIAL, pa.float32()),
    "float16": arrow([np.float16(v) for v in (0.1, -0.0, 1, 65504, 6e-8, 1e-3)] + SPECIAL, pa.float16()),
    "floats of pandas": pd.Series([0.1, np.nan, np.inf, 1e16, 1e-7]),
    "bool": arrow([True, False, None], pa.bool_()),
    "decimal128": arrow([Decimal("1.10"), Decimal("-0.01"), Decimal(10) ** 20, None], pa.decimal128(38, 2)),
    "decimal128 of scale 38": arrow([Decimal("1E-38"), Decimal("-0.5"), None], pa.decimal128(38, 38)),
    "decimal256": arrow([Decimal(10) ** 50, Decimal("-1E-20"), None], pa.decimal256(76, 20)),
    "string": arrow(TEXTS, pa.string()),
    "large_string": arrow(TEXTS, pa.large_string()),
    "string_view": arrow(TEXTS, pa.string_view()),
    "strings of pandas": pd.Series(TEXTS),
    "categorical": pd.Categorical(["b", None, 'a"', "b"]),
    "dictionary": arrow(["x\n", None, "y"], pa.string()).dictionary_encode(),
    "binary": arrow([b"", b"\x00\xff", b"abc", None], pa.binary()),
    **{
        f"timestamp {unit}": arrow([*TICKS[:7], None], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")
    },
    "timestamp ns zoned": arrow(TICKS, pa.timestamp("ns", "Europe/Berlin")),
    "timestamps of the first and last years": arrow([-62135596800, 253402300799], pa.timestamp("s")),
    "times that pandas reads": pd.Series(
        pd.to_datetime(["2026-01-02", "2026-01-02 03:04:05.000006", None], format="ISO8601")
    ),
    "date32": arrow([date(1, 1, 1), date(1970, 1, 1), date(9999, 12, 31), None], pa.date32()),
    "date64": arrow([date(2026, 1, 2), None], pa.date64()),
    "time32 s": arrow([0, 86399, None], pa.time32("s")),
    "time64 us": arrow([0, 1, 86400 * 10**6 - 1, None], pa.time64("us")),
    "time64 ns": arrow([0, 1, 1000, 86400 * 10**9 - 1, None], pa.time64("ns")),
    **{
        f"duration {unit}": arrow([*TICKS, -(2**63) + 1], pa.duration(unit))
        for unit in ("s", "ms", "us", "ns")
    },
    "list": arrow([[1, None], [], None, [3]], pa.list_(pa.int64())),
    "list of floats": arrow([[0.1, 1e16], [float("nan")]], pa.list_(pa.float64())),
    "fixed_size_list": arrow([["a", 'q"'], None], pa.list_(pa.string(), 2)),
    "struct": arrow(
        [{"x": 1, "y": "a"}, {"x": None, "y": "\n"}, None], pa.struct([("x", pa.int8()), ("y", pa.string())])
    ),
    "map": arrow([[(1, "a"), (2, None)], [], None], pa.map_(pa.int64(), pa.string())),
    "null": pa.nulls(2),
    "uuid": arrow([UUID(int=1).bytes, None], pa.uuid()),
    "json": pa.ExtensionArray.from_storage(pa.json_(), arrow(['{"a": 1.10}', None], pa.string())),
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([1, 3], pa.int32()), pa.array([None, 1e16])),
    "objects: dates and datetimes": objects(date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, 6), None),
    "objects: instants": objects(
        datetime(2026, 1, 2, tzinfo=UTC), pd.Timestamp("2026-01-02 00:00:00.000000007", tz="Asia/Tokyo")
    ),
    "objects: times": objects(time(3, 4, 5, 6), time(0), None),
    "objects: durations": objects(timedelta(days=-1, microseconds=1), pd.Timedelta(1, "ns"), None),
    "objects: decimals": objects(Decimal("1.5"), 2, Decimal("-0.25"), None),
    "objects: integers": objects(2**70, -1, None),
    "objects: bytes": objects(b"\x00", None),
    "objects: UUIDs": objects(UUID(int=1), None),
    "objects: dicts and lists": objects(
        {"f": [0.1, 1e16, 1e-7, float("nan"), np.float32(0.1), np.float16(0.1)], "i": [2**70, True, None]},
        {
            "t": [
                date(2026, 1, 2),
                datetime(2026, 1, 2),
                np.datetime64("2026-01-02T00:00:00.000000007", "ns"),
                time(1),
            ]
        },
        {"o": [Decimal("1.10"), UUID(int=1), b"ab", timedelta(seconds=1), 'q"\n\x00\x7fü']},
        {1: "a", 2.5: {True: []}, date(2026, 1, 2): ()},
        None,
        np.array([1e16, 0.5]),
    ),
}


def written(column):
    """The NDJSON of a column."""
    return to_ndjson(
        pd.DataFrame({"c": column}) if not isinstance(column, pa.Array) else pa.table({"c": column})
    )


def file_of(name):
    return FOLDER / f"{name.replace(':', '').replace(' ', '-')}.ndjson"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, column in COLUMNS.items():
        if not file_of(name).exists():
            file_of(name).write_bytes(written(column))
