"""The local account's door over real HTTP: what is refused, with 401 and a code, and what is let in.

JWTs are crafted here with PyJWT and cryptography, so that the client cannot hide a mistake of the server.
"""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.protocol.auth import Identity

TYPE = "X-Snowflake-Authorization-Token-Type"


@pytest.fixture(scope="module")
def account():
    with sp.local() as account:
        account.sql("CREATE TABLE T (ID NUMBER)")
        yield account


@pytest.fixture(scope="module")
def key(account):
    return load_pem_private_key((account.profile.parent / "rsa_key.p8").read_bytes(), None)


@pytest.fixture(scope="module")
def stranger():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def der(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key):
    return "SHA256:" + base64.b64encode(hashlib.sha256(der(key)).digest()).decode()


def claims(key, **changes):
    now = int(time.time())
    good = {
        "iss": f"LOCAL.DEMO_USER.{fingerprint(key)}",
        "sub": "LOCAL.DEMO_USER",
        "iat": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(key, *, by=None, algorithm="RS256", **changes):
    return jwt.encode(claims(key, **changes), by or key, algorithm=algorithm)


def with_claims(key, **changes):
    """Rightly signed claims of any type: `jwt.encode` would refuse some of them, an attacker would not."""
    return jwt.api_jws.encode(json.dumps(claims(key, **changes)).encode(), key, algorithm="RS256")


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_payload(token, payload):
    """The same header and signature over other claims."""
    header, _, signature = token.split(".")
    return f"{header}.{part(payload)}.{signature}"


def hmac_signed(key):
    """HS256 with the public key as the secret: the classic confusion of algorithms."""
    head = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims(key))}"
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    digest = hmac.new(pem, head.encode(), "sha256").digest()
    return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


NOW = int(time.time())
DEEP = base64.urlsafe_b64encode(b"[" * 6000).decode()
REFUSED_JWTS = {
    "alg none": lambda k, s: f"{part({'alg': 'none'})}.{part(claims(k))}.",
    "HS256 with the public key": lambda k, s: hmac_signed(k),
    "RS512": lambda k, s: signed(k, algorithm="RS512"),
    "PS256": lambda k, s: signed(k, algorithm="PS256"),
    "signed by another key": lambda k, s: signed(k, by=s),
    "another user's key and its fingerprint": lambda k, s: signed(s),
    "wrong fingerprint": lambda k, s: signed(k, iss=f"LOCAL.DEMO_USER.{fingerprint(s)}"),
    "no fingerprint": lambda k, s: signed(k, iss="LOCAL.DEMO_USER"),
    "issuer of another user": lambda k, s: signed(k, iss=f"LOCAL.OTHER.{fingerprint(k)}"),
    "wrong subject": lambda k, s: signed(k, sub="LOCAL.OTHER"),
    "wrong account": lambda k, s: signed(k, sub="OTHER.DEMO_USER", iss=f"OTHER.DEMO_USER.{fingerprint(k)}"),
    "lower case": lambda k, s: signed(k, sub="local.demo_user", iss=f"local.demo_user.{fingerprint(k)}"),
    "expired": lambda k, s: signed(k, iat=NOW - 7200, exp=NOW - 3600),
    "expired, in milliseconds": lambda k, s: signed(k, iat=(NOW - 7200) * 1000, exp=(NOW - 3600) * 1000),
    "issued in the future": lambda k, s: signed(k, iat=NOW + 3000, exp=NOW + 6000),
    "not valid yet": lambda k, s: signed(k, nbf=NOW + 3000),
    "life longer than an hour": lambda k, s: signed(k, exp=NOW + 7200),
    "life without end": lambda k, s: signed(k, exp=2**40),
    "ends before it begins": lambda k, s: signed(k, iat=NOW + 30, exp=NOW + 10),
    "no issuer": lambda k, s: signed(k, iss=None),
    "no subject": lambda k, s: signed(k, sub=None),
    "no issue time": lambda k, s: signed(k, iat=None),
    "no end": lambda k, s: signed(k, exp=None),
    "issuer outside of ASCII": lambda k, s: with_claims(k, iss="LOCAL.DÉMO"),
    "issuer with half a character": lambda k, s: with_claims(k, iss="\ud800"),
    "issuer that is a list": lambda k, s: with_claims(k, iss=[f"LOCAL.DEMO_USER.{fingerprint(k)}"]),
    "subject that is a list": lambda k, s: with_claims(k, sub=["LOCAL.DEMO_USER"]),
    "claims that are a list": lambda k, s: jwt.api_jws.encode(b"[1]", k, algorithm="RS256"),
    "claims that are no JSON": lambda k, s: jwt.api_jws.encode(b"\xff", k, algorithm="RS256"),
    "claims nested without end": lambda k, s: f"{part({'alg': 'RS256'})}.{DEEP}.AAAA",
    "a list of algorithms": lambda k, s: f"{part({'alg': ['RS256']})}.{part(claims(k))}.AAAA",
    "no algorithm": lambda k, s: f"{part({'typ': 'JWT'})}.{part(claims(k))}.AAAA",
    "another alphabet": lambda k, s: "é.é.é",
    "tampered payload": lambda k, s: with_payload(signed(k), claims(k, exp=NOW + 3000)),
    "tampered signature": lambda k, s: signed(k)[:-8] + "AAAAAAAA",
    "truncated": lambda k, s: signed(k)[: len(signed(k)) // 2],
    "no signature": lambda k, s: signed(k).rpartition(".")[0] + ".",
    "garbage": lambda k, s: "garbage",
}


def assert_refused(answer):
    assert answer.status_code == 401
    assert answer.json()["code"]
    assert answer.json()["message"]


def discover(account, headers):
    return requests.get(
        f"{account.url}/v2/streaming/hostname", headers={"Accept": "*/*", **headers}, timeout=10
    )


def bearer(token, kind="KEYPAIR_JWT"):
    return {"Authorization": f"Bearer {token}", TYPE: kind}


@pytest.mark.parametrize("case", REFUSED_JWTS)
def test_a_jwt_that_is_not_right_is_refused_in_both_header_forms(account, key, stranger, case):
    token = REFUSED_JWTS[case](key, stranger)
    assert_refused(discover(account, bearer(token)))
    assert_refused(discover(account, {"Authorization": f"Snowflake JWT {token}"}))


NO_TIMES = {
    "a word": "now",
    "digits": str(NOW),
    "a truth": True,
    "a list": [],
    "an object": {},
    "NaN": float("nan"),
    "infinity": float("inf"),
    "too late": 10**400,
    "too early": -(10**400),
}


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("case", NO_TIMES)
def test_a_rightly_signed_jwt_whose_times_are_no_times_is_refused(account, key, claim, case):
    answer = discover(account, bearer(with_claims(key, **{claim: NO_TIMES[case]})))
    assert_refused(answer)
    assert "times are not numbers" in answer.json()["message"]


REFUSED_HEADERS = {
    "no header": lambda token: {},
    "no token": lambda token: {"Authorization": "Bearer "},
    "another scheme": lambda token: {"Authorization": f"Basic {token}", TYPE: "KEYPAIR_JWT"},
    "no token type": lambda token: {"Authorization": f"Bearer {token}"},
    "unknown token type": lambda token: bearer(token, "SESSION"),
    "a JWT as access token": lambda token: bearer(token, "PROGRAMMATIC_ACCESS_TOKEN"),
}


@pytest.mark.parametrize("case", REFUSED_HEADERS)
def test_a_good_jwt_in_wrong_headers_is_refused(account, key, case):
    assert_refused(discover(account, REFUSED_HEADERS[case](signed(key))))


def ask_for_scoped(account, token):
    host = urlsplit(account.url).hostname
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "scope": host}
    return requests.post(f"{account.url}/oauth/token", data=form, headers=bearer(token), timeout=10)


def exchange(account, key):
    return ask_for_scoped(account, signed(key)).text


def ingest_url(account):
    return f"{account.url}/v2/streaming/databases/DEMO/schemas/PUBLIC/pipes/T-STREAMING:bulk-channel-status"


def ingest(account, token, kind="OAUTH"):
    headers = bearer(token, kind)
    return requests.post(ingest_url(account), json={"channel_names": []}, headers=headers, timeout=10)


def test_a_scoped_token_is_let_in_to_the_ingest_host_and_nowhere_else(account, key):
    token = exchange(account, key)
    assert ingest(account, token).status_code == 200
    assert_refused(discover(account, bearer(token)))
    assert_refused(discover(account, bearer(token, "OAUTH")))
    assert_refused(discover(account, {"Authorization": f"Snowflake JWT {token}"}))


def test_the_ingest_host_takes_nothing_but_scoped_tokens(account, key):
    assert_refused(ingest(account, signed(key)))
    assert_refused(ingest(account, signed(key), "KEYPAIR_JWT"))
    assert_refused(ingest(account, account.door.issue_access_token("DEMO_USER"), "PROGRAMMATIC_ACCESS_TOKEN"))
    assert_refused(ingest(account, account.door.issue_access_token("DEMO_USER")))
    assert_refused(ingest(account, "unknown"))
    assert_refused(ingest(account, exchange(account, key), "PROGRAMMATIC_ACCESS_TOKEN"))
    assert_refused(requests.post(ingest_url(account), json={"channel_names": []}, timeout=10))


def test_a_scoped_token_of_another_account_or_host_is_refused(account, key):
    with sp.local() as other:
        assert_refused(ingest(other, exchange(account, key)))
    issue = account.door.issue_scoped
    here = urlsplit(account.url).hostname
    assert ingest(account, issue(Identity("LOCAL", "DEMO_USER"), here)).status_code == 200
    assert_refused(ingest(account, issue(Identity("LOCAL", "DEMO_USER"), "other-host")))
    assert_refused(ingest(account, issue(Identity("OTHER", "DEMO_USER"), here)))


def test_an_expired_and_a_revoked_scoped_token_are_refused_with_codes_of_their_own(key):
    with sp.local(token_lifetime_s=0.0) as account:
        own = load_pem_private_key((account.profile.parent / "rsa_key.p8").read_bytes(), None)
        expired = ingest(account, exchange(account, own))
        assert_refused(expired)
    with sp.local() as account:
        own = load_pem_private_key((account.profile.parent / "rsa_key.p8").read_bytes(), None)
        token = exchange(account, own)
        account.door.revoke_scoped()
        revoked = ingest(account, token)
        assert_refused(revoked)
    assert expired.json()["code"] != revoked.json()["code"]


def test_a_scoped_token_is_issued_for_a_good_jwt_only(account, key, stranger):
    assert_refused(ask_for_scoped(account, signed(stranger)))
    assert_refused(ask_for_scoped(account, signed(key, iat=NOW - 7200, exp=NOW - 3600)))
    assert_refused(ask_for_scoped(account, exchange(account, key)))


TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANTS = {
    "KEYPAIR_JWT": {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"},
    "PROGRAMMATIC_ACCESS_TOKEN": {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": "programmatic_access_token",
    },
    "OAUTH": {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    },
}


@pytest.mark.parametrize("form", GRANTS)
@pytest.mark.parametrize("kind", GRANTS)
def test_each_kind_of_credential_is_exchanged_in_its_own_form(account, key, kind, form):
    token = signed(key) if kind == "KEYPAIR_JWT" else account.door.issue_access_token("DEMO_USER")
    body = GRANTS[form] | {"scope": urlsplit(account.url).hostname}
    answer = requests.post(f"{account.url}/oauth/token", data=body, headers=bearer(token, kind), timeout=10)
    assert answer.status_code == (200 if kind == form else 400)
    if kind == form:
        assert ingest(account, answer.text).status_code == 200


def test_a_scoped_token_holds_its_end_by_the_clock_of_the_account(key):
    with sp.local(token_lifetime_s=100) as account:
        account.clock.move(5000)
        own = load_pem_private_key((account.profile.parent / "rsa_key.p8").read_bytes(), None)
        now = int(time.time()) + 5000
        token = ask_for_scoped(account, signed(own, iat=now, exp=now + 60)).text
        held = jwt.decode(token, options={"verify_signature": False})
        assert held["exp"] - now in (100, 101, 102)
        assert held["aud"] == "127.0.0.1"


def test_a_scoped_token_that_nobody_issued_is_refused(account, key):
    issued = exchange(account, key)
    claimed = jwt.decode(issued, options={"verify_signature": False})
    forged = jwt.encode(claimed | {"exp": claimed["exp"] + 100}, "x" * 32, algorithm="HS256")
    assert_refused(ingest(account, forged))
    assert_refused(ingest(account, signed(key)))


def test_an_exchange_for_another_host_is_refused(account, key):
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "scope": "elsewhere"}
    answer = requests.post(f"{account.url}/oauth/token", data=form, headers=bearer(signed(key)), timeout=10)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes", [{}, {"iat": NOW * 1000, "exp": (NOW + 3600) * 1000}, {"aud": "any"}, {"jti": "1"}]
)
def test_a_good_jwt_is_let_in_in_seconds_and_milliseconds_and_both_forms(account, key, changes):
    token = signed(key, **changes)
    assert discover(account, bearer(token)).text == urlsplit(account.url).hostname
    assert discover(account, {"Authorization": f"Snowflake JWT {token}"}).status_code == 200


@pytest.mark.parametrize("kind", ["PROGRAMMATIC_ACCESS_TOKEN", "OAUTH"])
def test_an_access_token_is_let_in_on_the_control_plane(account, kind):
    assert discover(account, bearer(account.door.issue_access_token("DEMO_USER"), kind)).status_code == 200


def test_an_expired_access_token_is_refused(account):
    token = account.door.issue_access_token("DEMO_USER", lifetime_s=0.0)
    assert_refused(discover(account, bearer(token, "PROGRAMMATIC_ACCESS_TOKEN")))


def test_a_user_with_a_key_of_their_own_cannot_sign_for_another_user(stranger):
    with sp.local() as account:
        public = base64.b64encode(der(stranger)).decode()
        account.sql(f"ALTER USER OTHER SET RSA_PUBLIC_KEY = '{public}'")
        own = {"sub": "LOCAL.OTHER", "iss": f"LOCAL.OTHER.{fingerprint(stranger)}"}
        assert discover(account, bearer(signed(stranger, **own))).status_code == 200
        assert_refused(discover(account, bearer(signed(stranger))))
        assert_refused(discover(account, bearer(signed(stranger, sub="LOCAL.DEMO_USER", iss=own["iss"]))))
        assert_refused(discover(account, bearer(signed(stranger, sub=own["sub"]))))


def test_keys_rotate_by_sql_and_a_revoked_one_is_refused(stranger):
    with sp.local() as account:
        first = load_pem_private_key((account.profile.parent / "rsa_key.p8").read_bytes(), None)
        public = base64.b64encode(der(stranger)).decode()
        assert_refused(discover(account, bearer(signed(stranger))))
        account.sql(f"ALTER USER DEMO_USER SET RSA_PUBLIC_KEY_2 = '{public}'")
        assert discover(account, bearer(signed(stranger))).status_code == 200
        assert discover(account, bearer(signed(first))).status_code == 200
        account.sql("ALTER USER DEMO_USER UNSET RSA_PUBLIC_KEY")
        assert_refused(discover(account, bearer(signed(first))))
        with pytest.raises(sp.SnowpipeError, match="not an RSA public key"):
            account.sql("ALTER USER DEMO_USER SET RSA_PUBLIC_KEY = 'nonsense'")
