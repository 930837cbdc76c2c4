"""Loads a private key from whatever form it has, and keeps it to itself.

PEM (PKCS#8, encrypted PKCS#8, PKCS#1), DER and bare base64 of DER are taken, from a file or inline.
What can't be used is refused with the reason and the next step; neither key nor passphrase is ever
part of a message, a repr or a pickle.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from ..errors import PrivateKeyError

MIN_RSA_BITS = 2048
_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PEM_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_NEW_KEY = "openssl genrsa 2048 | openssl pkcs8 -topk8 -nocrypt -out rsa_key.p8"


class KeyFileWarning(UserWarning):
    """A private key file can be read by others."""


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a private key comes from: a file, or its text; exactly one of both.

    Attributes:
        path: file of the key.
        text: the key itself, PEM, DER or bare base64 (masked in repr, never pickled).
        passphrase: opens an encrypted key (masked in repr, never pickled).

    >>> KeySource(path="rsa_key.p8", passphrase="secret")
    KeySource(path='rsa_key.p8', text=None, passphrase='***')
    """

    path: str | os.PathLike[str] | None = None
    text: str | bytes | None = field(default=None)
    passphrase: str | bytes | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.text is None):
            raise PrivateKeyError(
                "give the private key either as a file or as text, exactly one of both", source="settings"
            )

    def __repr__(self) -> str:
        path = None if self.path is None else os.fspath(self.path)
        text = None if self.text is None else "***"
        passphrase = None if self.passphrase is None else "***"
        return f"KeySource({path=}, {text=}, {passphrase=})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeySource can hold secrets and is not copied or pickled; name the file instead")

    __deepcopy__ = None

    @property
    def label(self) -> str:
        """Return what messages call this source."""
        return "the inline private key" if self.path is None else f"private key file {os.fspath(self.path)!r}"

    def load(self) -> PrivateKey:
        """Read and check the key.

        Raises:
            PrivateKeyError: no file, no key, no RSA key of at least 2048 bits, or a passphrase that is
                missing, wrong or not needed.
        """
        data = self._read()
        if not data.strip():
            raise self._refusal("is empty; make a key with: " + _NEW_KEY)
        self._check_pem_blocks(data)
        key = self._parse(data)
        if not isinstance(key, RSAPrivateKey):
            raise self._refusal(f"holds no RSA key; Snowflake takes RSA only, make one with: {_NEW_KEY}")
        if key.key_size < MIN_RSA_BITS:
            raise self._refusal(
                f"has {key.key_size} bits; Snowflake wants at least {MIN_RSA_BITS}, make one with: {_NEW_KEY}"
            )
        return PrivateKey(key)

    def _read(self) -> bytes:
        if self.text is not None:
            return self.text.encode() if isinstance(self.text, str) else self.text
        path = Path(os.fspath(self.path or "")).expanduser()
        if path.is_dir():
            raise self._refusal("is a directory; name the key file in it")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise self._refusal("does not exist; check the path") from None
        except OSError as error:
            raise self._refusal(f"can't be read: {error.strerror}") from None
        _warn_if_readable_by_others(path)
        return data

    def _check_pem_blocks(self, data: bytes) -> None:
        """Tell the mistakes apart that a PEM parser would lump together."""
        begun = [name.decode() for name in _PEM_BEGIN.findall(data)]
        kinds = [name.decode() for name in _PEM_BLOCK.findall(data)]
        if len(begun) > len(kinds):
            raise self._refusal("is cut off: a BEGIN line has no END line; copy the whole file")
        if len(kinds) > 1:
            raise self._refusal(f"holds {len(kinds)} PEM blocks; keep only the private key in it")
        if kinds and "PUBLIC KEY" in kinds[0]:
            raise self._refusal("is a public key; name the private key (often rsa_key.p8) instead")
        if kinds and "CERTIFICATE" in kinds[0]:
            raise self._refusal("is a certificate; name the private key that belongs to it instead")
        if kinds and "PRIVATE KEY" not in kinds[0]:
            raise self._refusal(f"holds a {kinds[0].title()}, not a private key; make one with: {_NEW_KEY}")

    def _parse(self, data: bytes) -> object:
        passphrase = self.passphrase.encode() if isinstance(self.passphrase, str) else self.passphrase
        if _PEM_BEGIN.search(data):
            return self._guarded_load(load_pem_private_key, data.strip(), passphrase or None)
        try:
            return self._guarded_load(load_der_private_key, data, passphrase or None)
        except PrivateKeyError as error:
            decoded = _decode_base64(data)
            if decoded is None or "passphrase" in str(error):
                raise
        return self._guarded_load(load_der_private_key, decoded, passphrase or None)

    def _guarded_load(self, load: object, data: bytes, passphrase: bytes | None) -> object:
        """The one place where exceptions of cryptography become ours; their texts are not passed on."""
        problem: str
        try:
            return load(data, passphrase)  # type: ignore[operator]  # one of two loaders of cryptography
        except TypeError:
            problem = (
                "is encrypted; give its passphrase (private_key_passphrase=...)"
                if passphrase is None
                else "is not encrypted; leave the passphrase out"
            )
        except UnsupportedAlgorithm:
            problem = f"uses an algorithm that is not supported; make a key with: {_NEW_KEY}"
        except ValueError as error:
            problem = self._malformed(str(error), data, passphrase)
        raise self._refusal(problem)

    def _malformed(self, reason: str, data: bytes, passphrase: bytes | None) -> str:
        if passphrase is not None and ("password" in reason or "decrypt" in reason or "padding" in reason):
            return "can't be opened: the passphrase is wrong"
        if "key_size" in reason or "1024" in reason or "bit" in reason:
            return f"is too small; Snowflake wants at least {MIN_RSA_BITS} bits, make one with: {_NEW_KEY}"
        if _is_public_der(data):
            return "is a public key; name the private key (often rsa_key.p8) instead"
        return f"holds no private key that can be read: truncated or malformed; make one with: {_NEW_KEY}"

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
        """Return the key for PyJWT; hand it to nothing else."""
        return self._key


def _decode_base64(data: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_public_der(data: bytes) -> bool:
    try:
        load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def _warn_if_readable_by_others(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.warn(
            f"private key file {str(path)!r} can be read by others; run: chmod 600 {path}",
            KeyFileWarning,
            stacklevel=2,
        )
