"""The elastic channel of a pipe: rows in no order, several requests at once, durable once answered.

It is not opened and has no tokens, so it is unknown what an earlier try has done: a request that is tried
again after an answer was lost may put its rows into the table twice. The trail of an append shows this.
"""

from __future__ import annotations

from ..names import ObjectName, TargetName
from ..shown import visible
from ..target_column import TargetColumn
from . import paths
from .answers import Answer, Refusal
from .caller import Caller
from .of_client import OfClient, Owner
from .planes import Planes
from .policy import PollPolicy
from .status import ChannelStatus, fetch_statuses
from .trail import Trail
from .writer import content_headers

ELASTIC = "ELASTIC"


class ElasticChannel(OfClient):
    """The one elastic channel of a pipe; safe to use from several threads at once.

    Made by `Target.elastic`.

    Attributes:
        name: "ELASTIC".
        target: where the rows go.
        polling: how patiently its status is watched.
        target_columns: always empty: only an open reports columns, and nothing is opened.
    """

    _for_loads = OfClient._for_loads | {"append"}

    name = ELASTIC
    target_columns: tuple[TargetColumn, ...] = ()

    def __init__(
        self, planes: Planes, target: TargetName, *, door: Owner, polling: PollPolicy = PollPolicy()
    ) -> None:
        self.target = target
        self.door = door
        self.polling = polling
        self._planes = planes
        self._caller = Caller(self.clock, self.events, channel=ELASTIC, target=str(target))

    def __repr__(self) -> str:
        return visible(f"<ElasticChannel -> {self.target}>")

    @property
    def pipe(self) -> ObjectName:
        """The pipe that it belongs to."""
        return self.target.pipe

    def append(self, body: bytes | memoryview, *, raw_bytes: int, caller: Caller, trail: Trail) -> None:
        """Append rows: newline-delimited JSON, compressed with zstd. On return they are durable.

        Each row is in the table then, or rejected; the service does not say how many it rejected.

        Args:
            body: what is sent, at most 4 MB; it is not copied.
            raw_bytes: size before compression.
            caller: on whose behalf it is sent.
            trail: records the outcome of each try. If tries are in doubt when this returns, the rows may
                be in the table more than once; if some are when this raises, the rows may be in the table.

        Raises:
            PayloadTooLargeError: the service takes only smaller requests.
            NotFoundError: no such pipe or table, or no grant on it.
            ServiceError: the service refused the rows, or its answers can't be understood.
            TransportError: no answer within the retry budget.

        >>> channel.append(body, raw_bytes=9, caller=caller, trail=trail)
        >>> trail.tries, trail.in_doubt
        (1, 0)
        """
        action = f"append to the elastic channel of {self.target}"
        answer = self._planes.ingest(
            "POST",
            paths.rows(self.pipe, ELASTIC),
            action=action,
            body=body,
            headers=content_headers(raw_bytes, "zstd"),
            caller=caller,
            judge=_judged,
            trail=trail,
        )
        if answer.refusal is not Refusal.NONE:
            raise answer.error(action, channel=ELASTIC)
        if not _is_durable(answer):
            raise answer.unreadable(action, "it does not say that the rows were taken")

    def status(self, caller: Caller | None = None) -> ChannelStatus | None:
        """Fetch the channel's status now; None where the service does not list it.

        Its counters are those of all writers of the pipe since it was created, and may lag behind the answers
        to appends. Alone they prove nothing about one writer's rows.
        """
        return fetch_statuses(self._planes, self.pipe, [ELASTIC], caller or self._caller).get(ELASTIC)


def _judged(answer: Answer) -> Refusal:
    """Judge an answer: there is nothing to reopen, and a success must say that it is one."""
    if answer.refusal is Refusal.REOPEN:
        return Refusal.TRANSIENT
    if answer.refusal is Refusal.NONE and not _is_durable(answer):
        return Refusal.ODD
    return answer.refusal


def _is_durable(answer: Answer) -> bool:
    """Whether a 2xx is the service's own: in the documented words, or with the key that the SDK wants."""
    return answer.field("message") == "OK" or isinstance(answer.field("next_continuation_token"), str)
