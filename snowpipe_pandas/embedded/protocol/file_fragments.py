"""Rows out of uploaded files: the list of fragments that a request names, decrypted and decompressed.

A fragment is a part of a file: NDJSON, compressed with zstd, encrypted with AES in counter mode by the key of
the pipe and a first counter of its own (seen from the official SDK 1.9.1).
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ...names import ObjectName
from ..refusals import invalid_file, invalid_request, too_large
from .bodies import decompress, ended, json_value
from .bounds import check_token
from .channel import Rows
from .stage import Stage

MAX_FRAGMENTS = 1_000
MAX_RAW_BYTES = 320 * 1024 * 1024
"""NDJSON of all fragments of one request; the official SDK has no more than 256 MB of a channel in flight."""

_IV_BYTES = 16


def read_fragments(body: bytes, stage: Stage, pipe: ObjectName) -> list[Rows]:
    """Read the rows of all fragments that a request lists, in order.

    Raises:
        Refused: the list is malformed, a fragment is not in the stage, or holds no rows that can be read.
    """
    fragments = json_value(body)
    if not isinstance(fragments, list) or not all(isinstance(fragment, dict) for fragment in fragments):
        raise invalid_request("the body is not a list of file fragments")
    if len(fragments) > MAX_FRAGMENTS:
        raise too_large(f"{len(fragments)} file fragments, the limit is {MAX_FRAGMENTS}")
    rows: list[Rows] = []
    left = MAX_RAW_BYTES
    for fragment in fragments:
        rows.append(_read(fragment, stage, pipe, left))
        left -= len(rows[-1].ndjson)
    return rows


def _read(fragment: dict[str, Any], stage: Stage, pipe: ObjectName, limit: int) -> Rows:
    """Read one fragment of at most `limit` bytes of NDJSON."""
    path = _text(fragment, "file_path") or ""
    start = _whole(fragment, "fragment_start_byte_offset")
    length = _whole(fragment, "fragment_length_bytes")
    counter = _counter(fragment)
    tokens = (
        _text(fragment, "fragment_start_offset_token"),
        _text(fragment, "fragment_end_offset_token"),
    )
    sealed = stage.read(path, pipe, start, length, etag=_text(fragment, "file_etag"))
    decryptor = Cipher(algorithms.AES(stage.key(pipe)), modes.CTR(counter)).decryptor()
    try:
        raw = decompress(decryptor.update(sealed) + decryptor.finalize(), "zstd", limit + 1)
    except OSError:
        raise invalid_file(
            f"bytes {start} to {start + length} of {path!r} hold no zstd under the pipe's key"
        ) from None
    if len(raw) > limit:
        raise too_large(f"more than {MAX_RAW_BYTES} bytes uncompressed")
    ndjson = ended(raw)
    lines = _count_lines(ndjson)
    if fragment.get("fragment_row_count", lines) != lines:
        raise invalid_file(
            f"fragment_row_count of the fragment of {path!r} is not the number of its rows, {lines}"
        )
    return Rows(ndjson, *tokens)


def _count_lines(ndjson: bytes) -> int:
    """Count lines that hold something: the official SDK ends each call's rows with an empty one."""
    ends = np.flatnonzero(np.frombuffer(ndjson, np.uint8) == ord("\n"))
    return int(np.count_nonzero(np.diff(ends, prepend=-1) > 1))


def _text(fragment: dict[str, Any], name: str) -> str | None:
    """Return a member that is text; none and an empty one are None."""
    return check_token(f"{name} of a file fragment", fragment.get(name)) or None


def _whole(fragment: dict[str, Any], name: str) -> int:
    value = fragment.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid_request(f"{name} of a file fragment is not a whole number")
    return value


def _counter(fragment: dict[str, Any]) -> bytes:
    try:
        counter = base64.b64decode(_text(fragment, "iv_base64") or "", validate=True)
    except ValueError:
        counter = b""
    if len(counter) != _IV_BYTES:
        raise invalid_request(f"iv_base64 of a file fragment is not base64 of {_IV_BYTES} bytes")
    return counter
