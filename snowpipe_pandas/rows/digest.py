"""The digest of a source's rows, as the offset token after them has it."""

from __future__ import annotations

import xxhash

from .encode.encoder import Encoder
from .sources.source import Source


def digest_of(source: Source, encoder: Encoder, first_row: int, rows: int) -> str:
    """Return the digest of `rows` rows of a source, or of fewer if it ends before.

    Args:
        source: the source of a load; one that can't be read in ranges is read from its first row.
        encoder: writes them as the load wrote them.
        first_row: the first row; other than 0 only for a source that can be read in ranges.
        rows: how many rows.
    """
    if source.cuttable and source.total_rows is not None:
        end = min(first_row + rows, source.total_rows)
        source = source.part(min(first_row, end), end)
    digest, taken = xxhash.xxh3_64(), 0
    for batch in source.batches():
        encoded = encoder.encode(batch, first_row + taken)
        digest.update(encoded.bytes_of(0, min(encoded.rows, rows - taken)))
        taken += encoded.rows
        if taken >= rows:
            break
    return digest.hexdigest()
