"""The account's door: users with public keys, real checks of signed JWTs, scoped tokens that end.

It shares nothing with the client's auth package. What is checked follows Snowflake's key-pair page: RS256,
`iss` = account.user.fingerprint, `sub` = account.user, a life of at most an hour. A scoped token is a JWT
too, since the official SDK reads its end; whether it is good is decided by the table of issued ones.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from ..clock import AccountClock
from ..refusals import (
    EXPIRED_JWT,
    EXPIRED_TOKEN,
    INVALID_JWT,
    INVALID_TOKEN,
    invalid_jwt,
    no_public_key,
    unauthorized,
    wrong_grant,
)

MAX_JWT_LIFETIME_S = 3600
CLOCK_LEEWAY_S = 60
_MILLISECONDS_ABOVE = 10**11
"""A time above this is in milliseconds, as the official SDK sends it."""
_LATEST = 10**15
"""A time beyond this, before or after the epoch, is refused: it may not even fit into a float."""

_TYPE_HEADER = "x-snowflake-authorization-token-type"
_SNOWFLAKE_JWT = "Snowflake JWT "
_KEYPAIR_JWT = "KEYPAIR_JWT"
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a grant's name
_GRANTS = {
    _KEYPAIR_JWT: ("urn:ietf:params:oauth:grant-type:jwt-bearer", None),
    "PROGRAMMATIC_ACCESS_TOKEN": (_TOKEN_EXCHANGE, "programmatic_access_token"),
    "OAUTH": (_TOKEN_EXCHANGE, "urn:ietf:params:oauth:token-type:access_token"),
}
"""The kinds of credentials, each with the `grant_type` and `subject_token_type` of its exchange."""

KEPT_TOKENS = 10_000
"""How many of the newest issued tokens of a kind are known."""
_REQUIRED_CLAIMS = ["iss", "sub", "iat", "exp"]
_ROLE_SCOPE = re.compile(r"session:role:.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from."""

    account: str
    user: str


@dataclass(slots=True)
class _Issued:
    identity: Identity
    expires_at: float
    scope: str = field(default="")


class Authenticator:
    """Registers keys, verifies what requests bring, and issues scoped tokens.

    Args:
        account: the account's name, upper case.
        clock: what lives are counted with, and signed times are compared with.
        token_lifetime_s: life of scoped tokens in seconds.
    """

    def __init__(self, account: str, clock: AccountClock, *, token_lifetime_s: float) -> None:
        self.account = account
        self._clock = clock
        self.token_lifetime_s = token_lifetime_s
        self._lock = threading.Lock()
        self._keys: dict[str, dict[str, RSAPublicKey]] = {}
        self._secret = secrets.token_bytes(32)
        self._jwts = jwt.PyJWT()
        self._scoped: dict[str, _Issued] = {}
        self._access_tokens: dict[str, _Issued] = {}

    def register_key(self, user: str, slot: str, public_key_base64: str | None) -> None:
        """Set `RSA_PUBLIC_KEY` or `RSA_PUBLIC_KEY_2` (the slot) of a user; None unsets it.

        Raises:
            Refused: the text is not an RSA public key.
        """
        with self._lock:
            keys = self._keys.setdefault(user.upper(), {})
            if public_key_base64 is None:
                keys.pop(slot.upper(), None)
            else:
                keys[slot.upper()] = _public_key(public_key_base64)

    def issue_access_token(self, user: str, *, lifetime_s: float = 3600.0) -> str:
        """Issue a programmatic access token (also taken as an OAuth access token)."""
        identity = Identity(self.account, user.upper())
        return self._issue(self._access_tokens, secrets.token_urlsafe(32), identity, lifetime_s)

    def issue_scoped(self, identity: Identity, scope: str) -> str:
        """Issue a token for the ingest host named by `scope`."""
        now = self._clock.time()
        claims = {
            "iss": self.account,
            "sub": f"{identity.account}.{identity.user}",
            "aud": scope,
            "iat": int(now),
            "exp": math.ceil(now + self.token_lifetime_s),
            "jti": str(uuid.uuid4()),
        }
        token = self._jwts.encode(claims, self._secret, algorithm="HS256")
        return self._issue(self._scoped, token, identity, self.token_lifetime_s, scope)

    def revoke_scoped(self) -> None:
        """End every scoped token now."""
        with self._lock:
            self._scoped.clear()

    def admit_control(self, headers: Mapping[str, str]) -> Identity:
        """Check a request of the control plane: a JWT in either form, or an access token."""
        authorization = headers.get("authorization", "")
        if authorization.startswith(_SNOWFLAKE_JWT):
            return self.verify_jwt(authorization.removeprefix(_SNOWFLAKE_JWT))
        token = _bearer(authorization)
        kind = _kind(headers)
        if kind == _KEYPAIR_JWT:
            return self.verify_jwt(token)
        if kind in _GRANTS:
            return self._look_up(self._access_tokens, token).identity
        raise unauthorized(INVALID_JWT, f"unknown or missing {_TYPE_HEADER}: {kind[:40]!r}")

    def check_grant(self, headers: Mapping[str, str], form: Mapping[str, list[str]]) -> None:
        """Check whether the form of a request for a scoped token is that of its kind of credential.

        Raises:
            Refused: 400.
        """
        kind = _kind(headers)
        grant_type, subject_token_type = _GRANTS[kind]
        if form.get("grant_type") != [grant_type]:
            raise wrong_grant(kind)
        if subject_token_type is not None and form.get("subject_token_type") != [subject_token_type]:
            raise wrong_grant(kind)

    def admit_ingest(self, headers: Mapping[str, str], host: str) -> Identity:
        """Check a request of the ingest plane: a scoped token of this host."""
        token = _bearer(headers.get("authorization", ""))
        if headers.get(_TYPE_HEADER, "OAUTH") != "OAUTH":
            raise unauthorized(INVALID_TOKEN, "the ingest host takes scoped tokens only")
        issued = self._look_up(self._scoped, token)
        if issued.identity.account != self.account:
            raise unauthorized(INVALID_TOKEN, "the scoped token is of another account")
        if issued.scope != host:
            raise unauthorized(INVALID_TOKEN, "the scoped token is for another host")
        return issued.identity

    def verify_jwt(self, token: str) -> Identity:
        """Check a key-pair JWT.

        Raises:
            Refused: 401 with a code, whatever is wrong with it.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.InvalidTokenError, RecursionError):
            raise invalid_jwt("it can't be read") from None
        if header.get("alg") != "RS256":
            raise invalid_jwt("only RS256 is accepted")
        identity, key = self._claimed(claims)
        try:
            jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise invalid_jwt("the signature does not verify") from None
        _check_times(claims, self._clock.time())
        if "scp" in claims and not (isinstance(claims["scp"], str) and _ROLE_SCOPE.fullmatch(claims["scp"])):
            raise invalid_jwt("the claim scp is not session:role: and a role")
        return identity

    def _claimed(self, claims: Mapping[str, Any]) -> tuple[Identity, RSAPublicKey]:
        """Find the key that the claims name, and check that they agree with each other."""
        for name in _REQUIRED_CLAIMS:
            if name not in claims:
                raise invalid_jwt(f"the claim {name} is missing")
        subject, issuer = str(claims["sub"]), str(claims["iss"])
        account, _, user = subject.partition(".")
        if account != self.account:
            raise invalid_jwt("wrong account")
        with self._lock:
            keys = list(self._keys.get(user, {}).values())
        for key in keys:
            if issuer == f"{subject}.{fingerprint(key)}":  # nothing secret: both are public
                return Identity(account, user), key
        raise invalid_jwt("no such user and key fingerprint")

    def _issue(
        self, store: dict[str, _Issued], token: str, identity: Identity, lifetime_s: float, scope: str = ""
    ) -> str:
        with self._lock:
            store[token] = _Issued(identity, self._clock.monotonic() + lifetime_s, scope)
            while len(store) > KEPT_TOKENS:
                del store[next(iter(store))]
        return token

    def _look_up(self, store: dict[str, _Issued], token: str) -> _Issued:
        with self._lock:
            issued = store.get(token)
        if issued is None:
            raise unauthorized(INVALID_TOKEN, "the token is invalid")
        if self._clock.monotonic() >= issued.expires_at:
            raise unauthorized(EXPIRED_TOKEN, "the token has expired")
        return issued


def fingerprint(key: RSAPublicKey) -> str:
    """Return `SHA256:` and the digest of a public key, as `DESC USER` shows it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def _public_key(text: str) -> RSAPublicKey:
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split())))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise no_public_key()
    return key


def _kind(headers: Mapping[str, str]) -> str:
    """Return the kind of credential that a request of the control plane brings."""
    if headers.get("authorization", "").startswith(_SNOWFLAKE_JWT):
        return _KEYPAIR_JWT
    return headers.get(_TYPE_HEADER, "")


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or not token:
        raise unauthorized(INVALID_JWT, "the Authorization header is missing or has an unknown scheme")
    return token


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued_at, expires_at = _seconds(claims["iat"]), _seconds(claims["exp"])
    if expires_at <= now - CLOCK_LEEWAY_S:
        raise unauthorized(EXPIRED_JWT, "JWT token has expired")
    if issued_at > now + CLOCK_LEEWAY_S:
        raise invalid_jwt("it was issued in the future")
    if not 0 < expires_at - issued_at <= MAX_JWT_LIFETIME_S:
        raise invalid_jwt("its life is longer than an hour or negative")
    not_before = claims.get("nbf")
    if not_before is not None and _seconds(not_before) > now + CLOCK_LEEWAY_S:
        raise invalid_jwt("it is not valid yet")


def _seconds(value: Any) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not abs(value) <= _LATEST:  # NaN, which JSON of Python may hold, is refused as well
        raise invalid_jwt("its times are not numbers")
    return value / 1000 if value > _MILLISECONDS_ABOVE else float(value)
