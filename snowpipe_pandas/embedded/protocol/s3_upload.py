"""Uploads as S3 takes them: aws-chunked bodies, checksums, answers, and errors in XML."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.responses import Response

from ..refusals import UploadRefused, upload_malformed
from .stage import Stage

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})(?:;[^\r\n]{0,200})?\r\n")
_CHECKSUM = "x-amz-checksum-crc32"


def take_upload(stage: Stage, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Keep an uploaded file and answer as S3 does.

    Raises:
        UploadRefused: it can't be kept.
    """
    etag = stage.put(path, upload_credential(headers), _content(headers, body))
    return Response(headers={"ETag": f'"{etag}"'})


def upload_credential(headers: Mapping[str, str]) -> str:
    """Return the credential that an upload brings, "" for none."""
    return headers.get("x-amz-security-token", "")


def refused_upload(refused: UploadRefused) -> Response:
    """Return a refusal as S3 words it."""
    error = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{error}'
    return Response(text, refused.status, media_type="application/xml")


def _content(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the file that a body carries.

    Raises:
        UploadRefused: the body is not what its headers say.
    """
    facts = headers
    content = body
    if "aws-chunked" in headers.get("content-encoding", ""):
        content, trailers = _joined(body)
        facts = {**headers, **trailers}
        if headers.get("x-amz-decoded-content-length", str(len(content))) != str(len(content)):
            raise upload_malformed("IncompleteBody", "the body's length is not x-amz-decoded-content-length")
    checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    if facts.get(_CHECKSUM, checksum) != checksum:
        raise upload_malformed("BadDigest", f"the body does not have this {_CHECKSUM}")
    return content


def _joined(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Join the chunks of an aws-chunked body; return them with the trailers after them."""
    parts: list[bytes] = []
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(parts), _trailers(body[match.end() :])
        at = match.end() + size + 2
        if body[at - 2 : at] != b"\r\n":
            break
        parts.append(body[match.end() : at - 2])
    raise upload_malformed("IncompleteBody", "the body is not aws-chunked, or ends too early")


def _trailers(text: bytes) -> dict[str, str]:
    lines = [line.partition(b":") for line in text.split(b"\r\n") if line]
    return {
        name.decode("latin-1").strip().lower(): value.decode("latin-1").strip() for name, _, value in lines
    }
