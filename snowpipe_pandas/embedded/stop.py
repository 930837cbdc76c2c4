"""Stops a statement that runs in another thread, by interrupting the engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ..errors import UsageError


class Stop:
    """A request to end one statement; it may come before, while or after the engine runs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self.wanted = False

    def want(self) -> None:
        """Stop the statement. The engine forgets what comes a moment early: say it until it ends."""
        with self._lock:
            self.wanted = True
            if self._cursor is not None:
                self._cursor.interrupt()

    @contextmanager
    def watching(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let what this cursor does inside the block be stopped.

        Raises:
            UsageError: the statement was to stop before it began.
        """
        with self._lock:
            if self.wanted:
                raise UsageError("the statement was stopped")
            self._cursor = cursor
        try:
            yield
        finally:
            with self._lock:
                self._cursor = None
