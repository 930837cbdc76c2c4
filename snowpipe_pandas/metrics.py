"""Loads as Prometheus metrics, OpenTelemetry metrics and spans: listeners to events, found by import.

Where `prometheus_client` or `opentelemetry` is installed, every client counts with it; `set_listeners`
changes that. Labels are the target, an outcome, an HTTP status and the kind of a token, and nothing else: no
load's id, channel, message or token is ever one.
"""

from __future__ import annotations

import functools
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .arguments import items, refuse
from .events import (
    ChannelReopened,
    Event,
    Listener,
    LoadStarted,
    PhaseChanged,
    RequestRetried,
    RowsAcknowledged,
    RowsCommitted,
    RowsRejected,
    TokenRenewed,
)
from .shown import visible

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from prometheus_client import CollectorRegistry

ENDS = ("done", "failed", "cancelled")

_log = logging.getLogger("snowpipe_pandas.metrics")


@dataclass(frozen=True, slots=True)
class Counter:
    """What a counter counts.

    Attributes:
        unit: in OpenTelemetry's terms.
        text: its description.
        labels: their names, in order.
    """

    unit: str
    text: str
    labels: tuple[str, ...] = ("target",)


COUNTERS = {
    "loads.ended": Counter(
        "{load}", "Loads that ended; one through several channels ends once for each", ("target", "outcome")
    ),
    "rows.acknowledged": Counter("{row}", "Rows that the service received, repetitions included"),
    "rows.committed": Counter("{row}", "Rows that a running load saw committed: in the table, or rejected"),
    "rows.rejected": Counter(
        "{row}", "Rows that the service skipped; a resumed load reports those of its earlier calls again"
    ),
    "row_json.bytes": Counter("By", "Acknowledged rows as JSON, before compression"),
    "sent.bytes": Counter("By", "Acknowledged rows on the wire, compressed"),
    "append.requests": Counter("{request}", "Append requests that were acknowledged, and their repetitions"),
    "request.retries": Counter(
        "{request}",
        "Requests that failed and are sent again; without an answer the status is none",
        ("status",),
    ),
    "channel.reopens": Counter("{reopen}", "Channels opened again to find out what is committed"),
    "token.renewals": Counter("{token}", "Tokens signed or exchanged", ("kind",)),
}
"""Every counter by its name, which is `snowpipe.rows.committed` in OpenTelemetry, and in Prometheus
`snowpipe_rows_committed_total`."""


class _Counting(ABC):
    """Turns events into counts.

    A load's events arrive in its own thread and in order; those of other loads may arrive in between.
    """

    def __init__(self) -> None:
        self._seen: dict[_LoadOf, _Seen] = {}

    @abstractmethod
    def _add(self, counter: str, amount: int, *labels: str) -> None:
        """Add to a counter."""

    def __call__(self, event: Event) -> None:
        """Count what happened."""
        target = visible(event.target or "")
        match event:
            case LoadStarted():
                self._seen[_load_of(event)] = _Seen(committed=event.rows_skipped)
            case RowsAcknowledged():
                self._add("rows.acknowledged", event.end_row - event.first_row, target)
                self._add("row_json.bytes", event.raw_bytes, target)
                self._add("sent.bytes", event.sent_bytes, target)
                self._add("append.requests", event.tries, target)
            case RowsCommitted():
                self._committed(event, event.rows_in_table + event.rows_rejected, target)
                self._rejected(event, event.rows_rejected, target)
            case RowsRejected():
                self._rejected(event, event.rows, target)
            case PhaseChanged() if event.phase in ENDS:
                self._seen.pop(_load_of(event), None)
                self._add("loads.ended", 1, target, event.phase)
            case RequestRetried():
                self._add("request.retries", 1, "none" if event.status is None else str(event.status))
            case ChannelReopened():
                self._add("channel.reopens", 1, target)
            case TokenRenewed():
                self._add("token.renewals", 1, event.kind)

    def _committed(self, event: Event, rows: int, target: str) -> None:
        seen = self._seen.setdefault(_load_of(event), _Seen())
        self._add("rows.committed", max(0, rows - seen.committed), target)
        seen.committed = max(rows, seen.committed)

    def _rejected(self, event: Event, rows: int, target: str) -> None:
        seen = self._seen.setdefault(_load_of(event), _Seen())
        self._add("rows.rejected", max(0, rows - seen.rejected), target)
        seen.rejected = max(rows, seen.rejected)


@dataclass(slots=True)
class _Seen:
    """What a load's events have reported so far: they report totals, and counters add the difference."""

    committed: int = 0
    rejected: int = 0


_LoadOf: TypeAlias = tuple[int, str | None, str | None, str | None]


def _load_of(event: Event) -> _LoadOf:
    """Identify a load through one channel; by its thread too, since two accounts may share names."""
    return threading.get_ident(), event.target, event.channel, event.load_id


class Prometheus(_Counting):
    """Counts in a Prometheus registry.

    Args:
        registry: where the counters are; the library's own if left out.

    >>> metrics.set_listeners([metrics.Prometheus(registry)])
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        import prometheus_client

        super().__init__()
        place = prometheus_client.REGISTRY if registry is None else registry
        self._counters = {
            name: prometheus_client.Counter(
                f"snowpipe_{name.replace('.', '_')}", counter.text, counter.labels, registry=place
            )
            for name, counter in COUNTERS.items()
        }

    def _add(self, counter: str, amount: int, *labels: str) -> None:
        self._counters[counter].labels(*labels).inc(amount)


class OpenTelemetry(_Counting):
    """Counts with OpenTelemetry's meter, and makes a span for every load, under the current span.

    A load through several channels has a span for each. Spans carry the load's id, its channel and its
    counts, retries and reopens as their events, and no message, since one may quote a value.

    Args:
        meters: makes the counters; the application's own provider if left out.
        tracers: makes the spans; the application's own provider if left out.

    >>> metrics.set_listeners([metrics.OpenTelemetry(meters, tracers)])
    """

    def __init__(self, meters: MeterProvider | None = None, tracers: TracerProvider | None = None) -> None:
        from opentelemetry import metrics, trace

        super().__init__()
        meter = metrics.get_meter("snowpipe_pandas", meter_provider=meters)
        self._tracer = trace.get_tracer("snowpipe_pandas", tracer_provider=tracers)
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._client = trace.SpanKind.CLIENT
        self._counters = {
            name: meter.create_counter(f"snowpipe.{name}", counter.unit, counter.text)
            for name, counter in COUNTERS.items()
        }
        self._spans: dict[_LoadOf, Span] = {}

    def _add(self, counter: str, amount: int, *labels: str) -> None:
        named = zip(COUNTERS[counter].labels, labels, strict=True)
        self._counters[counter].add(amount, {f"snowpipe.{name}": label for name, label in named})

    def __call__(self, event: Event) -> None:
        """Count what happened, and note it in the load's span."""
        super().__call__(event)
        if isinstance(event, LoadStarted):
            self._begin(event)
        span = self._spans.get(_load_of(event))
        if span is None:
            return
        match event:
            case RequestRetried():
                status = {} if event.status is None else {"http.response.status_code": event.status}
                span.add_event("retry", {"snowpipe.tries": event.tries, **status})
            case ChannelReopened():
                span.add_event("reopen", {"snowpipe.end_row": event.end_row})
            case RowsCommitted():
                span.set_attribute("snowpipe.rows_in_table", event.rows_in_table)
                span.set_attribute("snowpipe.rows_rejected", event.rows_rejected)
            case PhaseChanged() if event.phase in ENDS:
                self._end(event)

    def _begin(self, event: LoadStarted) -> None:
        attributes: dict[str, str | int] = {
            "db.system.name": "snowflake",
            "db.collection.name": visible(event.target or ""),
            "snowpipe.load_id": visible(event.load_id or ""),
            "snowpipe.channel": visible(event.channel or ""),
            "snowpipe.rows_skipped": event.rows_skipped,
        }
        span = self._tracer.start_span("snowpipe load", kind=self._client, attributes=attributes)
        self._spans[_load_of(event)] = span

    def _end(self, event: PhaseChanged) -> None:
        span = self._spans.pop(_load_of(event))
        span.set_attribute("snowpipe.outcome", event.phase)
        if event.phase == "failed":
            span.set_status(self._failed)
        span.end()


_chosen: tuple[Listener, ...] | None = None


def listeners() -> tuple[Listener, ...]:
    """Return the listeners for the events of every client that is made now."""
    return _found() if _chosen is None else _chosen


def set_listeners(wanted: Iterable[Listener] | None) -> None:
    """Set the listeners for the events of every client that is made from now on.

    Args:
        wanted: functions that take an event; an empty list for none, None for what is installed.

    Raises:
        UsageError: one can't be called.

    >>> metrics.set_listeners([])
    """
    global _chosen
    example = "functions that take an event, such as [metrics.Prometheus()]"
    given: list[Any] | None = None if wanted is None else items("wanted", wanted, wanted=example)
    for at, listener in enumerate(given or ()):
        if not callable(listener):
            refuse(f"wanted[{at}]", listener, example)
    _chosen = None if given is None else tuple(given)


@functools.cache
def _found() -> tuple[Listener, ...]:
    """Make those whose library is installed, once; one that fails must not prevent a connection."""
    found: list[Listener] = []
    for kind in (Prometheus, OpenTelemetry):
        try:
            found.append(kind())
        except ImportError:
            continue
        except Exception:  # noqa: BLE001  # such as a counter of the same name in the registry
            _log.warning("loads are not counted with %s", kind.__name__, exc_info=True)
    return tuple(found)
