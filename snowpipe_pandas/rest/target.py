"""A table or a pipe as the target of loads: opens channels there, and requests their states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arguments import plain_text
from ..errors import UsageError
from ..names import ObjectName, TargetName
from ..shown import shown, visible
from .caller import Caller
from .channel import Channel
from .elastic import ElasticChannel
from .known_loads import KnownLoad, ListedChannel, known_loads
from .of_client import OfClient, Owner
from .planes import Planes
from .policy import PollPolicy
from .status import ChannelStatus, fetch_statuses


class Target(OfClient):
    """Where loads go; made by `Client.table` and `Client.pipe`, without a request.

    A load opens channels of its own here, named after itself, so that a later call finds them.

    Attributes:
        name: the table, or the pipe that was named.
        door: the client, as far as it runs SQL.
        create: whether loads make the table if it is missing.

    >>> flights = client.table("DEMO.PUBLIC.FLIGHTS")
    >>> df.snowpipe.stream(flights, load_id="2013-01")
    """

    _for_loads = OfClient._for_loads | {"beside", "statuses"}

    def __init__(
        self,
        planes: Planes,
        name: TargetName,
        caller: Caller,
        *,
        polling: PollPolicy,
        door: Owner,
        list_channels: Callable[[TargetName], list[ListedChannel]],
        create: bool = False,
    ) -> None:
        self.name = name
        self.create = create
        self._planes = planes
        self._caller = caller
        self._polling = polling
        self.door = door
        self._list_channels = list_channels

    def __repr__(self) -> str:
        return visible(f"<Target {self.name}>")

    def open_channel(
        self, name: str, *, offset_token: str | None = None, opened_by: Caller | None = None
    ) -> Channel:
        """Open a channel, as `Client.open_channel` does; `opened_by` waits for that, and reports retries."""
        return Channel(
            self._planes,
            channel_name("name", name),
            self.name,
            door=self.door,
            offset_token=offset_token,
            polling=self._polling,
            opened_by=opened_by,
        )

    def beside(self, table: ObjectName) -> Target:
        """Return another table as a target of the same client; no request is made."""
        return Target(
            self._planes,
            TargetName.of_table(table),
            self._caller,
            polling=self._polling,
            door=self.door,
            list_channels=self._list_channels,
        )

    def elastic(self) -> ElasticChannel:
        """Return the elastic channel, for loads without order whose rows may come twice; no request is made.

        >>> df.snowpipe.stream(client.table("DEMO.PUBLIC.FLIGHTS").elastic())
        """
        return ElasticChannel(self._planes, self.name, door=self.door, polling=self._polling)

    def loads(self) -> list[KnownLoad]:
        """List the loads whose channels the service knows, the latest last; by SQL, without a warehouse.

        The service forgets a load that was not used for 30 days, one whose channels were dropped, and all
        loads of a table that was recreated. Loads through channels that somebody named are listed too.

        Raises:
            SqlError: no grant on the table or pipe, or the SQL API can't be reached.

        >>> for load in client.table("DEMO.PUBLIC.FLIGHTS").loads():
        ...     print(load)
        """
        return known_loads(self._list_channels(self.name))

    def statuses(self, names: Sequence[str], asked_by: Caller | None = None) -> dict[str, ChannelStatus]:
        """Fetch the states of several channels; unknown ones have no entry."""
        return fetch_statuses(self._planes, self.name.pipe, list(names), asked_by or self._caller)


def channel_name(argument: str, name: Any) -> str:
    """Return a channel's name.

    Raises:
        UsageError: it is not a text, or consists of dots, which URLs do not carry.
    """
    plain = plain_text(name)
    if plain is None or plain.strip(".") == "":
        raise UsageError(
            f"{argument}={shown(name)} can't name a channel: give a text with letters or digits, without NUL "
            'and lone surrogates, such as "notebook-1"'
        )
    return plain
