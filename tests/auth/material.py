"""Keys in every form, made once per process, and what must never be seen of them."""

import base64
import functools
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

PASSPHRASE = "open-sesame-4711"
ACCESS_TOKEN = "pat-secret-0815-abcdefghijklmnopqrstuvwxyz"

DES3_FILE = Path(__file__).parent / "data" / "pbes2_des3.p8"
"""A key for tests only, by `openssl pkcs8 -topk8 -v2 des3`: cryptography reads that but can't write it."""

DES3_PASSPHRASE = "test-passphrase"
DES3_FINGERPRINT = "SHA256:g5k09gI4obK/1eeLZNZAFgQE2S/5V5T6/IKdfo2gD5Q="
"""By `openssl rsa -pubout -outform DER | openssl dgst -sha256 -binary | openssl base64`."""


@functools.cache
def rsa_key(bits=2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def written(key, encoding=Encoding.PEM, form=PrivateFormat.PKCS8, passphrase=None):
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(encoding, form, encryption)


@functools.cache
def pem():
    return written(rsa_key())


@functools.cache
def encrypted_pem():
    return written(rsa_key(), passphrase=PASSPHRASE)


def der():
    return written(rsa_key(), Encoding.DER)


def bare_base64():
    return base64.b64encode(der())


def public(encoding=Encoding.PEM):
    return rsa_key().public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


@functools.cache
def certificate(encoding=Encoding.PEM):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, rsa_key().public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(rsa_key(), hashes.SHA256()).public_bytes(encoding)


def curve_key():
    return ec.generate_private_key(ec.SECP256R1())


def edwards_key():
    return ed25519.Ed25519PrivateKey.generate()


def private_file(path, content):
    """Write a key to a file that only its owner can read; return its path."""
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def secret_texts():
    """Every text that must not be seen: lines of the keys, passphrases and tokens."""
    lines = [line for text in (pem(), encrypted_pem()) for line in text.decode().split("\n")]
    blob = bare_base64().decode()
    return [
        PASSPHRASE,
        ACCESS_TOKEN,
        blob[:60],
        blob[-60:],
        *(line for line in lines if line and not line.startswith("-----")),
    ]


def leaks(text, secrets=None):
    """Return the secrets in a text; their escaped form (of bytes, of a repr) counts."""
    return [secret for secret in secrets or secret_texts() if secret in text]


def shown(error):
    """Return all that a debugger, a notebook or an error tracker could show of an exception.

    That is every frame's local variables, of the exception and of whatever hangs on it, suppressed or
    not. Frames of the tests are left out: they hold the secrets on purpose.
    """
    texts = []
    queue, seen = [error], set()
    while queue:
        current = queue.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        queue += [current.__cause__, current.__context__]
        texts += [str(current), repr(current), repr(current.args), repr(vars(current))]
        texts += traceback.format_exception(current)
        for frame, _ in traceback.walk_tb(current.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                texts += [f"{name} = {_printed(value)}" for name, value in frame.f_locals.items()]
    return "\n".join(texts)


def _printed(value):
    try:
        return repr(value)
    except Exception as error:
        return f"no repr: {error}"  # of an incomplete copy
