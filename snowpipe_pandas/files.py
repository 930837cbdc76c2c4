"""Reads the small files that people name: keys, tokens, profiles, certificates.

Only regular files of limited size are read: a device would fill the memory, a pipe would wait forever.
"""

from __future__ import annotations

import os
import stat

MAX_FILE_BYTES = 1_000_000

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_small(path: str | os.PathLike[str], *, limit: int = MAX_FILE_BYTES) -> bytes | str:
    """Return what a file holds, or what is wrong with it, as the end of a sentence.

    It does not raise, since the content is often secret.

    Args:
        path: the file.
        limit: most bytes that it may hold.
    """
    try:
        opened = os.open(path, _FLAGS)
        try:
            return _odd_kind(opened) or _read(opened, limit)
        finally:
            os.close(opened)
    except FileNotFoundError:
        return "does not exist; check the path"
    except OSError as error:
        return f"can't be read: {error.strerror or type(error).__name__}; check the path"
    except ValueError:  # a NUL, or a lone surrogate
        return "can't be read: that is not a path"


def _odd_kind(opened: int) -> str:
    """Say what something that is not a file is, "" for a file."""
    mode = os.fstat(opened).st_mode
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return "is a directory; name the file in it"
    return "is a device, a pipe or a socket; name a file"


def _read(opened: int, limit: int) -> bytes | str:
    with open(opened, "rb", closefd=False) as file:
        content = file.read(limit + 1)
    return content if len(content) <= limit else f"is larger than {limit / 1e6:g} MB; check the path"
