"""Who may write to a channel: one at a time, and nobody else while a load has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..auth.single_flight import LISTEN_S
from ..errors import ClosedError, UsageError
from .caller import Caller


class Right:
    """The exclusive right to write, held by one load; `owner` names it in messages."""

    def __init__(self, owner: str) -> None:
        self.owner = owner


class Turns:
    """The turns of those who write to one channel handle.

    Args:
        name: the channel's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = threading.Lock()
        self._holder: Right | None = None
        self.closed = False

    @contextmanager
    def turn(self, right: Right | None, caller: Caller) -> Iterator[None]:
        """Write inside the block, alone; waits for the write that is under way.

        Raises:
            UsageError: somebody else holds the right to write, or this one is over.
            ClosedError: the channel was closed.
        """
        while not self._busy.acquire(timeout=LISTEN_S):
            caller.sleep(0)
            self._check(right)  # a load's write may take long, and others need not wait to be refused
        try:
            self._check(right)
            yield
        finally:
            self._busy.release()

    @contextmanager
    def held(self, owner: str, caller: Caller) -> Iterator[Right]:
        """Hold the exclusive right to write inside the block; waits for the write that is under way.

        Raises:
            UsageError: somebody else holds it.
            ClosedError: the channel was closed.
        """
        right = Right(owner)
        with self.turn(None, caller):
            self._holder = right
        try:
            yield right
        finally:
            self._holder = None

    def _check(self, right: Right | None) -> None:
        if self.closed:
            raise ClosedError(f"channel {self._name!r} is closed; open it again with client.open_channel()")
        holder = self._holder
        if holder is right:
            return
        if holder is None:
            raise UsageError(f"the session with channel {self._name!r} is over; begin another one")
        raise UsageError(
            f"channel {self._name!r} is busy with load {holder.owner!r}; wait for it, or open another channel"
        )
