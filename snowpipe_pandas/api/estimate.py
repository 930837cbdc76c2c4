"""`estimate()`: what a load of a source would send, cost and take, without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..arguments import is_a, plain_text, refuse
from ..errors import UsageError
from ..rest.channel import Channel
from ..rest.target import Target
from ..rows.sources.source import can_be_read_again
from ..streaming.estimate import Estimate, estimated
from ..streaming.opened import encoder_of, source_of
from ..streaming.options import LoadLimits, LoadOptions
from .targets import WANTED

if TYPE_CHECKING:
    from ..rows.encode.cell_location import BinaryFormat
    from ..rows.encode.encoder import Nulls
    from ..rows.sources.names import ColumnCase


def estimate(
    source: Any,
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
    """Say what `stream()` would send, what of it is billed, and how long the service's limits make it take.

    Nothing is sent, and nothing is requested. Rows are written as a load writes them: all of them where they
    become at most 100 MB of NDJSON, else a sample that is spread over the source, and then the numbers are
    marked "about".

    Args:
        source: what `stream()` takes, if it can be read again; no iterator.
        target: where it would go: a table, a pipe, an open channel, or just a table's name. It is only shown.
        channels: through how many channels, as in `stream()`.
        limits: as in `stream()`; None for Snowflake's, 20 MB and 10 requests in a second of a channel.
        index, columns, column_case, nulls, binary_format: as in `stream()`.

    Raises:
        UsageError: an argument can't be used, or the source gives its rows only once.
        DataError: the source can't be sent as it is.

    >>> print(sp.estimate("data/*.parquet", "DEMO.PUBLIC.FLIGHTS", channels="auto"))
    """
    options = LoadOptions(
        channels=channels,
        limits=LoadLimits() if limits is None else limits,
        index=index,
        columns=columns,
        column_case=column_case,
        nulls=nulls,
        binary_format=binary_format,
    )
    name = _shown(target)
    if is_a(target, Channel) and options.channels != 1:
        raise UsageError(
            f"channels={options.channels!r} does not go with an open channel: give a table, or its name"
        )
    if not can_be_read_again(source):
        raise UsageError(
            f"estimate() would use up the rows of this {type(source).__name__}, and they could no longer "
            "be sent: give what can be read again, such as a frame, a list, a pyarrow Table or files"
        )
    return estimated(source_of(source, options), encoder_of(options), name, options)


def _shown(target: Any) -> str:
    """Return how messages name a target.

    Raises:
        UsageError: it is not a target.
    """
    if is_a(target, Channel):
        return str(target.target)
    if is_a(target, Target):
        return str(target.name)
    name = plain_text(target)
    if not name:
        refuse("target", target, f"a table's name, {WANTED}")
    return name
