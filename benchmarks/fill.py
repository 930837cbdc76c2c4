"""How full payloads are: the share of the binding limit, the first and the last payload aside."""

import statistics

from benchmarks.frames import FRAMES
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits

LIMITS = LoadLimits()


def fill(name: str) -> float:
    """Return the mean fill of a frame's payloads, 0 to 1."""
    encoder = Encoder()
    encoded = map(encoder.encode, open_source(FRAMES[name][1]()).batches())
    payloads = list(
        pack(
            encoded,
            max_raw_bytes=LIMITS.max_raw_bytes,
            max_wire_bytes=LIMITS.max_wire_bytes,
            first_raw_bytes=LIMITS.first_raw_bytes,
        )
    )
    return statistics.mean(
        max(p.raw_bytes / LIMITS.max_raw_bytes, len(p.body) / LIMITS.max_wire_bytes)
        for p in payloads[1:-1] or payloads
    )
