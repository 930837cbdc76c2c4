"""A service in memory, as a load's protocol meets it: rows, counters, opens; no sockets, no time."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pyarrow as pa

from snowpipe_pandas.offset_tokens import read_token
from snowpipe_pandas.rest.status import ChannelStatus
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.sources.source import open_source

ROWS = 40
ROWS_EACH = 5


@lru_cache
def payloads(start, digest="", rows=ROWS):
    """The payloads of the numbers below `rows`, from row `start` on."""
    encoded = [Encoder().encode(batch, 0) for batch in open_source(pa.table({"ID": range(rows)})).batches()]
    found = pack(
        encoded,
        skip_rows=start,
        skip_digest=digest,
        max_raw_bytes=ROWS_EACH * 10,
        max_wire_bytes=4_000_000,
        first_raw_bytes=1_000_000,
    )
    return tuple(found)


@dataclass
class Service:
    """One channel.

    `rejects` are the rows that it skips. `table` and `rejected` hold the rows of each load, in the order of
    their commits; `said` every status that it ever gave.
    """

    rejects: frozenset = frozenset()
    restarts_counters: bool = False
    counts: bool = True
    table: dict = field(default_factory=lambda: defaultdict(list))
    rejected: dict = field(default_factory=lambda: defaultdict(list))
    pending: list = field(default_factory=list)
    token: str | None = None
    inserted: int = 0
    errors: int = 0
    error_bound: str | None = None
    said: list = field(default_factory=list)

    def apply(self, payload, token):
        self.pending.append((payload, token))

    def has(self, load, row):
        """Whether a row of a load was applied, committed or not."""
        waits = any(
            read_token(token).owner == load and p.first_row <= row < p.end_row for p, token in self.pending
        )
        return waits or row in self.table[load] or row in self.rejected[load]

    def commit(self, count):
        for payload, token in self.pending[:count]:
            load = read_token(token).owner
            for row in range(payload.first_row, payload.end_row):
                if row in self.rejects:
                    self.rejected[load].append(row)
                    self.errors, self.error_bound = self.errors + 1, token
                else:
                    self.table[load].append(row)
                    self.inserted += 1
            self.token = token
        self.pending = self.pending[count:]

    def token_only(self, token):
        """Claim rows as committed that are nowhere."""
        self.commit(len(self.pending))
        self.token = token

    def lose(self):
        """Forget what is not committed."""
        self.pending = []

    def open(self):
        """Open the channel: what is pending gets committed first."""
        self.commit(len(self.pending))
        if self.restarts_counters:
            self.inserted = self.errors = 0
        return self.status()

    def status(self):
        now = ChannelStatus(
            channel_name="c",
            channel_status_code="ACTIVE",
            last_committed_offset_token=self.token,
            rows_inserted=self.inserted,
            rows_parsed=self.inserted + self.errors,
            rows_error_count=self.errors,
            last_error_message="no" if self.errors else None,
            last_error_offset_upper_bound=self.error_bound,
            created_on_ms=1,
        )
        now = now if self.counts else without_counts(now)
        self.said.append(now)
        return now


def without_counts(status):
    return replace(status, rows_inserted=None, rows_parsed=None, rows_error_count=None)
