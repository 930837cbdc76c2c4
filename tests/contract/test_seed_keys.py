"""The seed's lines T003 and T014: a private key in any form connects, anything else is told apart.

Each case goes through `sp.connect`; the good ones on to the account, which knows the public key.
"""

import traceback

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import PrivateKeyError
from tests.auth import material
from tests.auth.test_keys import FORMS
from tests.support.loads import make_table, numbers, open_channel


@pytest.fixture(scope="module")
def account():
    """An account whose user has the public keys of the tests."""
    with sp.local(commit_lag_s=0.01) as account:
        make_table(account)
        yield account


def register(account, key):
    account.sql(f"ALTER USER DEMO_USER SET RSA_PUBLIC_KEY = '{key}'")


def settings(account, **key):
    return {"url": account.url, "account": "LOCAL", "user": "DEMO_USER", **key}


def streams(account, form, **key):
    with sp.connect(**settings(account, **key)) as client:
        register(account, client._credential.public_key_base64)
        channel = open_channel(client, form.replace(" ", "-"))
        return numbers(2).snowpipe.stream(channel, progress=False).committed


CONNECTING = FORMS | {
    "PEM PKCS#8 encrypted, 3DES": lambda: (material.DES3_FILE.read_bytes(), material.DES3_PASSPHRASE)
}


@pytest.mark.parametrize("form", CONNECTING)
def test_t003_t014_a_key_in_any_form_signs_for_a_load_by_path_and_inline(account, tmp_path, form):
    content, passphrase = CONNECTING[form]()
    file = material.private_file(tmp_path / "key", content)
    assert streams(account, form, private_key_file=file, private_key_passphrase=passphrase)
    assert streams(account, form, private_key=content, private_key_passphrase=passphrase)


def _curve():
    return material.written(material.curve_key())


def _without_middle():
    lines = material.pem().splitlines()
    return b"\n".join(lines[:9] + lines[12:])


REFUSED = {
    "an encrypted key without a passphrase": (
        lambda: (material.encrypted_pem(), None),
        "is encrypted; give its",
    ),
    "a wrong passphrase": (lambda: (material.encrypted_pem(), "not it"), "the passphrase is wrong"),
    "a truncated key": (lambda: (material.pem()[:900], None), "is cut off: .* copy the whole file"),
    "a malformed key": (lambda: (_without_middle(), None), "holds no private key that can be read"),
    "a public key": (lambda: (material.public(), None), "is a public key; name the private key"),
    "an EC key": (lambda: (_curve(), None), "holds an elliptic-curve .EC. key; Snowflake takes RSA only"),
    "an Ed25519 key": (
        lambda: (material.written(material.edwards_key()), None),
        "holds an Ed25519 key; Snowflake takes RSA only",
    ),
    "a short RSA key": (lambda: (material.written(material.rsa_key(1024)), None), "has 1024 bits; .* 2048"),
    "an empty file": (lambda: (b"", None), "is empty; make a key with: openssl"),
    "a directory": (None, "is a directory; name the file in it"),
    "a missing file": (None, "does not exist; check the path"),
    "a certificate": (lambda: (material.certificate(), None), "is a certificate; name the private key"),
    "two keys in one file": (
        lambda: (material.pem() + material.pem(), None),
        "holds 2 PEM blocks; keep only the private key",
    ),
}


def refusal(account, tmp_path, case):
    make, _ = REFUSED[case]
    content, passphrase = (None, None) if make is None else make()
    file = tmp_path if case == "a directory" else tmp_path / case
    if content is not None:
        material.private_file(file, content)
    with pytest.raises(PrivateKeyError) as caught:
        sp.connect(**settings(account, private_key_file=file, private_key_passphrase=passphrase))
    return caught


@pytest.mark.parametrize("case", REFUSED)
def test_t003_t014_what_is_no_usable_key_is_its_own_clear_error(account, tmp_path, case):
    caught = refusal(account, tmp_path, case)
    assert caught.match(REFUSED[case][1])
    assert str(tmp_path) in str(caught.value)
    printed = "".join(traceback.format_exception(caught.value))
    assert printed.count("Traceback") == 1, "nothing of a library hangs on it"
    assert "site-packages" not in printed


def test_t003_t014_no_two_of_them_read_the_same(account, tmp_path):
    texts = {case: str(refusal(account, tmp_path, case).value).rpartition("' ")[2] for case in REFUSED}
    assert len(set(texts.values())) == len(REFUSED)
