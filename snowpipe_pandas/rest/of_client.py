"""What belongs to one client, a channel or a target, and what it exposes of that client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Protocol

from ..auth.tokens import Clock
from ..events import Hub, TokenLife
from .planes import Planes


class Door(Protocol):
    """The way to SQL."""

    def sql(self, text: str, *, params: Sequence[Any] | None = None, timeout_s: float = ...) -> Any:
        """Run one statement; its result is a DataFrame."""


class Owner(Door, Protocol):
    """What a client can do besides sending rows: run SQL, and name other targets."""

    def table(self, name: str) -> Any:
        """Return a table as a target."""

    def pipe(self, name: str) -> Any:
        """Return a pipe as a target."""


class OfClient:
    """An object of one client: its events, clock and tokens are those of the client."""

    _planes: Planes
    door: Owner

    _for_loads: ClassVar[frozenset[str]] = frozenset({"clock", "door", "identity", "polling"})
    """What only loads need."""

    def __dir__(self) -> list[str]:
        """List what users need, so that `channel.<TAB>` shows nothing that is for loads alone."""
        return sorted(set(super().__dir__()) - self._for_loads)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} belongs to one client and is not copied or pickled; make it where it "
            "is used"
        )

    @property
    def events(self) -> Hub:
        """What happens with the requests and tokens of its client."""
        return self._planes.events

    @property
    def clock(self) -> Clock:
        """The client's clock."""
        return self._planes.transport.clock

    @property
    def identity(self) -> tuple[str, str, str]:
        """Account, user and key fingerprint ("" without a key) of its client."""
        return self._planes.identity

    @property
    def tokens(self) -> dict[str, TokenLife]:
        """The lives of the client's tokens: "jwt" (or what is used in its place), "scoped" once exchanged."""
        return self._planes.tokens
