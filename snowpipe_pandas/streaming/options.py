"""How a load is made: its options and its limits, each with one list of names and one set of defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from ..arguments import A_DAY_S, choice, flag, instance, number, plain_text, whole
from ..errors import UsageError
from .load_ids import check_load_id
from .parts import MAX_CHANNELS

if TYPE_CHECKING:
    from ..rows.encode.cell_location import BinaryFormat
    from ..rows.encode.encoder import Nulls
    from ..rows.sources.names import ColumnCase

OnError = Literal["raise", "report"]
DeliveryKind = Literal["exactly-once", "at-least-once"]
OnNewColumns = Literal["error", "evolve"]
IfExists = Literal["append", "replace"]

SHORTEST_PAUSE_S = 0.001
"""A pause of 0 would poll the service without rest."""

LEAST_RATE = 0.001
"""At a rate of 0 nothing would ever leave."""


@dataclass(frozen=True, slots=True, repr=False)
class LoadLimits:
    """Limits of requests, and how often and how long the service is polled. The defaults suit Snowflake.

    Attributes:
        max_raw_bytes: most NDJSON in one request, in bytes (Snowflake's limit is 16 MB).
        max_wire_bytes: most bytes of one request on the wire (Snowflake's limit is 4 MB).
        first_raw_bytes: most NDJSON in a load's first request, so that a wrong table or type is seen early.
        max_bytes_per_s: most NDJSON that is sent in a second, in bytes; None for what the service reports,
            else Snowflake's 20 MB; `math.inf` for as much as it takes, at the price of 429 answers.
        max_requests_per_s: most requests in a second; None for what the service reports, else Snowflake's 10.
        status_interval_s: seconds between two status requests while rows are being sent; a
            quarter of it once more than half of `max_in_flight_bytes` waits for its commit.
        audit_grace_s: how long the service's counters may lag behind its offset token.
        settle_timeout_s: how long a failed load waits to learn what became of its last rows.
        owner_watch_s: how long to look for a proof that a stale token is not another writer's doing.
        max_reopens: how often a load may reopen its channel ...
        reopen_window_s: ... within this many seconds.

    Raises:
        ConfigError: a value is out of range.

    >>> sp.stream(readings, channel, limits=sp.LoadLimits(first_raw_bytes=10_000))
    """

    max_raw_bytes: int = 16_000_000
    max_wire_bytes: int = 4_000_000
    first_raw_bytes: int = 1_000_000
    max_bytes_per_s: float | None = None
    max_requests_per_s: float | None = None
    status_interval_s: float = 1.0
    audit_grace_s: float = 10.0
    settle_timeout_s: float = 20.0
    owner_watch_s: float = 15.0
    max_reopens: int = 3
    reopen_window_s: float = 60.0

    def __repr__(self) -> str:
        own = ((field.name, getattr(self, field.name)) for field in fields(self))
        usual = {field.name: field.default for field in fields(self)}
        return f"LoadLimits({', '.join(f'{name}={value!r}' for name, value in own if value != usual[name])})"

    def __post_init__(self) -> None:
        for name in ("max_raw_bytes", "max_wire_bytes", "first_raw_bytes"):
            self._take(name, low=1, example=f"{name}=1000000")
        self._take_rate("max_bytes_per_s", wanted="a number of bytes", example="max_bytes_per_s=20e6")
        self._take_rate("max_requests_per_s", wanted="a number of requests", example="max_requests_per_s=10")
        self._take("max_reopens", low=1, example="max_reopens=3")
        self._take_seconds("status_interval_s", low=SHORTEST_PAUSE_S)
        for name in ("audit_grace_s", "settle_timeout_s", "owner_watch_s", "reopen_window_s"):
            self._take_seconds(name, low=0.0)

    def _take(self, name: str, *, low: int, example: str) -> None:
        value = whole(name, getattr(self, name), low=low, example=example, setting="limits")
        object.__setattr__(self, name, value)

    def _take_rate(self, name: str, *, wanted: str, example: str) -> None:
        value = getattr(self, name)
        if value is not None:
            rate = number(name, value, low=LEAST_RATE, wanted=wanted, example=example, setting="limits")
            object.__setattr__(self, name, rate)

    def _take_seconds(self, name: str, *, low: float) -> None:
        value = getattr(self, name)
        seconds = number(name, value, low=low, high=A_DAY_S, example=f"{name}=2", setting="limits")
        object.__setattr__(self, name, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """The options of `stream()`, checked; they are documented there.

    Raises:
        UsageError: an option has no such value.
    """

    load_id: str | None = None
    after: str | None = None
    channels: int | Literal["auto"] = 1
    drop_when_done: bool = False
    delivery: DeliveryKind = "exactly-once"
    create: bool = False
    if_exists: IfExists = "append"
    on_new_columns: OnNewColumns = "error"
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

    def __post_init__(self) -> None:
        for name in ("load_id", "after"):
            given = getattr(self, name)
            self._set(name, None if given is None else check_load_id(given, name))
        self._set("wait", flag("wait", self.wait))
        if plain_text(self.channels) != "auto":
            example = 'channels=8, or channels="auto"'
            self._set("channels", whole("channels", self.channels, low=1, high=MAX_CHANNELS, example=example))
        self._set("delivery", choice("delivery", self.delivery, ("exactly-once", "at-least-once")))
        self._set("drop_when_done", flag("drop_when_done", self.drop_when_done))
        if self.drop_when_done and not self.wait:
            raise UsageError(
                "drop_when_done=True needs wait=True: a channel is dropped once its rows are committed"
            )
        self._set("create", flag("create", self.create))
        self._set("on_new_columns", choice("on_new_columns", self.on_new_columns, ("error", "evolve")))
        self._set("if_exists", choice("if_exists", self.if_exists, ("append", "replace")))
        if self.if_exists == "replace" and not self.wait:
            raise UsageError(
                'if_exists="replace" needs wait=True: the rows are counted before they take its place'
            )
        if self.if_exists == "replace" and self.drop_when_done:
            raise UsageError(
                'drop_when_done=True does not go with if_exists="replace": its channels are those of a table '
                "of its own, and a load that was interrupted goes on with them"
            )
        self._set("on_error", choice("on_error", self.on_error, ("raise", "report")))
        self._set(
            "commit_timeout_s",
            number("commit_timeout_s", self.commit_timeout_s, example="commit_timeout_s=300"),
        )
        self._set(
            "max_in_flight_bytes",
            whole(
                "max_in_flight_bytes",
                self.max_in_flight_bytes,
                low=1,
                example="max_in_flight_bytes=134217728",
            ),
        )
        self._set(
            "flush_interval_s",
            number("flush_interval_s", self.flush_interval_s, high=A_DAY_S, example="flush_interval_s=0.2"),
        )
        limits = "limits such as sp.LoadLimits(first_raw_bytes=10_000)"
        self._set("limits", instance("limits", self.limits, LoadLimits, wanted=limits))
        from ..rows.options import reading, writing  # slow to import; needed only by loads

        read = reading(index=self.index, columns=self.columns, column_case=self.column_case)
        for name, value in {**read, **writing(nulls=self.nulls, binary_format=self.binary_format)}.items():
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
