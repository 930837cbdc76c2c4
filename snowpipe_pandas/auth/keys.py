r"""Loads a private key from whatever form it has, and keeps it secret.

PEM (PKCS#8, encrypted PKCS#8, PKCS#1), DER and bare base64 of DER are taken, from a file or inline; and what
happens to these in variables and shells: one line with `\n` in it, quotes, base64 of the PEM, UTF-16.
What can't be used is refused with the reason and the next step. A function that holds key text in a variable
never raises: it returns what is wrong, and the error is raised where only the source's name is known.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import os
import re
import shlex
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from ..errors import PrivateKeyError
from ..files import read_small
from ..shown import visible
from .secret import Secret, hide

MIN_RSA_BITS = 2048
MAX_PATH_LENGTH = 1000
"""A longer "path" is assumed to be the text of a key, and is not shown."""

MAX_PEM_BLOCKS = 100

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_PEM_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----")
_PEM_HEADER = re.compile(rb"(Proc-Type|DEK-Info)\s*:\s*(\S+)")
_PEM_WIDTH = 64
_ESCAPED_RETURN = re.compile(rb"\\+r")
_ESCAPED_NEWLINE = re.compile(rb"\\+n")
_AROUND = b" \t\r\n\"'"
"""What shells, editors and YAML leave around a text."""

_NEW_KEY = "openssl genrsa 2048 | openssl pkcs8 -topk8 -nocrypt -out rsa_key.p8"
_IS_PUBLIC = "is a public key; name the private key (often rsa_key.p8) instead"
_IS_CERTIFICATE = "is a certificate; name the private key that belongs to it instead"
_MALFORMED = f"holds no private key that can be read: truncated or malformed; make one with: {_NEW_KEY}"

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
"""From the URL-safe alphabet of base64 to the standard one."""

_Loader = Callable[[bytes, bytes | None], object]


class KeyFileWarning(UserWarning):
    """A private key file can be read by others."""


@dataclass(frozen=True, slots=True, init=False)
class KeySource:
    """Where a private key comes from: a file, or its text; exactly one of both.

    A source that is a file without a passphrase can be pickled; one that holds secret text can't.

    Args:
        path: file of the key; `~` is the home folder.
        text: the key itself, PEM, DER or bare base64 of DER.
        passphrase: opens an encrypted key.

    Raises:
        PrivateKeyError: both or neither of path and text, or a path that is a key's text.

    >>> KeySource("rsa_key.p8", passphrase="secret")
    KeySource(path='rsa_key.p8', text=None, passphrase=***)
    """

    path: str | None
    text: Secret | None
    passphrase: Secret | None

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        text: str | bytes | Secret | None = None,
        passphrase: str | bytes | Secret | None = None,
    ) -> None:
        # Rebound, and set, before anything can raise: a traceback may show the variables of this frame.
        text, passphrase = hide(text), hide(passphrase)
        file = None if path is None else _path_or_secret(os.fsdecode(path))
        path = file if isinstance(file, str) else None
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "passphrase", passphrase)
        if (file is None) == (text is None):
            raise PrivateKeyError(
                "give the private key either as a file or as text, exactly one of both", source="settings"
            )
        if isinstance(file, Secret):
            raise PrivateKeyError(
                "private_key_file holds a key instead of a path; give the text as private_key=",
                source="private_key_file",
            )

    @property
    def label(self) -> str:
        """Return what messages call this source."""
        return "the inline private key" if self.path is None else f"private key file {self.path!r}"

    def load(self) -> PrivateKey:
        """Read and check the key.

        Raises:
            PrivateKeyError: not a file, not an RSA key of at least 2048 bits, or a passphrase that is
                missing, wrong or not needed.
        """
        key = _parse(self._read() if self.text is None else self.text, self.passphrase)
        if isinstance(key, str):
            raise self._refusal(key)
        if not isinstance(key, RSAPrivateKey):
            raise self._refusal(f"holds {_kind(key)}; Snowflake takes RSA only, make one with: {_NEW_KEY}")
        if key.key_size < MIN_RSA_BITS:
            raise self._refusal(
                f"has {key.key_size} bits; Snowflake wants at least {MIN_RSA_BITS}, make one with: {_NEW_KEY}"
            )
        return PrivateKey(key)

    def _read(self) -> Secret:
        path = Path(os.path.expanduser(self.path or ""))
        content = _hidden(read_small(path))
        if isinstance(content, str):
            raise self._refusal(content)
        _warn_if_readable_by_others(path)
        return content

    def _refusal(self, problem: str) -> PrivateKeyError:
        return PrivateKeyError(f"{self.label} {problem}", source=self.label)


class PrivateKey:
    """An RSA private key. It signs through `jwt.py`, shows its fingerprint, and is never copied."""

    __slots__ = ("_key", "_public_der")

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key
        self._public_der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def __repr__(self) -> str:
        return f"<PrivateKey {self.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not copied or pickled; load it where it is needed")

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and the base64 digest of the public key, as `DESC USER` shows it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self._public_der).digest()).decode()

    @property
    def public_key_base64(self) -> str:
        """The public key as `ALTER USER ... SET RSA_PUBLIC_KEY = '...'` takes it."""
        return base64.b64encode(self._public_der).decode()

    def signing_key(self) -> RSAPrivateKey:
        """Return the key for PyJWT; pass it to nothing else."""
        return self._key


def is_path(text: str) -> bool:
    """Return whether this is a path, and not the text of a key given in its place."""
    return len(text) <= MAX_PATH_LENGTH and "\n" not in text and "-----BEGIN" not in text


def _path_or_secret(text: str) -> str | Secret:
    return text if is_path(text) else Secret(text)


def _hidden(content: bytes | str) -> Secret | str:
    """Hide what a file holds; a text that says what is wrong with it stays a text."""
    return Secret(content) if isinstance(content, bytes) else content


def _parse(content: Secret, passphrase: Secret | None) -> object:
    """Return the key, of whatever kind it is, or a text that says what is wrong."""
    data = content.as_bytes()
    text = _mended(data)
    if not text:
        return "is empty; make a key with: " + _NEW_KEY
    # Secrets of CI systems are base64, often of base64; each decoding makes the text shorter.
    while not _PEM_BEGIN.search(text):
        bare = _decode_base64(text)
        if not bare:
            return _load(load_der_private_key, data, passphrase)
        data, text = bare, _mended(bare)
    return _parse_pem(text, passphrase)


def _parse_pem(text: bytes, passphrase: Secret | None) -> object:
    begun = len(_PEM_BEGIN.findall(text))
    if begun > MAX_PEM_BLOCKS:  # no key file has that many; to match them all takes hours
        return f"holds {begun:,} PEM blocks; keep only the private key in it"
    # openssl writes the curve of an EC key as a separate block before it
    blocks = [block for block in _PEM_BLOCK.finditer(text) if block[1] != b"EC PARAMETERS"]
    if begun > len(_PEM_BLOCK.findall(text)):
        return "is cut off: a BEGIN line has no END line; copy the whole file"
    if not blocks:
        return _MALFORMED
    if len(blocks) > 1:
        return f"holds {len(blocks)} PEM blocks; keep only the private key in it"
    kind, body = blocks[0].groups()
    return _unusable(kind.decode()) or _load(load_pem_private_key, _in_lines(kind, body), passphrase)


def _in_lines(kind: bytes, body: bytes) -> bytes:
    """Return a PEM block with its original lines, whatever happened to their ends."""
    headers = [b": ".join(header) + b"\n" for header in _PEM_HEADER.findall(body)]
    packed = b"".join(_PEM_HEADER.sub(b"", body).split()).translate(_URL_SAFE)
    lines = [packed[at : at + _PEM_WIDTH] + b"\n" for at in range(0, len(packed), _PEM_WIDTH)]
    border = b"-----%s " + kind + b"-----\n"
    return b"".join([border % b"BEGIN", *headers, b"\n" if headers else b"", *lines, border % b"END"])


def _mended(data: bytes) -> bytes:
    r"""Return a key's text in ASCII, with real line ends where a variable holds `\n` as two characters.

    What is not text, such as DER, gives no text, or a damaged one: do not use that in place of `data`.
    """
    encoding = _utf_16(data)
    text = data if encoding is None else data.decode(encoding, errors="replace").encode()
    text = text.replace(codecs.BOM_UTF8, b"")
    if text.isascii():
        text = _ESCAPED_RETURN.sub(b"", text)
        text = _ESCAPED_NEWLINE.sub(b"\n", text)
    return text.strip(_AROUND)


def _utf_16(data: bytes) -> str | None:
    """Return the name of the UTF-16 encoding of an ASCII text, None for other data."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    most = len(data) * 0.45  # of one half; a mark in the middle of the text is not ASCII
    if data[1::2].count(0) > most:
        return "utf-16-le"
    return "utf-16-be" if data[::2].count(0) > most else None


def _unusable(kind: str) -> str | None:
    """Return what is wrong with a PEM block of this kind, None where it is a private key."""
    if kind == "OPENSSH PRIVATE KEY":
        return "is in OpenSSH's own format; rewrite it with: ssh-keygen -p -m PKCS8 -f <file>"
    if "PUBLIC KEY" in kind:
        return _IS_PUBLIC
    if "CERTIFICATE" in kind and "REQUEST" not in kind:
        return _IS_CERTIFICATE
    if "PRIVATE KEY" not in kind:
        return f"holds a {kind.lower()}, not a private key; make one with: {_NEW_KEY}"
    return None


def _load(loader: _Loader, data: bytes, passphrase: Secret | None) -> object:
    """The one place where exceptions of cryptography become our texts, distinguished by their type.

    Called without a passphrase first: only then a TypeError means "encrypted", and a ValueError
    "malformed"; with one, a ValueError of a key that is known to be encrypted means "wrong passphrase".
    """
    try:
        key = loader(data, None)
    except TypeError:
        return _decrypt(loader, data, passphrase)
    except UnsupportedAlgorithm:
        return f"uses an algorithm that is not supported; make a key with: {_NEW_KEY}"
    except ValueError:
        return _what_else(data)
    return "is not encrypted; leave the passphrase out" if passphrase else key


def _decrypt(loader: _Loader, data: bytes, passphrase: Secret | None) -> object:
    if not passphrase:
        return "is encrypted; give its passphrase (private_key_passphrase=...)"
    try:
        return loader(data, passphrase.as_bytes())
    except UnsupportedAlgorithm:
        return "is encrypted in a way that is not supported; rewrite it with: openssl pkcs8 -topk8 -v2 aes256"
    except ValueError:
        return "can't be opened: the passphrase is wrong"


def _what_else(der: bytes) -> str:
    """Say what data that is not a private key is."""
    for loader, answer in (
        (load_der_public_key, _IS_PUBLIC),
        (x509.load_der_x509_certificate, _IS_CERTIFICATE),
    ):
        try:
            loader(der)
        except (ValueError, UnsupportedAlgorithm):
            continue
        return answer
    return _MALFORMED


def _kind(key: object) -> str:
    """Name a private key that is not an RSA key."""
    if isinstance(key, EllipticCurvePrivateKey):
        return "an elliptic-curve (EC) key"
    return "an Ed25519 key" if isinstance(key, Ed25519PrivateKey) else "another kind of key than RSA"


def _decode_base64(text: bytes) -> bytes | None:
    packed = b"".join(text.split()).translate(_URL_SAFE).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error:
        return None


def _warn_if_readable_by_others(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(
            f"private key file {str(path)!r} can be read by others; "
            f"run: chmod 600 {visible(shlex.quote(str(path)))}",
            KeyFileWarning,
            stacklevel=2,
        )
