"""Before the first row is sent: makes the table if that is wanted, and finds what it surely rejects."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pyarrow as pa

from ..errors import ColumnMismatchError, CreateTableError, SnowpipeError, UnknownColumnError
from ..rest.seen_columns import SeenColumns
from ..rows.schema_check import Problem, settled_problems
from ..rows.sources.source import Source
from ..rows.types import create_table_ddl
from ..target_column import TargetColumn
from .options import LoadOptions
from .table import Table

_log = logging.getLogger("snowpipe_pandas.loads")


class Preflight:
    """What is found out for one load before it sends anything.

    Args:
        target: names the target in messages.
        table: the table by SQL, None if it is unknown which table a pipe fills.
        options: of the load.
    """

    def __init__(self, target: object, table: Table | None, options: LoadOptions) -> None:
        self._target = str(target)
        self._table = table
        self._create = options.create
        self._evolve = options.on_new_columns == "evolve"
        self._counts_rejected = options.on_error == "report"
        self._described: Sequence[TargetColumn] = ()

    def make_table(self, schema: pa.Schema) -> None:
        """Make the table for rows of this schema, if that is wanted and it is missing; never change one.

        It is looked up first: a role that may not make tables can still load into one.

        Raises:
            CreateTableError: it may be missing, and can't be made by SQL.
        """
        if not self._create or self._table is None or self._describe():
            return
        ddl = create_table_ddl(schema, self._target, error_logging=True)
        try:
            self._table.make(ddl)
        except SnowpipeError as error:
            raise CreateTableError(
                f"create=True can't make {self._target} by SQL: {error}. Run this statement where it may be "
                f"run, then load again; or leave create=True out if the table is there:",
                table=self._target,
                ddl=ddl,
            ) from error
        _log.info("table %s was made, unless another has made it meanwhile", self._target)

    def check(
        self, rows: Source, reported: Sequence[TargetColumn] = (), seen: SeenColumns | None = None
    ) -> None:
        """Refuse rows which the target surely rejects; where its columns can't be known, nothing is refused.

        Args:
            rows: the source.
            reported: the target's columns, as the channel's open reported them; they may have changed since.
            seen: the columns that recent loads on this channel have seen; this load updates it.

        Raises:
            UnknownColumnError: the target lacks these columns.
            ColumnMismatchError: it takes no value of a column, or needs a column that the rows lack; a
                load with on_error="report" counts such rows instead.
        """
        known = reported or self._described or (seen.lately if seen is not None else None)
        if known is None:
            known = self._describe(seen)
        problems = settled_problems(rows, known)
        if problems and known is not self._described and self._describe(seen):
            problems = settled_problems(rows, self._described)
        if problems:
            self._judge(problems, known_by_sql=bool(self._described))

    def _describe(self, seen: SeenColumns | None = None) -> Sequence[TargetColumn]:
        """Ask for the columns now; none where they can't be read, which does not stop a load."""
        if self._table is None:
            return ()
        try:
            self._described = self._table.columns()
        except SnowpipeError as error:
            _log.info("the columns of %s can't be read by SQL: %s", self._target, error)
        if seen is not None and (self._described or not seen.lately):
            seen.see(self._described)
        return self._described

    def _judge(self, problems: Sequence[Problem], *, known_by_sql: bool) -> None:
        evolves = self._evolves()
        if self._counts_rejected:  # then such rows are counted, not refused
            problems = [problem for problem in problems if problem.kind == "unknown"]
        if evolves:  # such a table drops NOT NULL where rows leave a column out
            problems = [problem for problem in problems if problem.kind != "missing"]
        if self._evolve and evolves is not False:
            problems = [problem for problem in problems if problem.kind != "unknown"]
        if not problems:
            return
        unknown = [problem for problem in problems if problem.kind == "unknown"]
        others = [problem for problem in problems if problem.kind != "unknown"]
        if not unknown:
            raise ColumnMismatchError(
                f"the table takes no row of these: {'; '.join(map(str, others))}",
                columns=[problem.column for problem in others],
                target=self._target,
            )
        advice = self._advice(evolves, len(unknown))
        if not known_by_sql:
            advice += ", or open the channel again if it was added since"
        raise UnknownColumnError(
            f"the table has {', '.join(map(str, unknown))} ({advice})"
            + "".join(f"; besides, {problem}" for problem in others),
            columns=[problem.column for problem in unknown],
            target=self._target,
        )

    def _evolves(self) -> bool | None:
        try:
            facts = None if self._table is None else self._table.facts()
        except SnowpipeError as error:
            _log.info("it can't be read by SQL whether %s evolves: %s", self._target, error)
            return None
        return None if facts is None else facts.evolves

    def _advice(self, evolves: bool | None, number: int) -> str:
        if self._evolve:
            statement = f"ALTER TABLE {self._target} SET ENABLE_SCHEMA_EVOLUTION = TRUE"
            return f'on_new_columns="evolve" needs a table that evolves: {statement}'
        advice = f"rename with columns={{...}} or leave {'it' if number == 1 else 'them'} out"
        if evolves:
            return f'{advice}, or let the table add them: on_new_columns="evolve"'
        return advice
