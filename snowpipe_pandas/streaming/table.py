"""What a load needs of its table by SQL; `api` hands it in, since a load knows no client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..names import ObjectName
from ..target_column import TargetColumn


class Facts(Protocol):
    """What is known of a table."""

    @property
    def comment(self) -> str:
        """Its comment, "" for none."""

    @property
    def evolves(self) -> bool | None:
        """Whether it has ENABLE_SCHEMA_EVOLUTION, None where that is not reported."""

    @property
    def kind(self) -> str:
        """What kind of table it is, in the service's word."""


class Table(Protocol):
    """A table; every method raises SnowpipeError where its statement fails."""

    name: ObjectName

    def columns(self) -> Sequence[TargetColumn]:
        """Return its columns in order."""

    def facts(self) -> Facts | None:
        """Return what it is, None if it is not there or the role may not see it."""

    def make(self, ddl: str) -> None:
        """Make it if it is missing; one that is there stays as it is."""

    def make_like(self, other: ObjectName, *, comment: str, transient: bool) -> None:
        """Make it with the columns, defaults and grants of another table, and none of its rows."""

    def set_comment(self, comment: str) -> None:
        """Set its comment."""

    def keep_rejected(self, *, evolves: bool) -> None:
        """Make it keep rejected rows in its error table, and evolve if `evolves`."""

    def count(self) -> int:
        """Count its rows; this needs a warehouse."""

    def swap_with(self, other: ObjectName) -> None:
        """Swap the names of the two tables, in one transaction."""

    def drop(self) -> None:
        """Drop it, if it is there."""
