"""Where rows go, as callers name it: an open channel, a table or pipe of a client, or a table's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from ..arguments import instance, is_a, plain_text, refuse, texts_by_text
from ..errors import SnowpipeError, UsageError
from ..names import TargetName
from ..rest.channel import Channel
from ..rest.client import Client
from ..rest.elastic import ElasticChannel
from ..rest.target import Target
from ..rows.target_types import parse_type
from ..shown import shown
from ..sql.table import Table
from ..target_column import TargetColumn

WANTED = (
    'a table, such as client.table("DEMO.PUBLIC.FLIGHTS"), or an open channel, such as '
    'client.open_channel("notebook-1", table="DEMO.PUBLIC.FLIGHTS")'
)


AnyTarget: TypeAlias = Channel | ElasticChannel | Target


def resolved(target: Any, client: Any) -> AnyTarget:
    """Return the channel or target that a caller means.

    Raises:
        UsageError: it is not a target, or a name without a client.
        ConfigError: the name can't be one.
    """
    if client is not None:
        wanted = "what sp.connect() returns"
        client = instance("client", client, Client, wanted=wanted, secret=True)
    found: AnyTarget | None = target if _is_target(target) else None
    if found is not None:
        if client is not None:
            raise UsageError("client= goes with the name of a table; this target has a client already")
        return found
    name = plain_text(target)
    if name is None:
        refuse("target", target, WANTED)
    if client is None:
        raise UsageError(
            f"target={shown(name)} is a name, and needs a client that knows its account: pass client=client "
            f"too, or client.table({name!r})"
        )
    made: Target = client.table(name)
    return made


def name_of(target: AnyTarget) -> TargetName:
    """Return the name of the table or pipe that a target is."""
    return target.name if isinstance(target, Target) else target.target


def columns_of(target: Any, client: Any) -> Sequence[TargetColumn]:
    """Return the columns with which `check()` compares rows.

    They are read by SQL, since those that an open reported may have changed. Where SQL says the same, the
    open's answer is used: it says more about them.

    Raises:
        UsageError: it is neither a target nor a mapping, or a pipe whose columns are unknown.
        SnowpipeError: the columns can't be read.
    """
    if not _is_target(target) and plain_text(target) is None:
        wanted = f'{WANTED}, or types of columns by name, such as {{"CARRIER": "VARCHAR"}}'
        types = texts_by_text("target", target, wanted=wanted)
        for kind in types.values():
            parse_type(kind)
        return [TargetColumn(name, kind, nullable=True) for name, kind in types.items()]
    known = resolved(target, client)
    reported = () if isinstance(known, Target) else known.target_columns
    name = name_of(known).table
    if name is None:
        if reported:
            return reported
        raise UsageError(
            f"it is unknown which columns {name_of(known)} fills; check against its table instead"
        )
    try:
        described = Table(known.door, name).columns()
    except SnowpipeError:
        if reported:
            return reported
        raise
    return reported if _core(reported) == _core(described) else described


def _core(columns: Sequence[TargetColumn]) -> list[tuple[str, str, bool, bool]]:
    """Return what both SQL and an open report of columns."""
    return [(column.name, column.type, column.nullable, column.has_default) for column in columns]


def _is_target(target: Any) -> bool:
    return is_a(target, Channel) or is_a(target, ElasticChannel) or is_a(target, Target)
