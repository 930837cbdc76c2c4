"""Private keys: every form loads, everything else is refused with its reason and the next step."""

import base64
import contextlib
import copy
import functools
import hashlib
import os
import pickle
import textwrap
import time
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.auth.keys import MAX_PATH_LENGTH, KeyFileWarning, KeySource
from snowpipe_pandas.errors import PrivateKeyError
from tests.auth import material
from tests.auth.material import PASSPHRASE, leaks, pem, rsa_key, written

PKCS1 = PrivateFormat.TraditionalOpenSSL

FORMS = {
    "PEM PKCS#8": lambda: (pem(), None),
    "PEM PKCS#8 encrypted, AES": lambda: (material.encrypted_pem(), PASSPHRASE),
    "PEM PKCS#1": lambda: (written(rsa_key(), form=PKCS1), None),
    "PEM PKCS#1 encrypted": lambda: (written(rsa_key(), form=PKCS1, passphrase=PASSPHRASE), PASSPHRASE),
    "DER PKCS#8": lambda: (material.der(), None),
    "DER PKCS#8 encrypted": lambda: (written(rsa_key(), Encoding.DER, passphrase=PASSPHRASE), PASSPHRASE),
    "DER PKCS#1": lambda: (written(rsa_key(), Encoding.DER, PKCS1), None),
    "bare base64 on one line": lambda: (material.bare_base64(), None),
    "bare base64 on many lines": lambda: (b"\r\n".join(pem().splitlines()[1:-1]), None),
    "bare base64, encrypted": lambda: (b"".join(material.encrypted_pem().splitlines()[1:-1]), PASSPHRASE),
    "CRLF and blank lines around": lambda: (b"\r\n\r\n" + pem().replace(b"\n", b"\r\n") + b"\r\n", None),
    "words before the key": lambda: (b"Bag Attributes\n  friendlyName: loader\n" + pem(), None),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("inline", [True, False], ids=["inline", "file"])
def test_every_form_loads_and_is_the_same_key(form, inline, write_private):
    content, passphrase = FORMS[form]()
    place = {"text": content} if inline else {"path": write_private(content)}
    key = KeySource(**place, passphrase=passphrase).load()
    der = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key.fingerprint == "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    assert base64.b64decode(key.public_key_base64) == der
    assert key.signing_key().private_numbers() == rsa_key().private_numbers()


def test_a_key_that_openssl_encrypted_with_3des_loads_with_the_fingerprint_that_openssl_gives():
    source = KeySource(text=material.DES3_FILE.read_bytes(), passphrase=material.DES3_PASSPHRASE)
    assert source.load().fingerprint == material.DES3_FINGERPRINT


@pytest.mark.parametrize("kind", [str, bytes])
def test_text_and_passphrase_may_be_str_or_bytes(kind):
    text, passphrase = material.encrypted_pem(), PASSPHRASE.encode()
    given = {"text": text, "passphrase": passphrase}
    if kind is str:
        given = {name: value.decode() for name, value in given.items()}
    assert KeySource(**given).load().signing_key().key_size == 2048


def test_a_passphrase_outside_of_ascii_is_utf8():
    secret = "schlüssel-鍵-🔑"
    text = written(rsa_key(), passphrase=secret)
    assert KeySource(text=text, passphrase=secret).load().signing_key().key_size == 2048


ON_ITS_WAY = {
    "one line": lambda pem: pem.replace(b"\n", rb"\n"),
    "one line of Windows": lambda pem: pem.replace(b"\n", rb"\r\n"),
    "one line without its borders": lambda pem: rb"\n".join(pem.split(b"\n")[1:-2]),
    "base64 of it": base64.b64encode,
    "base64 of it in lines": base64.encodebytes,
    "base64 of one line": lambda pem: base64.b64encode(pem.replace(b"\n", rb"\n")),
    "UTF-16": lambda pem: pem.decode().encode("utf-16"),
    "UTF-8 with a mark": lambda pem: pem.decode().encode("utf-8-sig"),
    "base64 for URLs": lambda pem: b"".join(pem.split(b"\n")[1:-2]).translate(bytes.maketrans(b"+/", b"-_")),
}


@pytest.mark.parametrize("way", ON_ITS_WAY)
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "text"])
def test_what_variables_and_shells_make_of_a_key_is_the_same_key(way, as_file, write_private):
    text = ON_ITS_WAY[way](pem())
    source = KeySource(write_private(text)) if as_file else KeySource(text=text)
    assert source.load().fingerprint == KeySource(text=pem()).load().fingerprint


@functools.cache
def _fingerprint():
    return KeySource(text=pem()).load().fingerprint


def _in_quotes(text):
    return b'"' + text + b'"'


def _between_blanks(text):
    return b" \t\r\n" + text + b"\n \n"


TEXT_TRANSPORTS = {
    "backslash-n": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", rb"\n"),
    "backslash-r-n": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", rb"\r\n"),
    "CRLF": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "old Mac": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "line ends as blanks": lambda text: b" ".join(text.split(b"\n")),
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "base64 in lines of 64": lambda text: "\n".join(
        textwrap.wrap(base64.b64encode(text).decode(), 64)
    ).encode(),
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 for URLs without its end": lambda text: base64.urlsafe_b64encode(text).rstrip(b"="),
    "double quotes": _in_quotes,
    "single quotes": lambda text: b"'" + text + b"'",
    "blanks around": _between_blanks,
    "a mark of UTF-8": lambda text: b"\xef\xbb\xbf" + text,
}
LAST = {
    "as it is": lambda text: text,
    "UTF-16": lambda text: text.decode("utf-8").encode("utf-16"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.decode("utf-8").encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.decode("utf-8").encode("utf-16-le"),
}
CARRIED = {
    "PKCS#8": lambda: (pem(), None),
    "PKCS#8, encrypted": lambda: (material.encrypted_pem(), PASSPHRASE),
    "PKCS#1": lambda: (written(rsa_key(), form=PKCS1), None),
    "PKCS#1, encrypted": lambda: (written(rsa_key(), form=PKCS1, passphrase=PASSPHRASE), PASSPHRASE),
    "without its borders": lambda: (b"\n".join(pem().splitlines()[1:-1]), None),
    "base64 of DER": lambda: (material.bare_base64(), None),
    "base64 of DER, PKCS#1": lambda: (base64.b64encode(written(rsa_key(), Encoding.DER, PKCS1)), None),
}


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.sampled_from(sorted(CARRIED)),
    st.lists(st.sampled_from(sorted(TEXT_TRANSPORTS)), max_size=4),
    st.sampled_from(sorted(LAST)),
)
def test_a_good_key_is_read_whatever_way_it_came(form, ways, last):
    content, passphrase = CARRIED[form]()
    for way in ways:
        content = TEXT_TRANSPORTS[way](content)
    content = LAST[last](content)
    assert KeySource(text=content, passphrase=passphrase).load().fingerprint == _fingerprint()


@pytest.mark.parametrize("form", ["DER PKCS#8", "DER PKCS#1", "DER PKCS#8 encrypted"])
@pytest.mark.parametrize("way", ["base64", "base64 for URLs without its end", "base64 in lines"])
def test_der_in_two_coats_of_base64_is_read(form, way):
    content, passphrase = FORMS[form]()
    content = base64.b64encode(TEXT_TRANSPORTS[way](content))
    key = KeySource(text=content, passphrase=passphrase).load()
    assert key.fingerprint == KeySource(text=pem()).load().fingerprint


def test_text_in_base64_without_end_is_refused_at_once():
    text = b"no key"
    for _ in range(30):
        text = base64.b64encode(text)
    with pytest.raises(PrivateKeyError, match="truncated or malformed"):
        KeySource(text=text).load()


def test_a_file_of_many_borders_is_refused_at_once():
    started = time.monotonic()
    with pytest.raises(PrivateKeyError, match="holds 30,000 PEM blocks"):
        KeySource(text=b"-----BEGIN PRIVATE KEY-----\n" * 30_000).load()
    assert time.monotonic() - started < 5


def test_an_encrypted_key_in_one_line_is_opened():
    text = material.encrypted_pem().replace(b"\n", rb"\n")
    assert KeySource(text=text, passphrase=material.PASSPHRASE).load()


def test_a_tilde_is_the_home_folder(write_private, monkeypatch, tmp_path):
    write_private(pem(), "rsa_key.p8")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert KeySource("~/rsa_key.p8").load().fingerprint.startswith("SHA256:")


REFUSED = {
    "encrypted, no passphrase": (
        lambda: (material.encrypted_pem(), None),
        "is encrypted; give its passphrase",
    ),
    "encrypted, empty passphrase": (
        lambda: (material.encrypted_pem(), ""),
        "is encrypted; give its passphrase",
    ),
    "PKCS#1 encrypted, no passphrase": (
        lambda: (written(rsa_key(), form=PKCS1, passphrase=PASSPHRASE), None),
        "is encrypted; give its passphrase",
    ),
    "wrong passphrase": (lambda: (material.encrypted_pem(), "not it"), "the passphrase is wrong"),
    "PKCS#1, wrong passphrase": (
        lambda: (written(rsa_key(), form=PKCS1, passphrase=PASSPHRASE), "not it"),
        "the passphrase is wrong",
    ),
    "3DES, wrong passphrase": (
        lambda: (material.DES3_FILE.read_bytes(), "not it"),
        "the passphrase is wrong",
    ),
    "passphrase for a key without one": (
        lambda: (pem(), PASSPHRASE),
        "is not encrypted; leave the passphrase",
    ),
    "cut off in the middle": (lambda: (pem()[:900], None), "is cut off.*copy the whole file"),
    "lines missing in the middle": (
        lambda: (b"\n".join(pem().splitlines()[:9] + pem().splitlines()[12:]), None),
        "truncated or malformed.*openssl genrsa",
    ),
    "DER cut off": (lambda: (material.der()[:500], None), "truncated or malformed.*openssl genrsa"),
    "base64 cut off": (lambda: (material.bare_base64()[:800], None), "truncated or malformed.*openssl"),
    "encrypted and cut, with its passphrase": (
        lambda: (
            b"\n".join([*material.encrypted_pem().splitlines()[:9], b"-----END ENCRYPTED PRIVATE KEY-----"]),
            PASSPHRASE,
        ),
        "truncated or malformed",
    ),
    "something else": (lambda: (b"rsa_key.p8", None), "truncated or malformed.*openssl genrsa"),
    "public key": (lambda: (material.public(), None), "is a public key; name the private key"),
    "public key in DER": (lambda: (material.public(Encoding.DER), None), "is a public key; name the private"),
    "public key as ALTER USER takes it": (
        lambda: (base64.b64encode(material.public(Encoding.DER)), None),
        "is a public key; name the private key",
    ),
    "certificate": (lambda: (material.certificate(), None), "is a certificate; name the private key"),
    "certificate in DER": (lambda: (material.certificate(Encoding.DER), None), "is a certificate; name the"),
    "certificate request": (
        lambda: (b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n", None),
        "holds a certificate request, not a private key",
    ),
    "elliptic curve": (
        lambda: (written(material.curve_key()), None),
        r"holds an elliptic-curve \(EC\) key; Snowflake takes RSA only",
    ),
    "elliptic curve, with its parameters": (
        lambda: (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
            + written(material.curve_key(), form=PKCS1),
            None,
        ),
        r"holds an elliptic-curve \(EC\) key; Snowflake takes RSA only",
    ),
    "Ed25519": (
        lambda: (written(material.edwards_key()), None),
        "holds an Ed25519 key; Snowflake takes RSA only",
    ),
    "Ed448": (
        lambda: (written(ed448.Ed448PrivateKey.generate()), None),
        "holds another kind of key than RSA; Snowflake takes RSA only",
    ),
    "OpenSSH's format": (
        lambda: (written(rsa_key(), form=PrivateFormat.OpenSSH), None),
        "OpenSSH's own format; rewrite it with: ssh-keygen -p -m PKCS8",
    ),
    "1024 bits": (lambda: (written(rsa_key(1024)), None), "has 1024 bits; Snowflake wants at least 2048"),
    "empty": (lambda: (b"", None), "is empty; make a key with: openssl"),
    "nothing but spaces": (lambda: (b" \n\t\n", None), "is empty; make a key with: openssl"),
    "two keys": (lambda: (pem() + pem(), None), "holds 2 PEM blocks; keep only the private key"),
    "key and certificate": (lambda: (pem() + material.certificate(), None), "holds 2 PEM blocks; keep only"),
    "only parameters": (
        lambda: (b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n", None),
        "truncated or malformed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("inline", [True, False], ids=["inline", "file"])
def test_what_cannot_be_used_is_refused_with_its_reason(case, inline, write_private):
    make, reason = REFUSED[case]
    content, passphrase = make()
    file = write_private(content)
    source = (
        KeySource(text=content, passphrase=passphrase) if inline else KeySource(file, passphrase=passphrase)
    )
    name = "the inline private key" if inline else f"private key file '{file}'"
    with pytest.raises(PrivateKeyError, match=reason) as caught:
        source.load()
    assert str(caught.value).startswith(name)
    assert (caught.value.source, caught.value.setting) == (name, "private_key")
    assert caught.value.__context__ is None  # nothing of a library hangs on it


def test_a_missing_file_a_folder_and_an_impossible_path_are_distinguished(tmp_path, key_file):
    for path, reason in [
        (tmp_path / "missing.p8", "missing.p8' does not exist; check the path"),
        (tmp_path, "is a directory; name the file in it"),
        (key_file / "below", "can't be read: Not a directory"),
        ("a\0b", "can't be read: that is not a path"),
        ("~nobody-of-that-name/key", "does not exist"),
    ]:
        with pytest.raises(PrivateKeyError, match=reason):
            KeySource(path).load()


@pytest.mark.parametrize("given", [{}, {"path": "a", "text": "b"}])
def test_a_source_is_a_file_or_a_text_and_exactly_one_of_both(given):
    with pytest.raises(PrivateKeyError, match="exactly one of both"):
        KeySource(**given)


KEYS_AS_PATHS = {"PEM": pem, "base64": material.bare_base64, "first line": lambda: pem()[:27]}


@pytest.mark.parametrize("form", KEYS_AS_PATHS)
def test_a_key_given_as_a_path_is_reported_without_showing_it(form):
    with pytest.raises(PrivateKeyError, match="give the text as private_key=") as caught:
        KeySource(KEYS_AS_PATHS[form]().decode())
    assert not leaks(material.shown(caught.value))


def test_a_long_path_is_still_a_path(tmp_path):
    path = "/".join([str(tmp_path), *["d" * 90] * 9])
    assert 800 < len(path) < MAX_PATH_LENGTH
    with pytest.raises(PrivateKeyError, match="does not exist"):
        KeySource(path).load()


needs_posix = pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")


@needs_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_file_that_others_can_read_gives_one_warning_with_the_command_to_run(tmp_path, mode):
    file = tmp_path / "my key.p8"
    file.write_bytes(pem())
    file.chmod(mode)
    with pytest.warns(KeyFileWarning, match=f"run: chmod 600 '{file}'") as caught:
        KeySource(file).load()
    assert len(caught) == 1


@needs_posix
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_gives_no_warning(key_file, mode):
    key_file.chmod(mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KeySource(key_file).load()


def test_a_source_that_is_a_file_can_be_pickled_and_one_with_secrets_cannot(key_file):
    for twin in (pickle.loads(pickle.dumps(KeySource(key_file))), copy.deepcopy(KeySource(key_file))):
        assert twin == KeySource(key_file)
        assert twin.load().fingerprint == KeySource(key_file).load().fingerprint
    for source in (KeySource(text=pem()), KeySource(key_file, passphrase=PASSPHRASE)):
        for copied in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="a secret is not copied or pickled; name a file"):
                copied(source)


def test_the_repr_of_a_source_names_the_file_and_masks_the_rest(key_file):
    assert repr(KeySource(key_file)) == f"KeySource(path='{key_file}', text=None, passphrase=None)"
    assert repr(KeySource(text=pem(), passphrase="x")) == "KeySource(path=None, text=***, passphrase=***)"


def all_forms():
    return [pem(), material.der(), material.bare_base64(), material.encrypted_pem(), material.public()]


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.data())
def test_no_damage_to_a_key_ends_in_a_library_error(data):
    """Cut, flipped or foreign bytes: the key loads (the damage was harmless) or it is a PrivateKeyError."""
    content = bytearray(data.draw(st.sampled_from(all_forms())))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    start = data.draw(st.integers(0, 40))
    end = data.draw(st.integers(0, len(content)))
    content = bytes(content[start if data.draw(st.booleans()) else 0 :][:end] or content)
    passphrase = data.draw(st.sampled_from([None, PASSPHRASE, "wrong"]))
    with contextlib.suppress(PrivateKeyError):
        KeySource(text=content, passphrase=passphrase).load()


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_a_private_key_error(content):
    with pytest.raises(PrivateKeyError):
        KeySource(text=content).load()
