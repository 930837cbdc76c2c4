"""A batch of accepted rows on its way into its table: read without a lock, written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from ..ingest.evolution import Evolution, find_evolution
from ..ingest.parse import Parsed, insert_good, parse_rows
from ..ingest.rejected import keep_rejected
from ..store import Store
from .channel import Channel, Chunk
from .channel_state import ChannelState


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as they were read, and what their table needs for them."""

    parsed: Parsed
    evolution: Evolution | None


def read_batch(
    cursor: duckdb.DuckDBPyConnection, store: Store, channel: Channel, chunks: list[Chunk]
) -> Batch:
    """Read chunks for the channel's table.

    Raises:
        Refused: the pipe or its table was dropped.
        LookupError: the table does not have, and can not get, a column that is meant.
    """
    mapping = store.pipe(channel.pipe).mapping
    columns = store.columns(channel.table)
    evolution = None
    if mapping is None and store.evolves(channel.table):
        evolution = find_evolution(cursor, chunks, columns)
        columns = columns if evolution is None else evolution.of(columns)
    return Batch(parse_rows(cursor, chunks, columns, channel.odd_columns, mapping), evolution)


def write_batch(
    cursor: duckdb.DuckDBPyConnection,
    store: Store,
    channel: Channel,
    chunks: list[Chunk],
    batch: Batch,
    now: float,
) -> ChannelState:
    """Write a batch and the channel's next state within the caller's transaction; return that state."""
    parsed = batch.parsed
    moved = _moved(channel.state, chunks, parsed)
    if batch.evolution is not None:
        store.evolve(cursor, channel.table, batch.evolution)
    insert_good(cursor, parsed, str(channel.table))
    if parsed.bad:
        keep_rejected(cursor, channel, chunks, now)
    moved.write(cursor, channel.pipe, channel.name)
    return moved


def _moved(state: ChannelState, chunks: list[Chunk], parsed: Parsed) -> ChannelState:
    """Return a channel's state after the commit of chunks; a bad row's bound is the end of its append."""
    tokens = [chunk.end_token for chunk in chunks if chunk.end_token is not None]
    moved = replace(
        state,
        rows_inserted=state.rows_inserted + parsed.good,
        committed_token=tokens[-1] if tokens else state.committed_token,
    )
    if parsed.last_bad_chunk is None:
        return moved
    return replace(
        moved,
        rows_errors=state.rows_errors + parsed.bad,
        last_error=parsed.last_problem,
        last_error_token=chunks[parsed.last_bad_chunk].end_token,
    )
