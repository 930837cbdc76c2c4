"""Reads answers that hold a token. Nothing here raises, since it holds what may be secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from ..arguments import A_DAY_S
from ..auth.oauth import Granted
from ..auth.secret import Secret
from ..auth.token_text import unusable
from ..auth.tokens import Token
from ..shown import visible
from .answers import TOO_LONG, Answer

SCOPED_TOKEN_LIFETIME_S = 3600.0
"""Assumed where a scoped token does not say when it ends."""

ACCESS_TOKEN_LIFETIME_S = 600.0
"""Assumed where neither an OAuth access token nor its answer says when it ends: that of Snowflake's own."""

MAX_TOKEN_LIFETIME_S = 366 * A_DAY_S
"""A longer life is not believed."""

_MILLISECONDS = 1e11
"""A larger number is not a time in seconds since the epoch."""

_SHORTEST_SECRET = 4
"""A shorter secret would be found in any text."""


@dataclass(frozen=True, slots=True)
class NoToken:
    """Why an answer gives no token; nothing secret of the answer's body is in it."""

    text: str
    status: int
    request_id: str
    code: str = ""


def scoped_token(answer: Answer, now: float) -> Token | NoToken:
    """Read the answer of an exchange: the token as plain text, or a member of an object."""
    text = answer.text_or_field("token") or answer.text_or_field("access_token")
    problem = unusable(Secret(text))
    if problem is not None:
        return NoToken(f"the answer holds no token: it {problem}", answer.status, answer.request_id)
    life = _life_s(answer)
    end = _own_end(text) or (now + life if life else None)
    return Token(text, now, end or now + SCOPED_TOKEN_LIFETIME_S, assumed=end is None)


def access_token(answer: Answer, now: float, secrets: Sequence[Secret]) -> Granted | NoToken:
    """Read the answer of an OAuth token endpoint (RFC 6749, 5.1 and 5.2).

    Args:
        answer: what came.
        now: seconds since the epoch.
        secrets: what the request held; an answer that echoes it is not quoted.
    """
    if not 200 <= answer.status < 300:
        return NoToken(_refusal(answer, secrets), answer.status, answer.request_id, answer.code)
    if answer.payload is None:
        return NoToken(f"the answer {TOO_LONG}", answer.status, answer.request_id)
    if not isinstance(answer.field("access_token"), str):
        problem = "the answer is not a JSON object with an access_token; is this a token endpoint?"
        return NoToken(problem, answer.status, answer.request_id)
    text = answer.text_or_field("access_token")
    problem = unusable(Secret(text)) or ""
    if problem:
        return NoToken(f"the access token in the answer {problem}", answer.status, answer.request_id)
    life = _life_s(answer)
    end = now + life if life else _own_end(text)
    renewed = Secret(answer.text_or_field("refresh_token"))
    token = Token(text, now, end or now + ACCESS_TOKEN_LIFETIME_S, assumed=end is None)
    return Granted(token, renewed if unusable(renewed) is None else None)


def _refusal(answer: Answer, secrets: Sequence[Secret]) -> str:
    """Say why a token endpoint refused."""
    if 300 <= answer.status < 400:
        where = answer.location or "elsewhere"
        return f"HTTP {answer.status}, a redirect to {where}, which is not followed: check the URL"
    described = answer.field("error_description")
    words = described if isinstance(described, str) else answer.message
    reason = visible(f"{answer.code}: {words}".strip(": "))[:300]
    if not reason or any(_holds(reason, secret) for secret in secrets):
        return f"HTTP {answer.status}"
    return f"HTTP {answer.status} {reason}"


def _holds(text: str, secret: Secret) -> bool:
    return len(secret.as_text()) >= _SHORTEST_SECRET and secret.as_text().strip() in text


def _life_s(answer: Answer) -> float | None:
    life_s = answer.field("expires_in")
    if isinstance(life_s, str) and life_s.isdecimal():  # some providers write digits in quotes
        life_s = float(life_s[:12])
    return float(life_s) if type(life_s) in (int, float) and 0 < life_s <= MAX_TOKEN_LIFETIME_S else None


def _own_end(text: str) -> float | None:
    """Read `exp` of a token that is a JWT; one that is not is opaque to us."""
    try:
        end: Any = jwt.decode(text, options={"verify_signature": False}).get("exp")
    except (jwt.InvalidTokenError, RecursionError):
        return None
    return float(end) if type(end) in (int, float) and 0 < end < _MILLISECONDS else None
