"""Bodies of appends as lines: which body each came from, and whether a strict JSON reader takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LOOSE = re.compile(rb",\s*[}\]]|[:\[,]\s*-?(?:[nN][aA]|[iI][nN][fF])")
"""Texts which DuckDB's reader takes and RFC 8259 does not; lines with them are looked at again."""


class Body(Protocol):
    """One append's rows; the first `reject` of them are bad whatever they hold."""

    @property
    def ndjson(self) -> bytes:
        """The rows."""

    @property
    def reject(self) -> int:
        """How many of the first rows are bad."""


def lines_of(bodies: Sequence[Body]) -> pa.Table:
    """Split at newlines, which no JSON string holds unescaped; blank lines and `\\r` are tolerated.

    Each line comes with the number of its body, whether a strict reader takes it, and whether it is to be
    rejected.
    """
    texts = [body.ndjson if body.ndjson.endswith(b"\n") else body.ndjson + b"\n" for body in bodies]
    ndjson = b"".join(texts)
    ends = np.flatnonzero(np.frombuffer(ndjson, np.uint8) == ord("\n"))
    offsets = np.concatenate([np.zeros(1, np.int64), ends + 1])
    lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(ndjson))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        # Lines that are no UTF-8 become text that is no JSON, so that they alone are rejected.
        lines = pa.array([_text_of(line) for line in ndjson.split(b"\n")[:-1]], pa.large_string())
    chunk = np.searchsorted(np.cumsum([len(text) for text in texts]), ends, side="right")
    table = pa.table({"line": lines, "chunk": chunk})
    if b"\n\n" in ndjson or b"\r" in ndjson or ndjson[:1] == b"\n":
        table = table.filter(pc.not_equal(pc.ascii_trim_whitespace(table.column("line")), ""))
    lines = table.column("line").combine_chunks()
    return table.append_column("strict", _strict(lines, ndjson)).append_column(
        "rejected", _first(table.column("chunk").to_numpy(), [body.reject for body in bodies])
    )


def _first(chunk: np.ndarray[Any, Any], counts: list[int]) -> pa.Array:
    """Tell which lines are among the first ones of their body."""
    starts = np.searchsorted(chunk, chunk)
    return pa.array(np.arange(len(chunk)) - starts < np.array(counts)[chunk])


def _text_of(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return "no UTF-8"


def _strict(lines: pa.LargeStringArray, ndjson: bytes) -> pa.BooleanArray:
    """Tell which lines a strict reader takes; only suspicious lines are read one by one."""
    if not _LOOSE.search(ndjson):
        return pa.repeat(pa.scalar(True), len(lines))
    suspicious = pc.match_substring_regex(lines, _LOOSE.pattern.decode())
    answers = [
        not suspect or _is_strict(line)
        for suspect, line in zip(suspicious.to_pylist(), lines.to_pylist(), strict=True)
    ]
    return pa.array(answers, pa.bool_())


def _is_strict(line: str) -> bool:
    try:
        json.loads(line, parse_constant=_refuse)
    except ValueError:
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)
