"""What a check has found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warn", "FAIL", "?", "skip"]
"""As it should be; works, but not as well as it could; does not work; can't be known; was not looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check, and what to do: for a failure or a warning, that is its fix."""

    check: str
    outcome: Outcome
    text: str
    todo: str = ""


class FailedError(Exception):
    """Internal: a check failed in a way that has a fix; `fatal` if later checks build on it."""

    def __init__(self, text: str, fix: str, *, fatal: bool = True) -> None:
        super().__init__(text)
        self.text = text
        self.fix = fix
        self.fatal = fatal
