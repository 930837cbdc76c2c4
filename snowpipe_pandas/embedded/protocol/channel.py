"""One channel: its durable state, its sequencers, its buffer of accepted rows, what it reports of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ...names import ObjectName
from ..refusals import Refused, must_be_reopened, uncommitted
from .channel_state import ChannelState

HEALTHY = "SUCCESS"
MUST_BE_REOPENED = "ERR_CHANNEL_MUST_BE_REOPENED"


class Rows(NamedTuple):
    """Rows as they came: the body of an append, or a fragment of an uploaded file, with its tokens."""

    ndjson: bytes
    start_token: str | None = None
    end_token: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Accepted rows with their tokens; `reject` of them, the first ones, are rejected whatever they hold."""

    ndjson: bytes
    end_token: str | None
    due: float
    reject: int = 0
    start_token: str | None = None


def chunks_of(rows: Sequence[Rows], due: float, *, lose: bool, reject: int) -> list[Chunk]:
    """Return accepted rows to be committed at `due`; a fault may lose them, or reject the first of them."""
    return [
        Chunk(b"" if lose else ndjson, end_token, due, 0 if number else reject, start_token)
        for number, (ndjson, start_token, end_token) in enumerate(rows)
        if ndjson and not ndjson.isspace()
    ]


@dataclass(slots=True, eq=False)
class Channel:
    """A channel. Whoever changes it holds the lock of `Channels`.

    Attributes:
        pipe, name, table: whose it is, its name, and where its rows go.
        state: what is on disk, and nothing else; replaced after a COMMIT.
        row_sequencer: appends since it was opened.
        buffer: rows that are accepted and not committed.
        code: its health, as its status reports it; `trouble` is the cause where it is not healthy.
        appends: what becomes of appends until the channel is reopened: they are buffered, refused, or
            acknowledged and thrown away.
        committing: rows of its buffer are on their way into the table. Who would change its state or discard
            its buffer waits until they are there.
        odd_columns: those that need more than the plain way of conversion.
    """

    pipe: ObjectName
    name: str
    table: ObjectName
    state: ChannelState
    row_sequencer: int = 0
    buffer: list[Chunk] = field(default_factory=list)
    last_error_ms: int | None = None
    code: str = HEALTHY
    trouble: str | None = None
    appends: Literal["buffered", "refused", "discarded"] = "buffered"
    committing: bool = False
    odd_columns: set[str] = field(default_factory=set)

    @property
    def continuation(self) -> str:
        """The token that the next append must bring."""
        return f"{self.state.client_sequencer}_{self.row_sequencer}"

    @property
    def used_continuation(self) -> str | None:
        """The token that the last append brought, None right after an open."""
        if not self.row_sequencer:
            return None
        return f"{self.state.client_sequencer}_{self.row_sequencer - 1}"

    def reopen(self, table: ObjectName, opened: ChannelState) -> None:
        """Start again after what is committed; `opened` is on disk already."""
        self.state = opened
        self.row_sequencer = 0
        self.buffer.clear()
        self.table = table
        self.code, self.trouble, self.appends = HEALTHY, None, "buffered"

    def lose_rows(
        self, code: str, appends: Literal["refused", "discarded"], trouble: str | None = None
    ) -> None:
        """Forget the accepted rows; the channel is unusable until it is reopened."""
        self.buffer.clear()
        self.code, self.trouble, self.appends = code, trouble, appends

    def refuse(self) -> Refused:
        """Return the refusal of an append to a channel that must be reopened, and why."""
        return must_be_reopened(self.name, self.code, self.trouble)

    def refuse_uncommitted(self) -> None:
        """Refuse to go on while accepted rows wait for their commit.

        Raises:
            Refused: 409, there are such rows.
        """
        if self.buffer:
            raise uncommitted(self.name)

    def status(self) -> dict[str, Any]:
        """Return the `channel_status` object of the protocol."""
        state = self.state
        return {
            "database_name": self.pipe.database,
            "schema_name": self.pipe.schema,
            "pipe_name": self.pipe.name,
            "channel_name": self.name,
            "channel_status_code": self.code,
            "last_committed_offset_token": state.committed_token,
            "created_on_ms": state.created_on_ms,
            "rows_inserted": state.rows_inserted,
            "rows_parsed": state.rows_inserted + state.rows_errors,
            "rows_error_count": state.rows_errors,
            "last_error_offset_upper_bound": state.last_error_token,
            "last_error_message": state.last_error if self.trouble is None else self.trouble,
            "last_error_timestamp_ms": self.last_error_ms,
            "last_error_timestamp": self.last_error_ms,
            "snowflake_avg_processing_latency_ms": None,
        }
