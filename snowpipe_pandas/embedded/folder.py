"""The temporary folder of an account in memory: with a private key, so removed however its process ends.

Closing the account removes it, and so does the end of the interpreter. SIGTERM ends a Python process without
either, so a handler is set for it, but only where the program has none of its own: it removes the folders and
then lets the signal do what it would have done. A process that none of this reaches (`kill -9`) leaves a
folder without a living owner; the next account removes that. An owner holds a lock on its folder; the system
ends the lock with the process. A forked child owns nothing, and its SIGTERM is as it was.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

if sys.platform != "win32":
    import fcntl

_PREFIX = "snowpipe-local-"
_LOCK = "lock"
_ours: dict[Path, int | None] = {}
"""Folders of this process with the file descriptors of their locks."""


class TemporaryFolder:
    """A private folder in the system's temporary folder; removes those whose owners have died.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        _ours[self.path] = _locked(self.path)
        if _is_main() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminated)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock = _ours.pop(self.path)
        if lock is not None:
            os.close(lock)
        if not _ours:
            _default_sigterm()


def _locked(folder: Path) -> int | None:
    """Hold a lock in a folder; it is named once it is held, so that nobody finds one without an owner."""
    if sys.platform == "win32":
        return None
    unnamed = folder / f"{_LOCK}.new"
    held = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    unnamed.rename(folder / _LOCK)
    return held


def _remove_abandoned(place: Path) -> None:
    """Remove the folders whose lock nobody holds."""
    if sys.platform == "win32":
        return
    for lock in place.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            found = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:  # somebody else's
            continue
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(found)


def _is_main() -> bool:
    """Whether signal handlers can be set in this thread."""
    return threading.current_thread() is threading.main_thread()


def _handles() -> bool:
    return _is_main() and signal.getsignal(signal.SIGTERM) is _terminated


def _default_sigterm() -> None:
    if _handles():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminated(number: int, _frame: FrameType | None) -> None:
    """Remove this process's folders, then end as SIGTERM does without a handler."""
    for folder in list(_ours):
        shutil.rmtree(folder, ignore_errors=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _before_fork() -> None:
    # Python forgets signals that reach a forked child in its first moments, but for those without a handler.
    _forking.handled = _handles()
    _default_sigterm()


def _after_fork_in_parent() -> None:
    if _forking.handled:
        signal.signal(signal.SIGTERM, _terminated)


def _after_fork_in_child() -> None:
    for lock in _ours.values():
        if lock is not None:
            os.close(lock)
    _ours.clear()
    _default_sigterm()


_forking = threading.local()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
