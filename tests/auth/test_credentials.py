"""Credentials: the headers they make, and what they do about a refusal."""

import traceback

import jwt
import pytest

from snowpipe_pandas.auth.credentials import (
    OAUTH,
    PROGRAMMATIC_ACCESS_TOKEN,
    AccessTokenCredential,
    KeyPairCredential,
)
from snowpipe_pandas.auth.jwt import AuthConfig
from snowpipe_pandas.auth.keys import KeySource
from snowpipe_pandas.auth.tokens import ClockSkewWarning
from snowpipe_pandas.errors import ConfigError, PrivateKeyError
from tests.auth import material
from tests.auth.clocks import EPOCH_S
from tests.support.callers import ANYBODY

TYPE = "X-Snowflake-Authorization-Token-Type"


def key_pair(hands, **config):
    key = KeySource(text=material.pem())
    return KeyPairCredential(AuthConfig("myorg.dev", " loader ", key, **config), hands.clock)


def access_token(hands, token=material.ACCESS_TOKEN, kind=PROGRAMMATIC_ACCESS_TOKEN):
    return AccessTokenCredential(kind, token, account="myorg-dev", user="loader", clock=hands.clock)


def claims(credential):
    return jwt.decode(credential.token(ANYBODY).value, options={"verify_signature": False})


def test_a_jwt_goes_out_as_bearer_with_its_type_by_default(hands):
    credential = key_pair(hands)
    token = credential.token(ANYBODY)
    assert credential.headers(token) == {"Authorization": f"Bearer {token.value}", TYPE: "KEYPAIR_JWT"}
    assert credential.kind == "KEYPAIR_JWT"


def test_the_other_scheme_says_everything_in_one_header(hands):
    credential = key_pair(hands, authorization_scheme="Snowflake JWT")
    token = credential.token(ANYBODY)
    assert credential.headers(token) == {"Authorization": f"Snowflake JWT {token.value}"}


def test_a_key_pair_says_who_it_is(hands):
    credential = key_pair(hands)
    key = KeySource(text=material.pem()).load()
    assert (credential.account, credential.user) == ("MYORG-DEV", "LOADER")
    assert credential.fingerprint == key.fingerprint
    assert credential.public_key_base64 == key.public_key_base64
    assert repr(credential) == f"<KeyPairCredential MYORG-DEV.LOADER {key.fingerprint}>"


def test_a_jwt_is_signed_once_and_again_near_its_end(hands):
    credential = key_pair(hands)
    first = credential.token(ANYBODY)
    hands.pass_time(3239)
    assert credential.token(ANYBODY) is first
    hands.pass_time(1)
    assert credential.token(ANYBODY).issued_at == EPOCH_S + 3240


def test_a_refused_jwt_is_signed_anew_and_tried_again(hands):
    credential = key_pair(hands)
    refused = credential.token(ANYBODY)
    before = claims(credential)["jti"]
    assert credential.refused(refused, ANYBODY)
    assert claims(credential)["jti"] != before


def test_a_late_refusal_of_the_old_jwt_does_not_sign_again(hands):
    credential = key_pair(hands)
    old = credential.token(ANYBODY)
    credential.refused(old, ANYBODY)
    new = credential.token(ANYBODY)
    assert credential.refused(old, ANYBODY)
    assert credential.token(ANYBODY) is new


@pytest.mark.parametrize("offset_s", [300, -300, 7200, -7200])
def test_after_a_refusal_the_jwt_is_signed_with_the_servers_time(hands, offset_s):
    credential = key_pair(hands)
    refused = credential.token(ANYBODY)
    with pytest.warns(ClockSkewWarning):
        hands.clock.learn(EPOCH_S + offset_s)
    credential.refused(refused, ANYBODY)
    assert claims(credential)["iat"] == EPOCH_S + offset_s
    assert claims(credential)["exp"] == EPOCH_S + offset_s + 3600


def test_a_key_that_cannot_be_used_is_reported_when_the_credential_is_made(hands):
    with pytest.raises(PrivateKeyError, match="does not exist"):
        KeyPairCredential(AuthConfig("a", "u", KeySource("/nowhere/key.p8")), hands.clock)


def test_the_hint_names_user_key_and_the_next_step(hands):
    credential = key_pair(hands)
    assert credential.fingerprint in credential.hint(401)
    assert "LOADER" in credential.hint(401)
    assert "doctor" in credential.hint(401)
    assert "privilege" in credential.hint(403)
    assert "revoked" in access_token(hands).hint(401)


@pytest.mark.parametrize("kind", ["PROGRAMMATIC_ACCESS_TOKEN", "OAUTH"])
def test_an_access_token_goes_out_as_bearer_with_its_type(hands, kind):
    credential = access_token(hands, f" {material.ACCESS_TOKEN}\n", kind)
    headers = credential.headers(credential.token(ANYBODY))
    assert headers == {"Authorization": f"Bearer {material.ACCESS_TOKEN}", TYPE: kind}
    assert (credential.kind, credential.account, credential.user) == (kind, "MYORG-DEV", "LOADER")
    assert credential.fingerprint == ""


def test_a_text_that_was_refused_cannot_be_bettered(hands):
    credential = access_token(hands)
    token = credential.token(ANYBODY)
    assert not credential.refused(token, ANYBODY)
    assert credential.token(ANYBODY) is token


def test_a_function_is_asked_once_and_again_after_a_refusal(hands):
    texts = iter(["first", "second"])
    credential = access_token(hands, lambda: next(texts), OAUTH)
    first = credential.token(ANYBODY)
    hands.pass_time(1e6)
    assert credential.token(ANYBODY) is first
    assert credential.refused(first, ANYBODY)
    assert credential.headers(credential.token(ANYBODY))["Authorization"] == "Bearer second"
    assert credential.refused(first, ANYBODY), "renewed meanwhile: worth another try, without asking again"


def test_a_function_that_has_nothing_new_makes_no_second_try_worthwhile(hands):
    credential = access_token(hands, lambda: "the-same")
    assert not credential.refused(credential.token(ANYBODY), ANYBODY)


ODD_CHARACTERS = "has characters that tokens can't have"
NO_TOKENS = {
    "": "is empty",
    "  \n": "is empty",
    **dict.fromkeys(
        ["two words", "line\nbreak", "line\r\nX-Evil: 1", "zw\xf6lf", "a\0b", "\udcff", "a\x7f"],
        ODD_CHARACTERS,
    ),
    "<html><body>sign in</body></html>": "is a page of HTML",
    '{"token":"abc"}': "is JSON",
    '"abc"': "is JSON",
    "x" * 64_001: "is longer than 64,000 bytes",
}


@pytest.mark.parametrize("text", [*NO_TOKENS])
@pytest.mark.parametrize("called", [True, False], ids=["function", "text"])
def test_what_no_header_can_hold_is_refused_without_being_quoted(hands, text, called):
    credential = access_token(hands, (lambda: text) if called else text)
    with pytest.raises(ConfigError, match=f"the access token {NO_TOKENS[text]}") as caught:
        credential.token(ANYBODY)
    assert caught.value.setting == "token"
    shown = "".join(traceback.format_exception(caught.value))
    assert not text.strip() or text not in shown


@pytest.mark.parametrize(("answer", "kind"), [(None, "NoneType"), (b"abc", "bytes"), (5, "int")])
def test_a_function_that_does_not_return_a_text_is_reported(hands, answer, kind):
    with pytest.raises(ConfigError, match=f"token= returned {kind}, not text"):
        access_token(hands, lambda: answer).token(ANYBODY)


def test_an_error_of_the_function_reaches_the_caller_and_the_next_call_asks_again(hands):
    answers = iter([LookupError("vault is sealed"), "good"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    credential = access_token(hands, ask)
    with pytest.raises(LookupError, match="vault is sealed"):
        credential.token(ANYBODY)
    assert credential.token(ANYBODY).value == "good"


def test_an_unknown_kind_is_refused(hands):
    with pytest.raises(ConfigError, match="'KERBEROS' is not a kind of access token"):
        access_token(hands, kind="KERBEROS")
