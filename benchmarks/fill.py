"""How full payloads are: the share of the binding limit, the last payload aside."""

import statistics

from benchmarks.frames import FRAMES
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.payloads import MAX_RAW_BYTES, MAX_WIRE_BYTES, pack
from snowpipe_pandas.rows.sources.source import open_source


def fill(name: str) -> float:
    """Return the mean fill of a frame's payloads, 0 to 1."""
    encoder = Encoder()
    encoded = map(encoder.encode, open_source(FRAMES[name][1]()).batches())
    payloads = list(pack(encoded))
    return statistics.mean(
        max(p.raw_bytes / MAX_RAW_BYTES, len(p.body) / MAX_WIRE_BYTES) for p in payloads[:-1] or payloads
    )
