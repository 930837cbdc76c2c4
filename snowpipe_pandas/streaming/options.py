"""How a load is made: its options and its limits, each with one list of names and one set of defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..rows.encode.cell_location import BinaryFormat
    from ..rows.encode.encoder import Nulls
    from ..rows.sources.names import ColumnCase

OnError = Literal["raise", "report"]


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """How large requests become, and how patiently the service is watched. The defaults suit Snowflake.

    Attributes:
        max_raw_bytes: most NDJSON in one request, in bytes (Snowflake's limit is 16 MB).
        max_wire_bytes: most bytes of one request on the wire (Snowflake's limit is 4 MB).
        first_raw_bytes: most NDJSON in a load's first request, so that a wrong table or type is seen early.
        status_interval_s: seconds between two looks at what is committed while rows are being sent; a
            quarter of it once more than half of `max_in_flight_bytes` waits for its commit.
        audit_grace_s: how long the service's counters may lag behind its offset token.
        settle_timeout_s: how long a failed load waits to learn what became of its last rows.
        owner_watch_s: how long to look for a proof that a stale token is no other writer's doing.
        max_reopens: how often a load may reopen its channel ...
        reopen_window_s: ... within so many seconds.
    """

    max_raw_bytes: int = 16_000_000
    max_wire_bytes: int = 4_000_000
    first_raw_bytes: int = 1_000_000
    status_interval_s: float = 1.0
    audit_grace_s: float = 10.0
    settle_timeout_s: float = 20.0
    owner_watch_s: float = 15.0
    max_reopens: int = 3
    reopen_window_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """The options of `stream()`; what they mean stands there.

    Raises:
        UsageError: an option has no such value.
    """

    load_id: str | None = None
    after: str | None = None
    wait: bool = True
    on_error: OnError = "raise"
    commit_timeout_s: float = 300.0
    max_in_flight_bytes: int = 32 * 1024 * 1024
    flush_interval_s: float = 1.0
    limits: LoadLimits = LoadLimits()
    index: bool = False
    columns: Mapping[str, str] | None = None
    column_case: ColumnCase = "keep"
    nulls: Nulls = "emit"
    binary_format: BinaryFormat = "base64"
