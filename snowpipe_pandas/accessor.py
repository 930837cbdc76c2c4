"""`df.snowpipe`: the frame's entry to the package. Thin: it passes the frame on to streaming and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import pandas as pd

from .api.signature import refuse_unknown, takes_load_options
from .arguments import flag
from .shown import counted

if TYPE_CHECKING:
    from .api.jobs import Job
    from .api.signature import StreamOptions
    from .api.targets import AnyTarget
    from .display.choose import ShowProgress
    from .rest.channel import Channel
    from .rest.client import Client
    from .rest.target import Target
    from .rows.encode.cell_location import BinaryFormat
    from .rows.encode.encoder import Nulls
    from .rows.schema_check import Problem
    from .rows.sources.names import ColumnCase
    from .streaming.estimate import Estimate
    from .streaming.options import LoadLimits
    from .streaming.result import StreamResult


@pd.api.extensions.register_dataframe_accessor("snowpipe")
class SnowpipeAccessor:
    """What a DataFrame can do with Snowpipe Streaming; reached as `df.snowpipe`.

    - `df.snowpipe.stream(target, load_id=..., channels=..., on_error=...)` puts every row into a table, once.
    - `df.snowpipe.check(target)` lists what the table would reject, without sending anything.
    - `df.snowpipe.ddl("DATABASE.SCHEMA.TABLE")` returns the CREATE TABLE that takes the frame.
    - `df.snowpipe.to_ndjson()` returns the rows as `stream()` sends them.

    polars' DataFrame and LazyFrame have it too.

    >>> df.snowpipe.stream(client.table("DEMO.PUBLIC.FLIGHTS"), load_id="flights-2013")
    >>> job = df.snowpipe.stream(client.table("DEMO.PUBLIC.FLIGHTS"), channels=4, background=True)
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __repr__(self) -> str:
        calls = "stream(target), check(target), ddl(table), to_ndjson()"
        return f"<snowpipe of a {_described(self._frame)}: {calls}>"

    @overload
    def stream(
        self,
        target: AnyTarget | str,
        *,
        client: Client | None = ...,
        background: Literal[False] = ...,
        progress: ShowProgress = ...,
        **options: Unpack[StreamOptions],
    ) -> StreamResult: ...

    @overload
    def stream(
        self,
        target: AnyTarget | str,
        *,
        client: Client | None = ...,
        background: Literal[True],
        progress: ShowProgress = ...,
        **options: Unpack[StreamOptions],
    ) -> Job: ...

    @overload
    def stream(
        self,
        target: AnyTarget | str,
        *,
        client: Client | None = ...,
        background: bool = ...,
        progress: ShowProgress = ...,
        **options: Unpack[StreamOptions],
    ) -> StreamResult | Job: ...

    @takes_load_options
    def stream(
        self,
        target: AnyTarget | str,
        *,
        client: Client | None = None,
        background: bool = False,
        progress: ShowProgress = "auto",
        **options: Unpack[StreamOptions],
    ) -> StreamResult | Job:
        """Put every row of the frame into `target`, once, and wait until they are committed.

        Args:
            target: a table or pipe of a client, its name together with `client=`, or an open channel.
            load_id: names the load; the same call again goes on where it stopped, or sends nothing.
            channels: how many channels at once, or "auto".
            on_error: "raise" raises RowsRejectedError where the service skips rows, "report" counts them.
            background: return a `Job` at once.
            progress: False shows nothing; a function is called with every event.

        `help(snowpipe_pandas.stream)` has all arguments, the result and the errors: it is the same call, and
        takes any other source too.

        >>> result = df.snowpipe.stream(client.table("DEMO.PUBLIC.FLIGHTS"), load_id="flights-2013")
        >>> job = df.snowpipe.stream("DEMO.PUBLIC.FLIGHTS", client=client, channels=4, background=True)
        """
        from .api.stream import stream

        refuse_unknown(options, stream)
        return stream(self._frame, target, client=client, background=background, progress=progress, **options)

    def estimate(
        self,
        target: Channel | Target | str,
        *,
        channels: int | Literal["auto"] = 1,
        limits: LoadLimits | None = None,
        index: bool = False,
        columns: Mapping[str, str] | None = None,
        column_case: ColumnCase = "keep",
        nulls: Nulls = "emit",
        binary_format: BinaryFormat = "base64",
    ) -> Estimate:
        """Estimate what `stream()` would send, how much is billed, and how long it takes; nothing is sent.

        Arguments, result and errors are those of `snowpipe_pandas.estimate`, which takes other sources too.

        >>> print(pd.DataFrame({"ID": [1, 2]}).snowpipe.estimate("DEMO.PUBLIC.T"))
        """
        from .api.estimate import estimate

        return estimate(
            self._frame,
            target,
            channels=channels,
            limits=limits,
            index=index,
            columns=columns,
            column_case=column_case,
            nulls=nulls,
            binary_format=binary_format,
        )

    def to_ndjson(
        self,
        *,
        index: bool = False,
        columns: Mapping[str, str] | None = None,
        column_case: ColumnCase = "keep",
        nulls: Nulls = "emit",
        binary_format: BinaryFormat = "base64",
    ) -> bytes:
        """Return the frame as the NDJSON that `stream()` would send, before compression.

        >>> pd.DataFrame({"ID": [1], "NAME": [None]}).snowpipe.to_ndjson()
        b'{"ID":1,"NAME":null}\\n'
        """
        from .rows.encode.encoder import to_ndjson
        from .rows.options import reading, writing

        read = reading(index=index, columns=columns, column_case=column_case)
        return to_ndjson(self._frame, **writing(nulls=nulls, binary_format=binary_format), **read)

    def ddl(
        self,
        table: str,
        *,
        not_null: bool = False,
        error_logging: bool = False,
        index: bool = False,
        columns: Mapping[str, str] | None = None,
        column_case: ColumnCase = "keep",
    ) -> str:
        """Return the Snowflake `CREATE TABLE` that takes this frame.

        Args:
            table: `DATABASE.SCHEMA.TABLE`.
            not_null: declare columns without missing values as NOT NULL.
            error_logging: keep rejected rows in the table's error table.
            index, columns, column_case: as in `stream()`.

        >>> print(pd.DataFrame({"id": [1]}).snowpipe.ddl("DEMO.PUBLIC.T"))
        CREATE TABLE DEMO.PUBLIC.T (
            ID NUMBER(38,0)
        )
        """
        from .rows.options import reading
        from .rows.schema_check import without_missing
        from .rows.sources.source import open_source
        from .rows.types import create_table_ddl

        not_null, error_logging = flag("not_null", not_null), flag("error_logging", error_logging)
        source = open_source(self._frame, **reading(index=index, columns=columns, column_case=column_case))
        schema = without_missing(source.schema, source.batches()) if not_null else source.schema
        return create_table_ddl(schema, table, error_logging=error_logging)

    def check(
        self,
        target: AnyTarget | Mapping[str, str] | str,
        *,
        client: Client | None = None,
        index: bool = False,
        columns: Mapping[str, str] | None = None,
        column_case: ColumnCase = "keep",
        nulls: Nulls = "emit",
    ) -> list[Problem]:
        """List what the target would reject, without sending anything; an empty list if it takes all rows.

        It compares names and types, and reads the values where these do not decide: texts for a NUMBER, a
        DATE or a VARCHAR(10), numbers with more digits than the column has, nulls for NOT NULL columns.

        Args:
            target: a table of a client (`client.table("DEMO.PUBLIC.FLIGHTS")`), its name together with
                `client`, or a channel: their columns are read by SQL, which needs no warehouse. Or a mapping
                of column names to Snowflake types, whose columns all take nulls.
            client: the client of a table that is given by its name.
            index, columns, column_case, nulls: as in `stream()`.

        Raises:
            UsageError: the mapping names a type that Snowflake does not have, or the target is a pipe, whose
                table is unknown.
            SqlError: the columns can't be read: no such table, or no grant on it.

        >>> df.snowpipe.check(client.table("DEMO.PUBLIC.FLIGHTS"))
        []
        >>> df.snowpipe.check({"CARRIER": "VARCHAR", "DELAY": "FLOAT"})
        []
        """
        from .api.targets import columns_of
        from .rows.options import reading
        from .rows.schema_check import find_problems
        from .rows.sources.source import open_source

        read = reading(index=index, columns=columns, column_case=column_case)
        known = columns_of(target, client)
        source = open_source(self._frame, **read)
        return find_problems(source.schema, known, source.batches(), nulls=nulls)


def _described(frame: Any) -> str:
    """Return a frame's kind and size; a LazyFrame's size is unknown until it is collected."""
    shape = getattr(frame, "shape", None)
    kind = type(frame).__name__
    return kind if shape is None else f"{kind}, {counted(shape[0], 'row')} x {counted(shape[1], 'column')}"
