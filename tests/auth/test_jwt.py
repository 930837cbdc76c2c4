"""The signed JWT, read back with PyJWT and the public key."""

import uuid
import warnings

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.auth.jwt import SNOWFLAKE_JWT, AuthConfig, LifetimeWarning, sign_jwt
from snowpipe_pandas.auth.keys import KeySource
from snowpipe_pandas.errors import ConfigError
from tests.auth import material
from tests.auth.clocks import EPOCH_S


def sign(now=EPOCH_S, **config):
    given = {"account": "myorg-dev", "user": "loader", "key": KeySource(text=material.pem())} | config
    config = AuthConfig(**given)
    return sign_jwt(config, config.key.load(), now=now)


def read(token, **options):
    checked = {"verify_exp": False, "verify_iat": False}  # the tests' clock stands still
    public_key = material.rsa_key().public_key()
    return jwt.decode(token.value, public_key, algorithms=["RS256"], options=checked, **options)


def test_the_claims_are_those_of_the_key_pair_page_and_no_others():
    fingerprint = KeySource(text=material.pem()).load().fingerprint
    token = sign(account="myorg.dev", user=" Loader@example.com ")
    claims = read(token)
    assert uuid.UUID(claims.pop("jti")).version == 4
    assert claims == {
        "iss": f"MYORG-DEV.LOADER@EXAMPLE.COM.{fingerprint}",
        "sub": "MYORG-DEV.LOADER@EXAMPLE.COM",
        "iat": EPOCH_S,
        "exp": EPOCH_S + 3600,
    }
    assert jwt.get_unverified_header(token.value) == {"alg": "RS256", "typ": "JWT"}


def test_building_returns_the_token_and_its_times_in_seconds():
    token = sign(now=EPOCH_S + 0.9, lifetime_s=600)
    claims = read(token)
    assert (token.issued_at, token.expires_at) == (EPOCH_S, EPOCH_S + 600)
    assert (claims["iat"], claims["exp"]) == (token.issued_at, token.expires_at)
    assert isinstance(claims["iat"], int)


def test_an_audience_is_claimed_when_it_is_configured():
    assert read(sign(audience="streaming"), audience="streaming")["aud"] == "streaming"
    with pytest.raises(jwt.InvalidAudienceError):
        read(sign(audience="streaming"), audience="else")


def test_each_token_has_an_id_of_its_own():
    assert len({read(sign())["jti"] for _ in range(20)}) == 20


def test_another_key_does_not_verify_it():
    other = material.rsa_key(3072).public_key()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(sign().value, other, algorithms=["RS256"])


@pytest.mark.parametrize(("asked", "used"), [(0, 30), (29.9, 30), (3600.1, 3600), (86400, 3600), (-5, 30)])
def test_a_lifetime_outside_of_the_limits_is_clamped_with_one_warning(asked, used):
    with pytest.warns(LifetimeWarning, match=rf"{asked:g} s is outside of 30 to 3600 s; {used} s") as caught:
        config = AuthConfig("myorg-dev", "loader", KeySource(text=material.pem()), lifetime_s=asked)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    token = sign_jwt(config, config.key.load(), now=EPOCH_S)
    assert token.expires_at - token.issued_at == used


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.floats(), st.floats(0, 2e10))
def test_no_lifetime_and_no_clock_makes_a_token_that_the_service_would_refuse_for_its_life(lifetime, now):
    key = KeySource(text=material.pem())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LifetimeWarning)
        config = AuthConfig("myorg-dev", "loader", key, lifetime_s=lifetime)
    token = sign_jwt(config, key.load(), now=now)
    assert 30 <= token.expires_at - token.issued_at <= 3600
    assert token.issued_at <= now


@pytest.mark.parametrize("lifetime", [30, 3600])
def test_the_limits_themselves_give_no_warning(lifetime):
    sign(lifetime_s=lifetime)


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"account": "my org"}, "account"),
        ({"user": " "}, "user"),
        ({"authorization_scheme": "Basic"}, "authorization_scheme"),
    ],
)
def test_a_malformed_configuration_is_refused_by_name(given, setting):
    with pytest.raises(ConfigError, match=setting) as caught:
        sign(**given)
    assert caught.value.setting == setting


def test_both_schemes_are_taken():
    assert AuthConfig("a", "u", KeySource("k"), authorization_scheme=SNOWFLAKE_JWT)
    assert AuthConfig("a", "u", KeySource("k")).authorization_scheme == "Bearer"
