"""Staged replacement: a load fills a table of its own, which then swaps names with the old one.

The comment of a table says what it is for, and goes with it through the swap. So a call that is repeated
knows where it was interrupted, whatever the service does with channels meanwhile.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

from ..errors import LoadMismatchError, ReplaceTableError, SnowpipeError, SqlUnknownError
from ..names import ObjectName
from ..shown import counted
from .parts import channel_of
from .result import StreamResult
from .table import Facts, Table
from .timings import Timings

_log = logging.getLogger("snowpipe_pandas.loads")
_MARK = re.compile(r" ?\[snowpipe-pandas load (\S+): (?:not complete|(\d+) rows, (\d+) rejected)\]")
LONGEST_NAME = 230
"""Characters of the table's name in the staging table's, which has at most 255."""


def staging_name(table: ObjectName, load_id: str) -> ObjectName:
    """Return the name of the table that a load fills; it follows from both, so that a later call finds it.

    >>> staging_name(ObjectName("DEMO", "PUBLIC", "T"), "2013").name
    'T__LOAD_3A3ED97F4B1C'
    """
    digest = sha256(load_id.encode()).hexdigest()[:12].upper()
    return replace(table, name=f"{table.name[:LONGEST_NAME]}__LOAD_{digest}")


@dataclass(frozen=True, slots=True)
class StageMark:
    """What a table's comment says of a load: None for the rows while the load is not complete."""

    load_id: str
    rows: int | None = None
    rejected: int = 0

    def __str__(self) -> str:
        state = "not complete" if self.rows is None else f"{self.rows} rows, {self.rejected} rejected"
        return f"[snowpipe-pandas load {self.load_id}: {state}]"

    def of_comment(self, comment: str) -> str:
        """Return a table's comment with this mark, and without any other."""
        return f"{_MARK.sub('', comment)} {self}".strip()


def read_mark(facts: Facts) -> StageMark | None:
    """Return what a table's comment says, None if it says nothing of a load."""
    found = _MARK.search(facts.comment)
    if found is None:
        return None
    rows = None if found[2] is None else int(found[2])
    return StageMark(found[1], rows, int(found[3] or 0))


class Replacement:
    """One load's replacement of a table.

    Args:
        table: the table that is to be replaced.
        staging: the table that the load fills (`staging_name`).
        load_id: the load.
    """

    def __init__(self, table: Table, staging: Table, load_id: str) -> None:
        self._table = table
        self._staging = staging
        self._load_id = load_id

    def begin(self, rows_total: int | None) -> StreamResult | None:
        """Make the staging table, or find it; where the load has replaced the table, return its result.

        Args:
            rows_total: rows of the source, None where that is not known.

        Raises:
            ReplaceTableError: the table does not exist, or another has the name of the staging table.
            LoadMismatchError: the load has replaced the table, with another number of rows.
            SnowpipeError: a statement failed.
        """
        old, staged = self._table.facts(), self._staging.facts()
        if old is None:
            raise self._error("it is not there, or the role may not see it; create=True makes it")
        mark = read_mark(old)
        if mark is not None and mark.load_id == self._load_id and mark.rows is not None:
            return self._found_done(mark, rows_total)
        if staged is None:
            self._make_staging(old)
        elif not self._is_mine(staged):
            raise self._error(
                f"the table {self._staging.name} is in the way, and is not what this load has made. Where "
                "this load has replaced the table, and another has done so since, it is the older one: drop "
                "it, or give the load another load_id",
                goes_on=False,
            )
        self._staging.count()  # without a warehouse it can't be counted: reported before the load
        return None

    def finish(self, result: StreamResult) -> StreamResult:
        """Count the staged rows, put them in the table's place, and drop the old table.

        Raises:
            ReplaceTableError: they did not; the table is as it was, unless the message says otherwise.
        """
        with self._saying_what_holds():
            self._audit(result)
            self._swap()
        self._drop_old()
        try:
            replaced = self._is_replaced()  # once the old table is dropped, no other call can swap it back
        except SnowpipeError as error:
            raise self._unknown(error) from error
        if not replaced:
            raise self._error(
                "another load has replaced the table since, or another call of this load has swapped the two "
                "tables back; the table's comment names the load whose rows it has",
                goes_on=False,
            )
        return replace(result, target=str(self._table.name))

    def _found_done(self, mark: StageMark, rows_total: int | None) -> StreamResult:
        rows, rejected = mark.rows or 0, mark.rejected
        if rows_total is not None and rows_total != rows + rejected:
            raise LoadMismatchError(
                f"load {self._load_id!r} has replaced {self._table.name} by "
                f"{counted(rows + rejected, 'row')}, and this call has {rows_total:,}; nothing was sent; use "
                "another load_id for other data",
                load_id=self._load_id,
            )
        self._drop_old()
        return StreamResult(
            rows_in_table=rows,
            rows_rejected=rejected,
            rows_acknowledged=rows + rejected,
            rows_skipped=rows + rejected,
            seconds=0.0,
            timings=Timings(),
            committed=True,
            offset_token=None,
            target=str(self._table.name),
            load_id=self._load_id,
            channel=channel_of(self._load_id, 1),
        )

    def _make_staging(self, old: Facts) -> None:
        """Make the staging table; its comment is set with it, so that it is known from its first moment."""
        comment = StageMark(self._load_id).of_comment(old.comment)
        self._staging.make_like(self._table.name, comment=comment, transient=old.kind == "TRANSIENT")
        self._staging.keep_rejected(evolves=old.evolves is True)

    def _audit(self, result: StreamResult) -> None:
        """Count what is staged, and say in its comment that it is complete.

        Raises:
            ReplaceTableError: it is not what the load has put there.
        """
        staged = self._staging.facts()
        if staged is None or not self._is_mine(staged):
            raise self._error(
                f"{self._staging.name} is not what this load has made: another call of it is at work",
                goes_on=False,
            )
        found = self._staging.count()
        if found != result.rows_in_table:
            raise self._error(
                f"{self._staging.name} has {counted(found, 'row')}, and the load has put "
                f"{result.rows_in_table:,} there; drop it and load again",
                goes_on=False,
            )
        mark = StageMark(self._load_id, found, result.rows_rejected)
        self._staging.set_comment(mark.of_comment(staged.comment))

    def _swap(self) -> None:
        """Swap the two tables, once; after a lost answer, read whether they are swapped.

        Raises:
            ReplaceTableError: another call of this load has done it, or it is unknown whether it is done.
        """
        if self._is_replaced():
            raise self._error("another call of this load has just replaced it", goes_on=True)
        try:
            self._table.swap_with(self._staging.name)
        except SnowpipeError as error:
            try:
                done = self._is_replaced()
            except SnowpipeError:
                done = False
            if not done and isinstance(error, SqlUnknownError):
                raise self._unknown(error) from error
            if not done:
                raise

    def _drop_old(self) -> None:
        """Drop the old table, which has the staging table's name now, and never what this load has made."""
        try:
            staged = self._staging.facts()
            if staged is None:
                return
            if self._is_mine(staged):
                raise self._error(f"{self._staging.name} says that it holds this load's rows")
            self._staging.drop()
        except SnowpipeError as error:
            _log.warning(
                "load %r has replaced %s, but the old table %s could not be dropped: %s",
                self._load_id,
                self._table.name,
                self._staging.name,
                error,
            )

    def _is_mine(self, facts: Facts) -> bool:
        mark = read_mark(facts)
        return mark is not None and mark.load_id == self._load_id

    def _is_replaced(self) -> bool:
        facts = self._table.facts()
        return facts is not None and self._is_mine(facts)

    @contextmanager
    def _saying_what_holds(self) -> Iterator[None]:
        """Make whatever ends the last steps say where the rows are."""
        staged = (
            f"all rows of load {self._load_id!r} are in {self._staging.name}, and the same call goes on there"
        )
        try:
            yield
        except ReplaceTableError:
            raise
        except SnowpipeError as error:
            raise self._error(f"{error}. It is as it was; {staged}") from error
        except BaseException as error:
            error.add_note(staged)
            raise

    def _unknown(self, error: SnowpipeError) -> ReplaceTableError:
        return ReplaceTableError(
            f"it is unknown whether load {self._load_id!r} has replaced {self._table.name}: {error}. The "
            "same call finds out, and goes on",
            table=str(self._table.name),
            staged_in=str(self._staging.name),
        )

    def _error(self, why: str, *, goes_on: bool = True) -> ReplaceTableError:
        error = ReplaceTableError(
            f"load {self._load_id!r} has not replaced {self._table.name}: {why}",
            table=str(self._table.name),
            staged_in=str(self._staging.name),
        )
        error.goes_on = goes_on
        return error
