"""Work ahead of the network: the payloads of a source, prepared while others are sent.

    batches (one thread) -> NDJSON (worker threads) -> payloads (one thread) -> take()

Order is kept, memory is bounded, errors of the source are raised at their place, and leaving early (an
error, Ctrl-C) stops the threads. A source of one batch in memory needs none. It knows nothing of requests.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeAlias

import pyarrow as pa

from ..errors import SnowpipeError
from ..rows.encode.encoder import EncodedRows, Encoder
from ..rows.encode.parallel import EncodedAhead, Numbered, numbered, single_batch
from ..rows.payloads import Payload, pack
from ..rows.sources.source import Source
from ..waits import FOR_EVER_S, join_in_time
from .options import LoadLimits
from .timings import Stopwatch, Watches

READY_PAYLOADS = 1
"""Payloads prepared beyond the one on its way and the one that is being made (at most 4 MB each)."""

_Made: TypeAlias = "Payload | BaseException | None"
"""What is handed to the sender: a payload, what the source raised, or None after the last payload."""


class Payloads:
    """The payloads of a source, in order, for one sender. Use it as a context manager.

    A payload is full, except the first, the last, and those for which a sender with nothing else to do would
    wait: they are ended once their first row has waited for the flush interval, and the next few after the
    first one with twice the bytes of the one before. Those matter where several loads share the processor.

    Args:
        rows: the source.
        encoder: how its rows are written.
        load_id: for messages.
        skip_rows: rows that are committed already.
        skip_digest, skip_format: what their digest must be, and in which row format they were written.
        limits: how large payloads become.
        flush_interval_s: how long a row waits for others if the sender has nothing else to do, in seconds.
        workers: threads that render.
        watches: count the seconds of rendering, compressing and of the digest.

    Attributes:
        ended: whether `take()` has given the last payload. It may learn so only when it is called once more.
    """

    def __init__(
        self,
        rows: Source,
        encoder: Encoder,
        *,
        load_id: str,
        skip_rows: int,
        skip_digest: str,
        skip_format: int | None,
        limits: LoadLimits,
        flush_interval_s: float,
        workers: int,
        watches: Watches,
        usual_raw_bytes: float = math.inf,
    ) -> None:
        self.ended = False
        self._rows = rows
        self._encoder = encoder
        self._load_id = load_id
        self._skip_rows = skip_rows
        self._skip_digest = skip_digest
        self._skip_format = skip_format
        self._limits = limits
        self._usual_raw_bytes = usual_raw_bytes
        self._flush_interval_s = flush_interval_s
        self._workers = workers
        self._changed = threading.Condition(threading.Lock())
        self._made: deque[_Made] = deque()
        self._begun = self._stopped = self._woken = False
        self._hungry = False  # the sender waits for a payload
        self._waiting: deque[tuple[int, float]] = deque()  # end rows not packed yet, and since when
        self._thread: threading.Thread | None = None
        self._watches = watches

    def __enter__(self) -> Payloads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._made.clear()
            self._changed.notify_all()
        if self._thread is not None:
            join_in_time([self._thread])
        pa.default_memory_pool().release_unused()  # the threads that had it have ended

    def take(self, timeout_s: float) -> Payload | None:
        """Return the next payload as soon as it is ready; for one thread.

        Args:
            timeout_s: how long to wait for it, in seconds.

        Returns:
            None if none is ready in time, after the last one (see `ended`), or once after `wake()`.

        Raises:
            BaseException: what the source raised, at its place.
            LoadMismatchError: the committed rows are other rows, or more than the source has.
            RowTooLargeError: a row alone is above a limit.
        """
        if not self._begun:
            self._begun = True
            self._begin()
        with self._changed:
            if not self._made and not self.ended:
                self._hungry = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._made or self._woken, min(timeout_s, FOR_EVER_S))
            woken, self._woken = self._woken, False
            return None if woken or not self._made else self._handed_out()

    def wake(self) -> None:
        """Let `take()` return None at once: the one that waits, else the next one. From any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _handed_out(self) -> Payload | None:
        made = self._made.popleft()
        self._changed.notify_all()
        self._hungry = False
        if isinstance(made, Payload):
            self.ended = bool(self._made) and self._made[0] is None
            return made
        self.ended = True
        if made is not None:
            raise made
        return None

    def _begin(self) -> None:
        """Make all payloads at once where that is little work, else start the threads."""
        alone, batches = single_batch(self._rows, numbered(self._rows))
        if alone is not None:
            self._make([self._encode(alone.batch, alone.first_row)])
            return
        self._thread = threading.Thread(
            target=self._make_ahead, args=(batches,), name="snowpipe-prepare", daemon=True
        )
        self._thread.start()

    def _make_ahead(self, batches: Iterator[Numbered]) -> None:
        try:
            with EncodedAhead(batches, self._encode, workers=self._workers, changed=self._changed) as ahead:
                self._make(self._pieces(ahead))
        except BaseException as error:  # noqa: BLE001  # no more threads, or a user's SystemExit: take() waits
            self._end(error)

    def _make(self, pieces: Iterable[EncodedRows | None]) -> None:
        """Pack, and queue the results: payloads, then the end or an error."""
        end: _Made = None
        packing, reading = (
            Stopwatch(),
            Stopwatch(),
        )  # reading happens during packing, and is not counted as packing
        try:
            payloads = pack(
                reading.over(iter(pieces)),
                max_raw_bytes=self._limits.max_raw_bytes,
                max_wire_bytes=self._limits.max_wire_bytes,
                first_raw_bytes=self._limits.first_raw_bytes,
                usual_raw_bytes=self._usual_raw_bytes,
                wanted=self._is_wanted,
                load_id=self._load_id,
                skip_rows=self._skip_rows,
                skip_digest=self._skip_digest,
                skip_format=self._skip_format,
            )
            for payload in packing.over(payloads):
                self._watches.compress_s = packing.seconds - reading.seconds
                self._put(payload)
        except Exception as error:  # noqa: BLE001  # raised by take(), whatever it is
            end = error
        self._end(end)

    def _end(self, end: _Made) -> None:
        with self._changed:
            self._made.append(end)
            self._changed.notify_all()

    def _put(self, payload: Payload) -> None:
        """Hand a payload over; it waits until there is room, except in the sender's own thread."""
        while self._waiting and self._waiting[0][0] <= self._rows.first_row + payload.end_row:
            self._waiting.popleft()
        with self._changed:
            if self._thread is not None:
                self._changed.wait_for(lambda: self._stopped or len(self._made) < READY_PAYLOADS)
            if not self._stopped:
                self._made.append(payload)
            self._changed.notify_all()

    def _pieces(self, ahead: EncodedAhead[EncodedRows]) -> Iterator[EncodedRows | None]:
        """Yield what is encoded, and None where the rows given so far are to be sent."""
        try:
            while True:
                with self._changed:
                    ahead.release()
                    while not (ahead.ready or self._stopped or self._flush_in_s() <= 0):
                        self._changed.wait(self._flush_in_s())
                    if self._stopped or ahead.over:
                        return
                    popped = ahead.pop() if ahead.ready else None
                if popped is not None and popped[0].end_row > self._rows.first_row + self._skip_rows:
                    self._waiting.append((popped[0].end_row, popped[1]))
                yield popped[0] if popped is not None else None
        except Exception as error:
            # What a user's iterator gave before it failed is good. What we refuse is fixed and sent again.
            if not isinstance(error, SnowpipeError):
                yield None
            raise

    def _is_wanted(self) -> bool:
        """Whether the sender has nothing to do until a payload is made."""
        with self._changed:
            return self._hungry and not self._made

    def _flush_in_s(self) -> float:
        """How long until waiting rows are to be sent, if nothing changes."""
        if not self._hungry or self._made or not self._waiting:
            return FOR_EVER_S
        return self._waiting[0][1] + self._flush_interval_s - time.monotonic()

    def _encode(self, batch: pa.RecordBatch, first_row: int) -> EncodedRows:
        """Encode, and give back what Arrow keeps of the memory that this thread has freed: 10 to 20 MB."""
        with self._watches.encoding.running():
            encoded = self._encoder.encode(batch, self._rows.first_row + first_row)
            pa.default_memory_pool().release_unused()
        return encoded
