"""Payloads: within the limits, full, one zstd frame each, resumable at any row."""

import math
import random

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from snowpipe_pandas.errors import LoadMismatchError, RowTooLargeError
from snowpipe_pandas.rows.encode.encoder import Encoder, to_ndjson
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits

LIMITS = LoadLimits()
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def encoded(table):
    encoder, rows = Encoder(), 0
    for batch in open_source(table).batches():
        piece = encoder.encode(batch, rows)
        rows = piece.end_row
        yield piece


def packed(pieces, *, raw=LIMITS.max_raw_bytes, wire=LIMITS.max_wire_bytes, first=None, **skip):
    """The payloads; the first one is as large as the others by default."""
    first = raw if first is None else first
    yield from pack(pieces, max_raw_bytes=raw, max_wire_bytes=wire, first_raw_bytes=first, **skip)


def numbers(rows, seed=0):
    return pa.table({"ID": np.arange(rows), "F": np.random.default_rng(seed).normal(size=rows)})


def noise(rows, size=200):
    """Text that zstd can do little about."""
    source = random.Random(1)
    return pa.table({"T": [source.randbytes(size).hex() for _ in range(rows)]})


def repeated(rows):
    return pa.table({"T": ["the same text again and again"] * rows})


def unpacked(payload):
    with pa.CompressedInputStream(pa.BufferReader(payload.body), "zstd") as stream:
        return stream.read()


TABLES = {"numbers": numbers(60_000), "noise": noise(20_000), "repeated": repeated(80_000)}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("limits", [(1_000_000, 250_000), (500_000, 500_000), (3_000_000, 100_000)])
def test_limits_hold_payloads_are_full_and_nothing_is_lost(name, limits):
    table = TABLES[name]
    raw, wire = limits
    payloads = list(packed(encoded(table), raw=raw, wire=wire))
    whole = to_ndjson(table)
    assert b"".join(unpacked(p) for p in payloads) == whole
    end_row = 0
    for payload in payloads:
        assert payload.first_row == end_row
        end_row = payload.end_row
        assert len(payload.body) <= wire
        assert payload.raw_bytes == len(unpacked(payload)) <= raw
        assert bytes(payload.body).count(ZSTD_MAGIC) == 1
        assert payload.digest == xxhash.xxh3_64_hexdigest(b"".join(whole.splitlines(keepends=True)[:end_row]))
    assert end_row == table.num_rows
    for payload in payloads[:-1]:
        assert max(payload.raw_bytes / raw, len(payload.body) / wire) > 0.95


def test_default_limits_are_those_of_the_service():
    payload = next(iter(packed(encoded(repeated(600_000)))))
    assert 15_200_000 < payload.raw_bytes <= 16_000_000
    payload = next(iter(packed(encoded(noise(40_000, 400)))))
    assert 3_800_000 < len(payload.body) <= 4_000_000


@pytest.mark.parametrize("skipped", [0, 1, 777, 59_999, 60_000])
def test_a_load_resumes_at_any_row_with_the_rest_of_the_bytes(skipped):
    lines = to_ndjson(TABLES["numbers"]).splitlines(keepends=True)
    digest = xxhash.xxh3_64_hexdigest(b"".join(lines[:skipped]))
    payloads = list(packed(encoded(TABLES["numbers"]), skip_rows=skipped, skip_digest=digest, raw=10**6))
    assert b"".join(unpacked(p) for p in payloads) == b"".join(lines[skipped:])
    if payloads:
        assert payloads[0].first_row == skipped
        assert payloads[-1].digest == xxhash.xxh3_64_hexdigest(b"".join(lines))


def test_changed_rows_before_the_border_are_refused_and_after_it_are_not():
    digest = xxhash.xxh3_64_hexdigest(b"".join(to_ndjson(numbers(100)).splitlines(keepends=True)[:50]))
    resumed = {"load_id": "x", "skip_rows": 50, "skip_digest": digest}
    with pytest.raises(LoadMismatchError, match="first 50 rows of the source .* differ"):
        list(packed(encoded(numbers(100, seed=1)), **resumed))
    other_tail = pa.concat_tables([numbers(100).slice(0, 50), numbers(10, seed=1)])
    assert sum(p.rows for p in packed(encoded(other_tail), **resumed)) == 10


def test_the_same_rows_read_with_other_types_are_refused_by_a_message_that_names_types_and_chunks():
    whole = pa.table({"N": [1, 2, 3]})
    digest = xxhash.xxh3_64_hexdigest(to_ndjson(whole))
    floats = whole.cast(pa.schema([("N", pa.float64())]))
    with pytest.raises(LoadMismatchError, match=r"other types .* other chunks of a file .* another load_id"):
        list(packed(encoded(floats), load_id="x", skip_rows=3, skip_digest=digest))


def test_fewer_rows_than_are_committed_are_refused():
    with pytest.raises(LoadMismatchError, match="has only 10"):
        list(packed(encoded(numbers(10)), load_id="x", skip_rows=11, skip_digest="?"))


def test_a_row_above_the_raw_limit_is_named_before_its_payload_is_sent():
    table = pa.table({"T": ["short"] * 5 + ["x" * 2000] + ["short"] * 5})
    with pytest.raises(RowTooLargeError, match="row 5 is 2,00") as caught:
        list(packed(encoded(table), raw=1000))
    assert (caught.value.row, caught.value.limit) == (5, 1000)


def test_a_row_above_the_wire_limit_may_compress_below_it_or_is_named():
    compressible = pa.table({"T": ["a", "x" * 50_000, "b"]})
    assert sum(p.rows for p in packed(encoded(compressible), wire=10_000)) == 3
    incompressible = pa.table({"T": ["a", *noise(1, 20_000)["T"].to_pylist(), "b"]})
    with pytest.raises(RowTooLargeError, match="row 1 "):
        list(packed(encoded(incompressible), wire=10_000))


def test_no_rows_make_no_payload():
    assert list(packed(encoded(numbers(0)))) == []


def test_exactly_full_payloads_are_not_overfull():
    line = len(to_ndjson(pa.table({"T": ["x"]})))
    payloads = list(packed(encoded(pa.table({"T": ["x"] * 100})), raw=line * 10))
    assert [p.rows for p in payloads] == [10] * 10
    assert math.prod(p.raw_bytes == line * 10 for p in payloads)


def test_the_first_payload_is_small_and_the_others_are_full():
    payloads = list(packed(encoded(repeated(80_000)), raw=1_000_000, first=100_000))
    assert 95_000 < payloads[0].raw_bytes <= 100_000
    assert all(p.raw_bytes > 950_000 for p in payloads[1:-1])
    assert len(payloads) > 3
    assert b"".join(unpacked(p) for p in payloads) == to_ndjson(repeated(80_000))


def small_pieces(table, rows=100):
    """The rows in pieces of 3 kB: a payload is ended early at the end of a piece only."""
    encoder = Encoder()
    return [
        encoder.encode(batch, start)
        for start in range(0, table.num_rows, rows)
        for batch in open_source(table.slice(start, rows)).batches()
    ]


def test_payloads_that_are_waited_for_grow_twofold_until_they_are_full():
    pieces = small_pieces(repeated(80_000))
    payloads = list(packed(pieces, raw=1_000_000, first=100_000, wanted=lambda: True))
    sizes = [p.raw_bytes for p in payloads[:-1]]
    assert [round(size / 100_000) for size in sizes[:5]] == [1, 2, 4, 8, 10]
    assert min(sizes[4:]) > 950_000
    assert b"".join(unpacked(p) for p in payloads) == to_ndjson(repeated(80_000))


def test_a_payload_is_ended_early_only_while_it_is_waited_for():
    asked = []

    def wanted():
        asked.append(True)
        return len(asked) == 3

    pieces = small_pieces(repeated(80_000))
    payloads = list(packed(pieces, raw=1_000_000, first=100_000, wanted=wanted))
    assert 200_000 <= payloads[1].raw_bytes < 220_000
    assert all(p.raw_bytes > 950_000 for p in payloads[2:-1])


def test_a_first_row_larger_than_a_first_payload_is_one_alone():
    table = pa.table({"T": ["x" * 2000, "short", "short"]})
    assert [p.rows for p in packed(encoded(table), raw=10_000, first=1000)] == [1, 2]
    with pytest.raises(RowTooLargeError, match="row 0 is 2,00"):
        list(packed(encoded(table), raw=1500, first=1000))


def test_a_flush_ends_the_payload_that_was_begun_and_no_empty_one():
    table = repeated(30)
    pieces = [Encoder().encode(batch, 0) for batch in open_source(table.slice(0, 10)).batches()]
    pieces += [None, None]
    pieces += [Encoder().encode(batch, 10) for batch in open_source(table.slice(10, 20)).batches()]
    payloads = list(packed([None, *pieces, None]))
    assert [(p.first_row, p.rows) for p in payloads] == [(0, 10), (10, 20)]
    assert payloads[-1].digest == xxhash.xxh3_64_hexdigest(to_ndjson(table))


def test_a_flush_among_committed_rows_sends_none_of_them():
    lines = to_ndjson(repeated(20)).splitlines(keepends=True)
    digest = xxhash.xxh3_64_hexdigest(b"".join(lines[:15]))
    first, second = (Encoder().encode(repeated(10).to_batches()[0], row) for row in (0, 10))
    payloads = list(packed([first, None, second, None], skip_rows=15, skip_digest=digest))
    assert [(p.first_row, p.rows) for p in payloads] == [(15, 5)]
