"""A column of the target table, as an open's answer or DESCRIBE TABLE reports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column of the target table.

    Attributes:
        name: its name.
        type: its Snowflake type, with parameters.
        nullable: whether it takes null.
        has_default: whether it has a DEFAULT, which rows without its key get.
        earliest, latest: the range of times that it holds, as ISO 8601, where the server has its own limits.
    """

    name: str
    type: str
    nullable: bool
    has_default: bool = False
    earliest: str | None = None
    latest: str | None = None
