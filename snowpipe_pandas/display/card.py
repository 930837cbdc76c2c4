"""The card of a client: who it is, and how long its tokens still live, counted down while it is shown."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from ..events import ClientClosed, Event, Hub, TokenLife
from ..shown import visible
from . import panel, texts
from .rows import Row
from .ticker import Ticker
from .views import new_frame

TICK_S = 1.0


class Owner(Protocol):
    """What a card shows; `rest.client.Client` is one."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Account, user and key fingerprint."""

    @property
    def tokens(self) -> Mapping[str, TokenLife]:
        """The lives of its tokens by kind."""

    @property
    def events(self) -> Hub:
        """What happens to it."""

    @property
    def closed(self) -> bool:
        """Whether it can no longer be used."""


class Cards:
    """The cards of all clients that were shown: one each, wherever it is shown."""

    def __init__(self) -> None:
        self._cards: weakref.WeakKeyDictionary[Owner, ClientCard] = weakref.WeakKeyDictionary()

    def show(self, client: Owner) -> None:
        """Show a client in the cell that runs now."""
        card = self._cards.get(client)
        if card is None or card.over:
            card = self._cards[client] = ClientCard(client)
        card.show()


class ClientCard:
    """One client's card; it does not keep the client alive."""

    def __init__(self, client: Owner) -> None:
        self._client = weakref.ref(client)
        self._identity = client.identity
        self._lives: Mapping[str, TokenLife] = client.tokens
        self._seen = datetime.now(UTC)
        self._frame = new_frame(self._still)
        self._ticker: Ticker | None = None
        self._hearing = contextlib.ExitStack()
        self._hearing.enter_context(client.events.heard_by(self._hear))

    @property
    def over(self) -> bool:
        """Whether there is nothing left to count: the client or the widget was closed."""
        client = self._client()
        return client is None or client.closed or self._frame.closed

    def show(self) -> None:
        """Show the card in the cell that runs now."""
        self._frame.show(self._rows())
        if self._ticker is None:
            self._ticker = Ticker(self, interval_s=TICK_S)
            self._ticker.start()

    def draw(self) -> bool:
        """Show the present state; returns whether it may change."""
        self._frame.draw(self._rows())
        return not self.over

    def draw_last(self) -> None:
        """Leave the client's name, and its tokens' lives as they were last seen."""
        self._hearing.close()
        self._frame.settle()

    def _hear(self, event: Event) -> None:
        if isinstance(event, ClientClosed) and self._ticker is not None:
            self._ticker.finish()

    def _look(self) -> bool:
        """Record the tokens' lives; returns whether the client can still be used."""
        client = self._client()
        if client is None or client.closed:
            return False
        self._lives, self._seen = client.tokens, datetime.now(UTC)
        return True

    def _rows(self) -> list[Row]:
        state = "" if self._look() else "closed"
        return [Row(panel.client(*self._identity, self._lives, state))]

    def _still(self) -> tuple[str, str]:
        account, user = map(visible, self._identity[:2])
        closed = "" if self._look() else "closed, "
        state = f"{closed}as of {self._seen:%Y-%m-%d %H:%M} UTC"
        text = f"client of {account} as {user}, {closed}{texts.tokens(self._lives)}"
        return text, panel.client(*self._identity, self._lives, state)
