"""Random Arrow columns: a type, and values as the oracle wants them, built without the engine."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SECONDS_FROM = -62135596800  # 0001-01-01
SECONDS_TO = 253402300799  # 9999-12-31T23:59:59
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def integers(kind):
    bits = kind.bit_width
    signed = pa.types.is_signed_integer(kind)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high)


def moments(unit):
    per = PER_SECOND[unit]
    low, high = SECONDS_FROM * per, SECONDS_TO * per
    return st.integers(max(low, -(2**63) + 1), min(high, 2**63 - 1))


def decimals(precision, scale):
    bound = 10**precision - 1
    # From sign and digits: Decimal's arithmetic would round to 28 digits.
    return st.integers(-bound, bound).map(
        lambda n: Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale))
    )


def floats(width):
    return st.floats(width=width, allow_nan=True, allow_infinity=True)


def scalars():
    """Pairs of an Arrow type and a strategy of its values."""
    pairs = [(kind, integers(kind)) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())]
    pairs += [(kind, integers(kind)) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())]
    pairs += [(pa.float16(), floats(16)), (pa.float32(), floats(32)), (pa.float64(), floats(64))]
    pairs += [(pa.bool_(), st.booleans()), (pa.null(), st.none())]
    pairs += [(kind, TEXT) for kind in (pa.string(), pa.large_string(), pa.string_view())]
    pairs += [(kind, st.binary(max_size=9)) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())]
    pairs += [(pa.binary(3), st.binary(min_size=3, max_size=3))]
    pairs += [(pa.decimal128(p, s), decimals(p, s)) for p, s in ((5, 2), (38, 0), (38, 38), (20, 10))]
    pairs += [(pa.decimal256(76, 20), decimals(76, 20))]
    pairs += [(pa.timestamp(u, z), moments(u)) for u in PER_SECOND for z in (None, "UTC", "Europe/Berlin")]
    pairs += [(pa.duration(u), st.integers(-(2**63) + 1, 2**63 - 1)) for u in PER_SECOND]
    days = st.integers(0, 3652058).map(lambda n: date(1, 1, 1) + timedelta(days=n))
    pairs += [(pa.date32(), days), (pa.date64(), days)]
    pairs += [(pa.time32("s"), st.integers(0, 86399)), (pa.time32("ms"), st.integers(0, 86399999))]
    pairs += [
        (pa.time64("us"), st.integers(0, 86400 * 10**6 - 1)),
        (pa.time64("ns"), st.integers(0, 86400 * 10**9 - 1)),
    ]
    return st.sampled_from(pairs)


@st.composite
def kinds(draw, depth=2):
    """A type with a strategy of its values, nested up to `depth`; None is null everywhere."""
    shape = draw(
        st.sampled_from(["scalar", "scalar", "dictionary", "list", "large_list", "fixed", "struct", "map"])
    )
    if shape == "scalar" or depth == 0:
        kind, values = draw(scalars())
        return kind, st.none() | values
    if shape == "dictionary":
        return pa.dictionary(pa.int8(), pa.string()), st.none() | st.sampled_from(["", "a", 'q"', "ü\n"])
    kind, values = draw(kinds(depth - 1))
    if shape == "list":
        return pa.list_(kind), st.none() | st.lists(values, max_size=3)
    if shape == "large_list":
        return pa.large_list(kind), st.none() | st.lists(values, max_size=3)
    if shape == "fixed":
        return pa.list_(kind, 2), st.none() | st.lists(values, min_size=2, max_size=2)
    if shape == "map":
        entries = st.dictionaries(TEXT, values, max_size=3).map(lambda d: list(d.items()))
        return pa.map_(pa.string(), kind), st.none() | entries
    other, others = draw(kinds(depth - 1))
    fields = [pa.field("x", kind), pa.field('"y\n', other)]
    return pa.struct(fields), st.none() | st.fixed_dictionaries({"x": values, '"y\n': others})


@st.composite
def columns(draw, rows):
    """A column of `rows` cells: Arrow array, and the values that it was built from."""
    kind, values = draw(kinds())
    cells = draw(st.lists(values, min_size=rows, max_size=rows))
    return array_of(cells, kind), cells


def array_of(cells, kind):
    """Build an array; dictionaries of nested types and views are cast, since pa.array does not make them."""
    if pa.types.is_dictionary(kind):
        return pa.array(cells, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(cells, kind)


@st.composite
def tables(draw):
    """A record batch cut out of a longer one, so that offsets are not zero, and its rows."""
    rows = draw(st.integers(1, 8))
    names = draw(st.lists(TEXT, min_size=1, max_size=4, unique=True))
    drawn = [draw(columns(rows)) for _ in names]
    start = draw(st.integers(0, rows))
    stop = draw(st.integers(start, rows))
    batch = pa.record_batch([array for array, _ in drawn], names=names).slice(start, stop - start)
    return batch, [cells[start:stop] for _, cells in drawn]
