"""Dates and times in text, by Snowflake's documented forms; see `value_rules` for how rules are used."""

from __future__ import annotations

import re
from datetime import date

from .target_types import TargetType
from .value_rules import BLANKS, Rule, matching

_CLOCK = (
    r"(?P<hour>[01]\d|2[0-3])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.(?P<fraction>\d{1,9}))?)?)?"
    r"(?:Z| ?(?P<zone>[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?"
)
_MOMENT = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)|(?P<us_month>\d\d)/(?P<us_day>\d\d)/(?P<us_year>\d{4}))"
    rf"(?:[T ]{_CLOCK})?",
    re.ASCII,
)
_NAMED = re.compile(r"(\d\d)-([A-Za-z]{3})-(\d{4})", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_ANY_YEAR = r"(?:\d{3}[1-9]|\d\d[1-9]\d|\d[1-9]\d\d|[1-9]\d{3})"
_NEAR_YEAR = r"(?:1[7-9]\d\d|20\d\d|21\d\d)"
"""Years that every column of times holds."""
_DAY = r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_SURE_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?Z?"

_DAY_NS = 86_400 * 10**9
_EPOCH = date(1970, 1, 1).toordinal()
_SCALES = ((31_536_000_000, 10**9), (31_536_000_000_000, 10**6), (31_536_000_000_000_000, 10**3))
"""Whole numbers in text are seconds, milliseconds, microseconds or nanoseconds, by their size."""


def moment_rule(target: TargetType, earliest: str | None = None, latest: str | None = None) -> Rule:
    """DATE and TIMESTAMP: ISO 8601, `12/31/2026`, `31-Dec-2026`, or a whole number: time since 1970.

    Args:
        target: DATE or one of the timestamps.
        earliest, latest: the column's limits, as ISO 8601, where the server reports them.
    """
    bounds = None
    if target.is_timestamp and earliest is not None and latest is not None:
        bounds = _nanoseconds(earliest, zoned=False), _nanoseconds(latest, zoned=False)
    zoned = target.kind != "TIMESTAMP_NTZ"

    def takes(text: str) -> bool:
        moment = _nanoseconds(text.strip(BLANKS), zoned=zoned)
        if moment is None or bounds is None:
            return moment is not None
        low, high = bounds
        return (low is None or moment >= low) and (high is None or moment <= high)

    year = _ANY_YEAR if bounds is None else _NEAR_YEAR
    return Rule(matching(f"^{year}-{_DAY}(?:[T ]{_SURE_CLOCK})?$"), takes)


def _time_takes(text: str) -> bool:
    text = text.strip(BLANKS)
    if _WHOLE.fullmatch(text):
        return _since_1970(text) is not None
    parts = _TIME.fullmatch(text)
    return parts is not None and parts["minute"] is not None


TIME = Rule(matching(f"^{_SURE_CLOCK}$"), _time_takes)
"""`13:02`, `13:02:06.123`, with a zone that is ignored, or a whole number: time since 1970."""


def _nanoseconds(text: str, *, zoned: bool) -> int | None:
    """Return the nanoseconds since 1970 that a text means, None if it is not a date or time."""
    if _WHOLE.fullmatch(text):
        return _since_1970(text)
    if named := _NAMED.fullmatch(text):
        month = named[2].lower()
        return _midnight(named[3], _MONTHS.index(month) + 1 if month in _MONTHS else 0, named[1])
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        return None
    if parts["year"]:
        day = _midnight(parts["year"], parts["month"], parts["day"])
    else:
        day = _midnight(parts["us_year"], parts["us_month"], parts["us_day"])
    if day is None or parts["hour"] is None:
        return day
    seconds = 3600 * int(parts["hour"]) + 60 * int(parts["minute"] or 0) + int(parts["second"] or 0)
    if zoned:
        seconds -= _offset(parts["zone"] or "")
    return day + seconds * 10**9 + int((parts["fraction"] or "").ljust(9, "0"))


def _midnight(year: str, month: str | int, day: str) -> int | None:
    try:
        return (date(int(year), int(month), int(day)).toordinal() - _EPOCH) * _DAY_NS
    except ValueError:
        return None


def _offset(zone: str) -> int:
    """Return the seconds of `+02:00`, `-0930` or `+02`."""
    digits = "".join(filter(str.isdigit, zone)).ljust(4, "0")
    return (-1 if "-" in zone else 1) * (3600 * int(digits[:2]) + 60 * int(digits[2:]))


def _since_1970(text: str) -> int | None:
    number = int(text) if len(text) <= 4000 else 2**63  # Python refuses longer ones
    if not -(2**63) <= number < 2**63:
        return None
    return number * next((factor for limit, factor in _SCALES if abs(number) < limit), 1)
