"""Where rows go, as callers name it: an open channel, a table or pipe of a client, or a table's name."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..arguments import instance, is_a, plain_text, refuse
from ..errors import UsageError
from ..rest.channel import Channel
from ..rest.client import Client
from ..rest.elastic import ElasticChannel
from ..rest.target import Target
from ..shown import shown

WANTED = (
    'a table, such as client.table("DEMO.PUBLIC.FLIGHTS"), or an open channel, such as '
    'client.open_channel("notebook-1", table="DEMO.PUBLIC.FLIGHTS")'
)


AnyTarget: TypeAlias = Channel | ElasticChannel | Target


def resolved(target: Any, client: Any) -> AnyTarget:
    """Return the channel or target that a caller means.

    Raises:
        UsageError: it is none, or a name without a client.
        ConfigError: the name can't be one.
    """
    if client is not None:
        wanted = "what sp.connect() returns"
        client = instance("client", client, Client, wanted=wanted, secret=True)
    found: AnyTarget | None = None
    if is_a(target, Channel) or is_a(target, ElasticChannel) or is_a(target, Target):
        found = target
    if found is not None:
        if client is not None:
            raise UsageError("client= goes with the name of a table; this target has a client already")
        return found
    name = plain_text(target)
    if name is None:
        refuse("target", target, WANTED)
    if client is None:
        raise UsageError(
            f"target={shown(name)} is a name, and whose table it is, is told by a client: pass client=client "
            f"too, or client.table({name!r})"
        )
    made: Target = client.table(name)
    return made
