"""Errors of loads whose rows did not all become durable, or that could not create or replace a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..aftercare import OfRejectedRows
from ..load_facts import RejectedRow
from ..shown import visible
from .root import SnowpipeError, restored


class CreateTableError(SnowpipeError):
    """A table that may be missing can't be created by SQL; `ddl` is the statement that creates it.

    As text, the statement is on separate lines, to be copied.
    """

    def __init__(self, message: str, *, table: str, ddl: str) -> None:
        super().__init__(message)
        self.table = table
        self.ddl = ddl

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *map(visible, self.ddl.splitlines())])


class ReplaceTableError(SnowpipeError):
    """A load has not replaced the table; those of its rows that were sent are in the table `staged_in`."""

    def __init__(self, message: str, *, table: str, staged_in: str) -> None:
        super().__init__(message)
        self.table = table
        self.staged_in = staged_in


class DeliveryError(SnowpipeError):
    """The rows did not all become durable."""


class CommitTimeoutError(DeliveryError):
    """Rows were acknowledged, but not committed within the time given."""

    def __init__(self, message: str, *, acknowledged: str | None, committed: str | None) -> None:
        super().__init__(message)
        self.acknowledged = acknowledged
        self.committed = committed


class RowsRejectedError(OfRejectedRows, DeliveryError):
    """The service accepted the requests and skipped some of their rows.

    Attributes:
        rows_rejected: how many rows of this load.
        last_message: the service's reason for the last one.
        first_row: they lie at or after this row of the source ...
        end_row: ... and before this one.
        offset_upper_bound: the service's own bound, the offset token of the request that held the last one.
        first_rejected: the first of them, five at most, where the table's error table could be read.
    """

    goes_on = False
    first_rejected: tuple[RejectedRow, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        rows_rejected: int,
        last_message: str | None,
        first_row: int,
        end_row: int,
        offset_upper_bound: str | None,
    ) -> None:
        super().__init__(message)
        self.rows_rejected = rows_rejected
        self.last_message = last_message
        self.first_row = first_row
        self.end_row = end_row
        self.offset_upper_bound = offset_upper_bound

    def __reduce__(self) -> tuple[Any, ...]:
        facts = {name: fact for name, fact in self.__dict__.items() if name != "_aftercare"}
        return restored, (type(self), self.args, facts)


class AuditError(DeliveryError):
    """The offset token says that all rows are committed, the channel's counters say otherwise."""

    goes_on = False

    def __init__(self, message: str, *, sent: int, inserted: int, rejected: int) -> None:
        super().__init__(message)
        self.sent = sent
        self.inserted = inserted
        self.rejected = rejected


class TableDiffersError(DeliveryError):
    """The table was compared with the source of a load, and differs from it.

    Attributes:
        different: the measures that differ, as `sp.verify()` returns them; empty if nothing was compared.
    """

    goes_on = False

    def __init__(self, message: str, *, different: Sequence[Any]) -> None:
        super().__init__(message)
        self.different = tuple(different)


class LoadCancelledError(DeliveryError):
    """The load was cancelled; what was committed stays, and the same call goes on from there."""


class LoadIncompleteError(DeliveryError):
    """Some partitions of a load are not in the table; what is committed stays.

    Attributes:
        receipts: results of the partitions that are, by their numbers, from 1 on.
        failures: what the others raised; a partition in neither has not reported.
        again: the line to run again.
    """

    def __init__(
        self, message: str, *, receipts: Mapping[int, Any], failures: Mapping[int, BaseException], again: str
    ) -> None:
        super().__init__(message)
        self.receipts, self.failures, self.again = dict(receipts), dict(failures), again
