"""A token in a file that others rotate: read when it is needed, and again when the file has changed."""

from __future__ import annotations

import os

from ..errors import ConfigError
from ..files import read_small
from .secret import Secret


class TokenFile:
    """A file that holds a token.

    Args:
        path: the file.
        setting: the setting that names it, for errors.

    >>> TokenFile("/snowflake/session/token", setting="spcs_token_path")
    TokenFile('/snowflake/session/token')
    """

    def __init__(self, path: str, *, setting: str) -> None:
        self._path = path
        self._setting = setting
        self._read_at: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"TokenFile({self._path!r})"

    @property
    def changed(self) -> bool:
        """Return whether the file looks changed since it was last read."""
        return self._read_at is not None and self._mark() not in (None, self._read_at)

    def read(self) -> Secret:
        """Read the token without checking it.

        Raises:
            ConfigError: there is no such file, or it can't be read as one.
        """
        self._read_at = self._mark()  # before it is read: a change in between is noticed next time
        content = _hidden(self._path)
        if isinstance(content, Secret):
            return content
        raise ConfigError(f"the token file {self._path!r} {content}", setting=self._setting)

    def read_if_there(self) -> Secret | None:
        """Read the token, None where it can't be."""
        content = _hidden(self._path)
        return content if isinstance(content, Secret) else None

    def _mark(self) -> tuple[int, ...] | None:
        try:
            seen = os.stat(self._path)
        except (OSError, ValueError):
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size


def _hidden(path: str) -> Secret | str:
    """Return what a file holds, hidden, or what is wrong with it."""
    content = read_small(path)
    return Secret(content) if isinstance(content, bytes) else content
