"""What is known of the tries of one request, however it ends: an answer, an error, a cancel, a Ctrl-C."""

from __future__ import annotations

import uuid

from .answers import Answer, Refusal
from .failures import Failure


class Trail:
    """The tries of one request so far; written by the transport, read by the caller that passed it in.

    A try is in doubt from its first byte on, until an answer settles it. So the trail is also correct
    where an exception from anywhere cuts the request short.

    Args:
        request_id: the `requestId` of all tries; None for a new one where they begin.

    Attributes:
        request_id: the `requestId` of the last try, "" before the first.
        tries: how often the request was sent, or an attempt was made to send it.
        in_doubt: how many of these tries may have been applied by the service, though no answer says so.
        done: whether an answer says that it was applied.
    """

    def __init__(self, request_id: str | None = None) -> None:
        self._given = request_id
        self.request_id = request_id or ""
        self.tries = 0
        self.in_doubt = 0
        self.done = False

    def begin(self) -> None:
        """Choose the `requestId` of the tries to come; a request that follows its host has one for each."""
        self.request_id = self._given or str(uuid.uuid4())

    def send(self) -> None:
        """Count a try that begins now."""
        self.tries += 1
        self.in_doubt += 1

    def end(self, outcome: Answer | Failure, refusal: Refusal | None) -> None:
        """Record its outcome; `refusal` is how its answer is judged, None where there is none."""
        self.done = refusal is Refusal.NONE
        if _settles(outcome, refusal):
            self.in_doubt -= 1


def _settles(outcome: Answer | Failure, refusal: Refusal | None) -> bool:
    """Return whether an outcome proves that a try was applied, or that it was not.

    A 429 or another 4xx is a refusal: nothing was applied. A time-out at a proxy (408, 499), a 5xx, and what
    does not look like the service's own answer may hide a success.
    """
    if isinstance(outcome, Failure):
        return not outcome.sent
    if refusal is Refusal.NONE:
        return True
    if refusal is Refusal.ODD or outcome.status in (408, 499):
        return False
    return 200 <= outcome.status < 500
