"""What every partition of a load must know: small, picklable, and without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, fields
from typing import Any

import xxhash

from ..arguments import refuse, whole
from ..config.references import refuse_to_travel, resolved, travelling
from ..errors import ConfigError, UsageError
from ..offset_tokens import PartOf
from ..rest.client import Client, connect
from ..rest.target import Target
from ..rows.encode.encoder import Encoder
from ..rows.sources.source import Source
from ..streaming.opened import encoder_of, source_of
from ..streaming.options import LoadOptions
from ..streaming.parts import MAX_PARTITIONS

_OPTIONS = frozenset(field.name for field in fields(LoadOptions))
_POLICIES = frozenset({"retry", "timeouts", "allow_ingest_hosts"})
_NOT_HERE = {
    "after": "each load in partitions has channels of its own",
    "channels": "each partition has one",
    "drop_when_done": "the channels of partitions are dropped once all are in the table",
    "delivery": "a partition that runs again must find what it has sent",
    "wait": "a partition is done once its rows are committed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """What every partition of a load must know; made by `LoadSpec.of` on the driver, and sent to workers.

    Attributes:
        target: `DATABASE.SCHEMA.NAME` of the table or pipe.
        is_pipe: whether it is a pipe.
        parts: how many partitions the load has.
        schema: digest of the rows' names and types.
        options: how partitions are read and delivered; they have the `load_id`.
        account, user: who loads; a worker whose settings lead to another account is refused.
        connection: the arguments of `connect()`, with references in place of secrets.
    """

    target: str
    is_pipe: bool
    parts: int
    schema: str
    options: LoadOptions
    account: str
    user: str
    connection: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(
        cls,
        like: Any,
        table: str | None = None,
        *,
        pipe: str | None = None,
        load_id: str,
        parts: int,
        max_channels: int = MAX_PARTITIONS,
        **given: Any,
    ) -> LoadSpec:
        """Make the spec of a load; no request is made.

        Args:
            like: anything `stream()` takes that has the columns of the load, such as an empty frame.
            table: the target, `DATABASE.SCHEMA.TABLE`.
            pipe: or a pipe of your own, `DATABASE.SCHEMA.PIPE`.
            load_id: names the load: the same call finds what is committed and goes on.
            parts: how many partitions the engine has.
            max_channels: most channels that the load may open; a pipe has 2,000 for all loads together.
            given: options of `stream()` (`on_error`, `columns`, `limits`, ...), and arguments of `connect()`
                (`profile`, `connection_name`, `account`, ...), as they hold on the workers. Secrets
                (`private_key`, `private_key_passphrase`, `token`) are references: "file:/path", "env:NAME" or
                "py:module:function".

        Raises:
            ConfigError: the settings can't be used here, or hold the text of a secret.
            UsageError: an argument can't be used, or there are more partitions than `max_channels`.
            DataError: `like` has columns that can't be sent.

        >>> spec = LoadSpec.of(frame, "DEMO.PUBLIC.FLIGHTS", load_id="2013", parts=8, profile="profile.json")
        """
        # Bound again before anything can raise: a traceback may show the variables of this frame.
        given = without_secrets(given)
        options = {name: value for name, value in given.items() if name in _OPTIONS}
        connection = {name: value for name, value in given.items() if name not in _OPTIONS}
        refuse_to_travel({name: value for name, value in connection.items() if name not in _POLICIES})
        for name in options.keys() & _NOT_HERE.keys():
            raise UsageError(f"{name}= does not go with a load in partitions: {_NOT_HERE[name]}")
        if load_id is None:
            refuse("load_id", load_id, 'a name for the load, such as load_id="flights-2013"')
        parts, checked = _few_enough(parts, max_channels), LoadOptions(load_id=load_id, **options)
        with connect(**resolved(connection)) as client:
            account, user, _ = client.identity
            named = _target(client, table, pipe).name
        with closing(source_of(like, checked)) as opened:
            schema = _digest(opened, checked)
        return cls(
            target=str(named.table or named.pipe),
            is_pipe=table is None,
            parts=parts,
            schema=schema,
            options=checked,
            account=account,
            user=user,
            connection=connection,
        )

    @property
    def load_id(self) -> str:
        """The load's name."""
        return self.options.load_id or ""

    @property
    def place(self) -> str:
        """Where the rows go, as results and views have it."""
        return f"pipe {self.target}" if self.is_pipe else self.target

    def part(self, number: int) -> PartOf:
        """Return which part of the load a partition is."""
        return PartOf(number, self.parts, None)

    def connect(self) -> Client:
        """Connect by the settings of this machine.

        Raises:
            ConfigError: they lead nowhere, or to another account or user than the driver's.
        """
        client = connect(**resolved(self.connection))
        account, user, _ = client.identity
        if (account, user) != (self.account, self.user):
            client.close()
            raise ConfigError(
                f"the settings on this machine lead to account {account!r} and user {user!r}, the load is of "
                f"{self.account!r} and {self.user!r}: give all workers the same profile and variables",
                setting="account",
            )
        return client

    def at(self, client: Client) -> Target:
        """Return the target."""
        table, pipe = (None, self.target) if self.is_pipe else (self.target, None)
        return _target(client, table, pipe)

    def source(self, data: Any) -> Source:
        """Open data as the load's options say."""
        return source_of(data, self.options)

    def encoder(self) -> Encoder:
        """Return the encoder of the rows."""
        return encoder_of(self.options)


def without_secrets(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a load was given, with each text hidden that may be secret; `LoadSpec.of` refuses those."""
    known = _OPTIONS | _POLICIES
    return {**given, **travelling({name: value for name, value in given.items() if name not in known})}


def _target(client: Client, table: str | None, pipe: str | None) -> Target:
    if table is not None and pipe is None:
        return client.table(table)
    if pipe is not None and table is None:
        return client.pipe(pipe)
    raise UsageError("give either a table or pipe=, such as 'DEMO.PUBLIC.FLIGHTS'")


def _few_enough(parts: Any, max_channels: Any) -> int:
    most = whole("max_channels", max_channels, low=1, high=9999, example="max_channels=2000")
    number = whole("parts", parts, low=1, example="parts=8")
    if number > most:
        raise UsageError(
            f"{number:,} partitions are more than max_channels={most:,}, and each has a channel of its own; "
            f"make fewer and larger ones first, in Dask with ddf.repartition(npartitions={most})"
        )
    return number


def _digest(source: Source, options: LoadOptions) -> str:
    """Return a digest that differs where rows of the same data would be written differently."""
    columns = [f"{column.name}\0{column.type}" for column in source.schema]
    return xxhash.xxh3_64_hexdigest("\n".join([*columns, options.nulls, options.binary_format]).encode())
