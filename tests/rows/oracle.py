"""What a row must read back as, by docs/types.md: plain Python, sharing no code with the engine.

`expected(value, type)` takes a Python value, or integers where Python's types are too coarse (nanoseconds),
and returns what `json.loads` must give.
"""

import base64
import math
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def expected(value, kind):
    """Return the JSON value of a cell; `value` is None or the cell's Python value (ints for times)."""
    if value is None:
        return None
    if pa.types.is_dictionary(kind):
        return expected(value, kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [expected(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: expected(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return {key_text(expected(key, kind.key_type)): expected(item, kind.item_type) for key, item in value}
    return scalar(value, kind)


def key_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def scalar(value, kind):
    if pa.types.is_floating(kind):
        return (
            value if math.isfinite(value) else "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
        )
    if pa.types.is_decimal(kind):
        return decimal_text(value, kind.scale)
    if pa.types.is_timestamp(kind):
        return moment(value, kind.unit) + ("Z" if kind.tz else "")
    if pa.types.is_duration(kind):
        return seconds(value, kind.unit)
    if pa.types.is_date(kind):
        return value.isoformat() if isinstance(value, date) else str(value)
    if pa.types.is_time(kind):
        return clock(value, kind.unit)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def decimal_text(value, scale):
    """All digits, no exponent."""
    sign, digits, exponent = value.as_tuple()
    whole = int("".join(map(str, digits)))
    assert exponent == -scale or whole == 0
    text = str(whole).rjust(scale + 1, "0")
    text = text if scale <= 0 else f"{text[:-scale]}.{text[-scale:]}"
    return ("-" if sign else "") + text


def fraction(part, unit):
    """Six digits of a second, nine where there are nanoseconds, whatever the unit."""
    nanoseconds = f"{part * (10**9 // PER_SECOND[unit]):09}"
    return nanoseconds.removesuffix("000")


def moment(ticks, unit):
    whole, part = divmod(ticks, PER_SECOND[unit])
    return f"{(datetime(1970, 1, 1) + timedelta(seconds=whole)).isoformat()}.{fraction(part, unit)}"


def clock(ticks, unit):
    whole, part = divmod(ticks, PER_SECOND[unit])
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{fraction(part, unit)}"


def seconds(ticks, unit):
    sign = "-" if ticks < 0 else ""
    whole, part = divmod(abs(ticks), PER_SECOND[unit])
    return f"{sign}{whole}.{fraction(part, unit)}"


__all__ = ["Decimal", "expected"]
