"""The receipt of a load: a small document of what was loaded, where, when and how, without secrets."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ..offset_tokens import read_token
from ..rows.encode.encoder import ROW_FORMAT

if TYPE_CHECKING:
    from .result import StreamResult

RECEIPT_FORMAT = 1
_LIBRARIES = ("snowpipe-pandas", "pandas", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecord:
    """What a load's counts do not say: whose it was, when it ran, and how its rows were read and written.

    Attributes:
        account, user: of its client.
        table, pipe: where its rows went, as SQL names them; the table is None where a pipe was named.
        elastic: whether they went through an elastic channel.
        began, ended: of the call, UTC.
        columns: the columns that were sent, by the names that were sent.
        options: how the source was read and its rows were written.
    """

    account: str
    user: str
    table: str | None
    pipe: str
    elastic: bool
    began: str
    ended: str
    columns: Sequence[str]
    options: Mapping[str, Any]


def receipt_of(result: StreamResult, record: LoadRecord) -> dict[str, Any]:
    """Return a load's receipt, of plain values that `json.dumps` takes."""
    return {
        "receipt": RECEIPT_FORMAT,
        "load_id": result.load_id,
        "account": record.account,
        "user": record.user,
        "table": record.table,
        "pipe": record.pipe,
        "delivery": "at-least-once" if record.elastic else "exactly-once",
        "rows_acknowledged": result.rows_acknowledged,
        "rows_in_table": result.rows_in_table,
        "rows_rejected": result.rows_rejected,
        "rejected_exact": result.rejected_exact,
        "committed": result.committed,
        "channels": [_channel(part) for part in result.parts],
        "columns": list(record.columns),
        "options": dict(record.options),
        "row_format": ROW_FORMAT,
        "began": record.began,
        "ended": record.ended,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }


def _channel(part: StreamResult) -> dict[str, Any]:
    """Return a channel's rows, and the digest of their NDJSON as its offset token has it."""
    mark = read_token(part.offset_token)
    own = mark if mark is not None and mark.owner == part.load_id else None
    return {
        "channel": part.channel,
        "first_row": 0 if own is None or own.part is None else own.part.first_row,
        "rows": part.rows_acknowledged if own is None else own.position.rows,
        "digest": own.position.digest or None if own is not None else None,
        "offset_token": part.offset_token,
    }
