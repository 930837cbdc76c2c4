"""What a text or a number may become, by Snowflake's documented conversions: the rules of `check()`.

They are the client's own: the local account has its rules in SQL, and tests compare the two, so that a
mistake in one does not hide in the other.

Each rule has two parts: a kernel that finds most of what is surely taken, and an exact function for a single
text, called once for each distinct text that is left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from .target_types import TargetType

BLANKS = " \t\n\r"
"""What may surround a number, a date or a time."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_SPECIAL_FLOATS = frozenset({"nan", "inf", "-inf"})
_BOOLEANS = pa.array(["true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0"])
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which texts a target takes.

    Attributes:
        surely: finds most of the texts that are taken.
        takes: returns whether one text is taken.
    """

    surely: Callable[[pa.StringArray], pa.BooleanArray]
    takes: Callable[[str], bool]

    def refused(self, texts: pa.StringArray) -> pa.BooleanArray:
        """Return which texts are not taken; nulls are."""
        left = pc.and_(texts.is_valid(), pc.invert(pc.fill_null(self.surely(texts), False)))
        distinct = texts.filter(left).unique()
        bad = [text for text in distinct.to_pylist() if not self.takes(text)]
        if not bad:
            return pa.repeat(pa.scalar(False), len(texts))
        return pc.and_(left, pc.is_in(texts, pa.array(bad, texts.type)))


def matching(pattern: str) -> Callable[[pa.StringArray], pa.BooleanArray]:
    """Return the kernel that finds texts of this pattern."""
    return lambda texts: pc.match_substring_regex(texts, pattern)


def never(text: str) -> bool:
    """Return False: for rules whose kernel decides everything."""
    return False


def number_rule(target: TargetType) -> Rule:
    """NUMBER(p,s): rounded to the scale, half away from zero; it must have no more digits then."""
    whole, scale = (target.size or 38) - target.scale, target.scale
    # One digit less than there is room for: rounding up does not matter.
    patterns = [rf"\d{{1,{whole - 1}}}(?:\.\d*)?"] if whole > 1 else []
    patterns += [rf"\d{{1,{whole}}}(?:\.\d{{0,{scale}}})?" if whole else rf"0?\.\d{{1,{scale}}}"]
    limit = Decimal("9" * whole + "." + "9" * scale + "5")  # the least that rounds up to a digit too many
    return Rule(
        matching(f"^[+-]?(?:{'|'.join(patterns)})$"),
        lambda text: (number := _decimal(text)) is not None and number.copy_abs() < limit,
    )


def _decimal(text: str) -> Decimal | None:
    text = text.strip(BLANKS)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _float_takes(text: str) -> bool:
    if text.lower() in _SPECIAL_FLOATS:
        return True
    text = text.strip(BLANKS)
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


FLOAT = Rule(matching(r"^[+-]?\d{1,99}(?:\.\d{0,99})?(?:[eE][+-]?\d{1,2})?$"), _float_takes)
"""A number within the range of FLOAT, or NaN, inf, -inf in any case."""

BOOLEAN = Rule(lambda texts: pc.is_in(pc.utf8_lower(texts), _BOOLEANS), never)
"""The listed words, in any case."""


def binary_rule(target: TargetType) -> Rule:
    """Base64 with all its padding, of no more bytes than declared."""
    if target.size is None:
        return Rule(matching(_BASE64), never)
    most = target.size

    def short_enough(texts: pa.StringArray) -> pa.BooleanArray:
        quarters = pc.divide(pc.utf8_length(texts), 4)
        padding = pc.count_substring(texts, "=")
        size = pc.subtract(pc.multiply(quarters, 3), padding)
        return pc.and_(pc.match_substring_regex(texts, _BASE64), pc.less_equal(size, most))

    return Rule(short_enough, never)


def length_rule(target: TargetType) -> Rule:
    """VARCHAR(n) counts characters."""
    return Rule(lambda texts: pc.less_equal(pc.utf8_length(texts), target.size), never)


def written_length_rule(target: TargetType) -> Rule:
    """Numbers with a fraction become the shortest text that reads back the same, `1e-07` or `0.5`."""
    most = target.size or 0
    return Rule(
        lambda texts: pc.less_equal(pc.add(pc.utf8_length(texts), 3), most),
        lambda text: len(repr(float(text)) if re.search("[.eE]", text) else text) <= most,
    )


_EXPONENT = r"\d[eE][+-]?\d"
_STRING_OR_EXPONENT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?[eE][+-]?\d+')


def json_length_rule(target: TargetType) -> Rule:
    """Arrays and objects become JSON, in which only very large and very small numbers have an exponent."""
    most = target.size or 0

    def surely(texts: pa.StringArray) -> pa.BooleanArray:
        plain = pc.invert(pc.match_substring_regex(texts, _EXPONENT))
        return pc.and_(plain, pc.less_equal(pc.utf8_length(texts), most))

    return Rule(surely, lambda text: len(_STRING_OR_EXPONENT.sub(_as_in_json, text)) <= most)


def _as_in_json(token: re.Match[str]) -> str:
    """Write a number as JavaScript does, which JSON writers follow; strings stay."""
    if token[0].startswith('"'):
        return token[0]
    sign, numbers, exponent = Decimal(repr(float(token[0]))).normalize().as_tuple()
    digits = "".join(map(str, numbers))
    point = len(digits) + int(exponent)
    if 0 < point <= 21:
        written = digits[:point].ljust(point, "0") + "." + (digits[point:] or "0")
    elif -6 < point <= 0:
        written = "0." + "0" * -point + digits
    else:
        written = digits[0] + ("." + digits[1:] if digits[1:] else "") + f"e{point - 1}"
    return "-" * sign + written
