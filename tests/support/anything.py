"""Random Python objects, hostile ones among them: what a caller may pass by mistake."""

import datetime
import decimal
import fractions
import math
import numbers
import pathlib
import sys
import types
from collections import OrderedDict, deque
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from snowpipe_pandas.shown import shown

KEY_TEXT = "-----BEGIN PRIVATE KEY-----\nTm90IGEgcmVhbCBrZXkgYXQgYWxs\n-----END PRIVATE KEY-----\n"
"""No key, but what one looks like: no message may show it where settings are given."""

KEY_MARK = "Tm90IGEgcmVhbCBrZXkgYXQgYWxs"


class HostileError(Exception):
    """What foreign code raises."""

    def __str__(self):
        raise ValueError("even its text fails")


def fail(*args, **options):
    raise HostileError


METHODS = [
    *("__repr__", "__str__", "__eq__", "__ne__", "__lt__", "__le__", "__ge__", "__bool__", "__len__"),
    *("__iter__", "__hash__", "__index__", "__float__", "__int__", "__getattr__", "__contains__"),
    *("__format__", "__fspath__", "__getitem__"),
]


def hostile(name, bases=(), methods=("__repr__", "__str__", "__eq__", "__hash__", "__bool__", "__format__")):
    """A class whose methods fail."""
    return type(name, bases, dict.fromkeys(methods, fail))


HOSTILE = [hostile(f"Fails{method}", methods=[method])() for method in METHODS]
HOSTILE += [hostile("FailsAlways", methods=METHODS)()]
HOSTILE += [hostile("FailingText", (str,), ["__repr__", "__str__", "__format__"])("abc")]
HOSTILE += [hostile("FailingInt", (int,), ["__repr__", "__str__", "__format__", "__index__", "__float__"])(5)]
HOSTILE += [hostile("FailingFloat", (float,), ["__repr__", "__str__", "__format__", "__float__"])(5.5)]
HOSTILE += [hostile("FailingBytes", (bytes,), ["__repr__", "__str__"])(b"abc")]
HOSTILE += [hostile("FailingPath", (pathlib.PurePosixPath,), ["__repr__", "__str__", "__fspath__"])("abc")]
HOSTILE += [hostile("FailingDict", (dict,), ["__repr__", "items", "__iter__", "keys", "__len__"])(a=1)]
HOSTILE += [hostile("FailingList", (list,), ["__repr__", "__len__", "__iter__", "__getitem__"])([1])]
HOSTILE += [hostile("FailingFrame", (pd.DataFrame,), ["__repr__", "__str__"])({"X": [1]})]


class FailingReal:
    """A number by its own word, which can't be read."""

    __float__ = __index__ = __repr__ = fail


numbers.Integral.register(FailingReal)


class FailingMapping(Mapping):
    """A mapping by its type, which can't be read."""

    __getitem__ = __iter__ = __len__ = __repr__ = fail


class BytesPath:
    """A path of bytes."""

    def __fspath__(self):
        return b"abc"


class OddPath(BytesPath):
    """A path that is none."""

    def __fspath__(self):
        return 7


class Endless:
    """A sequence that any index finds something in, but iterating does not."""

    def __len__(self):
        return sys.maxsize

    def __iter__(self):
        return iter(())


LOOP = [1]
LOOP.append(LOOP)
DEEP = []
for _ in range(3000):
    DEEP = [DEEP]


def generator():
    yield 1


def anything_goes(*args, **options):
    return None


FIXED = [
    *(None, True, False, Ellipsis, NotImplemented, object(), object, int, str, type, dict, pd.DataFrame),
    *(0, 1, -1, 7, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 10**5000),
    *(0.0, -0.0, 1.0, 0.5, -1.5, 1e300, -1e300, 5e-324, math.nan, math.inf, -math.inf),
    *(
        "",
        " ",
        "a",
        "auto",
        "raise",
        "True",
        "7",
        "notebook-1",
        "DEMO.PUBLIC.T",
        "a b",
        "a:b",
        "a/b",
        ".",
        "..",
    ),
    *("\ud800", "a\udce9", "\0", "a\0b", "\n", "ü€🎉", "'", '"', "a" * 300, "{}", "%s", "%00", "é\u0301"),
    *(
        "SELECT 1",
        "SELECT '",
        'SELECT "',
        "SELECT (",
        "CREATE TABLE",
        "DROP",
        "/*",
        "--",
        "$$",
        ";",
        "SELECT 1; ?",
    ),
    *(
        "CREATE PIPE P AS COPY INTO T",
        "ALTER USER U SET RSA_PUBLIC_KEY = 'x'",
        "USE X",
        "BEGIN",
        "CREATE DATABASE",
    ),
    *(
        "https://x y",
        "https://[",
        "http://127.0.0.1:99999",
        "x://",
        "//",
        "https://\u2100.example",
        "https://a@b",
    ),
    *(KEY_TEXT, KEY_TEXT.encode(), {"private_key": KEY_TEXT}, [KEY_TEXT], (KEY_TEXT,)),
    *(b"", b"abc", b"\0", b"\xff", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"abcdef")[::2]),
    *(
        [],
        (),
        {},
        set(),
        frozenset(),
        [None],
        [[]],
        {"a": 1},
        {1: 2},
        {"a": "VARCHAR"},
        {"X": "NUMBER"},
        {None: None},
    ),
    *(
        [1, "a"],
        ("a",),
        {"a"},
        ["notebook-1"],
        [{"X": 1}],
        [{1: 2}],
        [{}],
        [{"X": 1}, {"Y": 2}],
        [{"X": 1}, 7],
    ),
    *(deque([1]), OrderedDict(a=1), range(3), slice(1), {}.keys(), types.SimpleNamespace(a=1), sys, math.sin),
    *(LOOP, DEEP, Endless(), FailingReal(), FailingMapping(), BytesPath(), OddPath(), fail, anything_goes),
    *(
        lambda *args, **options: None,
        ValueError("x"),
        ValueError,
        decimal.Decimal("1.5"),
        decimal.Decimal("NaN"),
    ),
    *(
        fractions.Fraction(1, 3),
        1j,
        pathlib.Path("nowhere"),
        pathlib.Path("a\0b"),
        pathlib.PurePosixPath("\udce9"),
    ),
    *(
        datetime.date(2026, 1, 1),
        datetime.datetime(2026, 1, 1),
        datetime.timedelta(1),
        datetime.time(1),
        datetime.UTC,
    ),
    *(np.bool_(True), np.bool_(False), np.int8(1), np.uint64(2**64 - 1), np.float32(0.5), np.float64("nan")),
    *(
        np.str_("abc"),
        np.bytes_(b"abc"),
        np.datetime64("2026-01-01"),
        np.datetime64("NaT"),
        np.timedelta64(5, "s"),
    ),
    *(
        np.timedelta64(5),
        np.complex128(1),
        np.void(b"abc"),
        np.longdouble(1.5),
        np.array(5),
        np.array([]),
        np.arange(3),
    ),
    *(
        np.array(["raise"]),
        np.array([True, False]),
        np.array([[1]]),
        np.array([None], dtype=object),
        np.dtype("i4"),
    ),
    *(np.zeros(2, dtype=[("a", "i4")]), np.random.default_rng(0), np.ma.array([1], mask=[True])),
    *(pd.NA, pd.NaT, pd.Timestamp("2026-01-01"), pd.Timedelta(1), pd.Period("2026"), pd.Interval(0, 1)),
    *(
        pd.Series([1]),
        pd.Series(["a"]),
        pd.Index([1]),
        pd.DataFrame(),
        pd.DataFrame({"X": [1]}),
        pd.Categorical(["a"]),
    ),
    *(
        pd.DataFrame({1: [1]}),
        pd.DataFrame({"X": [object()]}),
        pd.MultiIndex.from_tuples([(1, 2)]),
        pd.array([1, None]),
    ),
    *(
        pa.table({"X": [1]}),
        pa.array([1]),
        pa.scalar(1),
        pa.schema([]),
        pa.int64(),
        pa.record_batch([[1]], ["X"]),
    ),
    *HOSTILE,
]
"""Every kind that is known to go wrong somewhere; each is tried for every argument."""


class Given:
    """An object, shown by its type only: hypothesis prints what fails, and its `__repr__` may too."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        if type(self.value) in (int, float, str, bytes, bool):
            return f"Given({shown(self.value)})"
        return f"Given(<{type(self.value).__name__}>)"


def leaves():
    texts = st.text(st.characters(), max_size=12)
    return st.one_of(
        st.integers(0, len(FIXED) - 1).map(lambda at: FIXED[at]),  # sampled_from would print them
        st.integers(),
        st.floats(),
        texts,
        st.binary(max_size=9),
        st.builds(generator),
        st.builds(lambda text: iter([text]), texts),
        st.decimals(),
        st.datetimes(),
    )


def hashable(value):
    try:
        hash(value)
        return value == value  # whether it can be compared at all
    except Exception:
        return False


def containers(inner):
    keys = inner.filter(lambda value: hashable(value) is True)
    return st.one_of(st.lists(inner, max_size=3), st.tuples(inner), st.dictionaries(keys, inner, max_size=2))


def anything():
    return st.recursive(leaves(), containers, max_leaves=4).map(Given)
