"""The stage: keeps uploaded files until their rows are taken, in memory and within bounds.

A grant is for one folder and one pipe. Nothing is remembered of it: the folder's name holds its end and its
pipe, and the credential is made from the name with a secret of this process.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass

from ...names import ObjectName
from ..clock import AccountClock
from ..refusals import invalid_file, stage_full, upload_denied, upload_too_large

GRANT_LIFE_S = 3600.0
USED_LIFE_S = 60.0
"""How long a file is kept after all of it was read: its request may come again."""

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_STAGED_BYTES = 256 * 1024 * 1024
MAX_FILES = 10_000

BUCKET = "snowpipe-local-stage"
"""Name of the storage: the first part of every path in it."""

_PATH = re.compile(rf"({BUCKET}/(\d{{1,15}})/([0-9a-f]{{32}})/[0-9a-f]{{32}}/)[\w.-]{{1,200}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to upload files.

    Attributes:
        folder: where: a path that begins with the bucket and ends with a slash.
        credential: what uploads must bring.
        key: the key that the rows of the pipe are encrypted with.
        expires_at_ms: its end by the account's clock, in milliseconds since the epoch.
    """

    folder: str
    credential: str
    key: bytes
    expires_at_ms: int

    def __repr__(self) -> str:
        return f"<Grant {self.folder}>"


@dataclass(slots=True)
class _File:
    content: bytes
    etag: str
    expires_at: float
    unread: int


class Stage:
    """The uploaded files of one account."""

    def __init__(self, clock: AccountClock) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}

    def grant(self, pipe: ObjectName) -> Grant:
        """Let a client upload files for a pipe, into a folder of its own: clients number theirs from 0."""
        expires_at_ms = int(1000 * (self._clock.time() + GRANT_LIFE_S))
        folder = f"{BUCKET}/{expires_at_ms}/{self._mark(pipe)}/{secrets.token_hex(16)}/"
        return Grant(folder, self._credential(folder), self.key(pipe), expires_at_ms)

    def key(self, pipe: ObjectName) -> bytes:
        """Return the key of a pipe's files."""
        return self._derived("key", _name(pipe))

    def put(self, path: str, credential: str, content: bytes) -> str:
        """Keep a file, in the place of one that has its path; return its ETag.

        Raises:
            Refused: the credential is not for this path or has ended, or there is no room.
        """
        expires_at = self.check_credential(path, credential)
        if len(content) > MAX_FILE_BYTES:
            raise upload_too_large(f"{len(content):,} bytes, the limit is {MAX_FILE_BYTES:,}")
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        with self._lock:
            self._sweep()
            self._files.pop(path, None)
            staged = sum(len(file.content) for file in self._files.values())
            if staged + len(content) > MAX_STAGED_BYTES or len(self._files) >= MAX_FILES:
                raise stage_full()
            self._files[path] = _File(content, etag, expires_at, len(content))
        return etag

    def check_credential(self, path: str, credential: str) -> float:
        """Check whether a file may be uploaded to a path; return when the permission ends.

        Raises:
            Refused: the credential is not for this path or has ended.
        """
        match = _PATH.fullmatch(path)
        known = self._credential("" if match is None else match[1])
        if match is None or not hmac.compare_digest(known.encode(), credential.encode()):
            raise upload_denied("the credential is not one for this path")
        expires_at = int(match[2]) / 1000
        if expires_at <= self._clock.time():
            raise upload_denied("the credential has expired: ask pipe-info for another one")
        return expires_at

    def read(self, path: str, pipe: ObjectName, start: int, length: int, *, etag: str | None) -> bytes:
        """Read a part of a file.

        Raises:
            Refused: the pipe does not have this file, or this part of it.
        """
        match = _PATH.fullmatch(path)
        with self._lock:
            self._sweep()
            file = self._files.get(path)
            if file is None or match is None or match[3] != self._mark(pipe):
                raise invalid_file(f"there is no file {path[:300]!r} of pipe {pipe}")
            if etag is not None and etag.strip('"') != file.etag:
                raise invalid_file(f"file {path!r} has another content by now")
            if start + length > len(file.content):
                raise invalid_file(f"file {path!r} has no bytes {start} to {start + length}")
            file.unread -= length
            if file.unread <= 0:
                file.expires_at = min(file.expires_at, self._clock.time() + USED_LIFE_S)
            return file.content[start : start + length]

    def clear(self) -> None:
        """Forget every file."""
        with self._lock:
            self._files.clear()

    def _sweep(self) -> None:
        now = self._clock.time()
        for path in [path for path, file in self._files.items() if file.expires_at <= now]:
            del self._files[path]

    def _mark(self, pipe: ObjectName) -> str:
        return self._derived("pipe", _name(pipe)).hex()[:32]

    def _credential(self, folder: str) -> str:
        return self._derived("folder", folder).hex()

    def _derived(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose} {text}".encode(), "sha256")


def _name(pipe: ObjectName) -> str:
    return str(pipe).upper()
