"""`df.snowpipe`: the frame's door to the package. Thin: it hands the frame on to streaming and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Unpack, overload

import pandas as pd

from .api.signature import takes_load_options
from .arguments import flag, is_a, texts_by_text

if TYPE_CHECKING:
    from .api.jobs import Job
    from .api.signature import StreamOptions
    from .api.targets import AnyTarget
    from .display.choose import ShowProgress
    from .rest.channel import Channel
    from .rest.client import Client
    from .rows.encode.cell_location import BinaryFormat
    from .rows.encode.encoder import Nulls
    from .rows.schema_check import Problem
    from .rows.sources.names import ColumnCase
    from .streaming.result import StreamResult
    from .target_column import TargetColumn


@pd.api.extensions.register_dataframe_accessor("snowpipe")
class SnowpipeAccessor:
    """What a DataFrame can do with Snowpipe Streaming; reached as `df.snowpipe`."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

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

        Arguments, result and errors are those of `snowpipe_pandas.stream`, which takes any other source too.

        >>> result = df.snowpipe.stream(client.table("DEMO.PUBLIC.FLIGHTS"), load_id="flights-2013")
        """
        from .api.stream import stream

        return stream(self._frame, target, client=client, background=background, progress=progress, **options)

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
        target: Channel | Mapping[str, str],
        *,
        index: bool = False,
        columns: Mapping[str, str] | None = None,
        column_case: ColumnCase = "keep",
        nulls: Nulls = "emit",
    ) -> list[Problem]:
        """List what the target would reject, without sending anything; an empty list is good.

        It compares names and types, and reads the values where these leave it open: texts for a NUMBER, a
        DATE or a VARCHAR(10), numbers with more digits than the column has, nulls for NOT NULL columns.

        Args:
            target: an open channel of a server that tells its columns (the local account), or a mapping of
                column names to Snowflake types, whose columns all take nulls.
            index, columns, column_case, nulls: as in `stream()`.

        Raises:
            UsageError: the mapping names a type that Snowflake has not.

        >>> df.snowpipe.check({"CARRIER": "VARCHAR", "DELAY": "FLOAT"})
        []
        """
        from .rows.options import reading
        from .rows.schema_check import find_problems
        from .rows.sources.source import open_source

        read = reading(index=index, columns=columns, column_case=column_case)
        known = _columns_of(target)
        source = open_source(self._frame, **read)
        told_by_open = not isinstance(target, Mapping)
        return find_problems(source.schema, known, source.batches(), nulls=nulls, told_by_open=told_by_open)


def _columns_of(target: Channel | Mapping[str, str]) -> Sequence[TargetColumn]:
    from .rest.channel import Channel
    from .rows.target_types import parse_type
    from .target_column import TargetColumn

    if is_a(target, Channel):
        return target.target_columns
    wanted = 'an open channel, or types of columns by name, such as {"CARRIER": "VARCHAR"}'
    types = texts_by_text("target", target, wanted=wanted)
    for kind in types.values():
        parse_type(kind)
    return [TargetColumn(name, kind, nullable=True) for name, kind in types.items()]
