"""The account's files: a key pair, a ready profile.json, and with TLS a certificate to trust."""

from __future__ import annotations

import base64
import functools
import json
import os
import ssl
from pathlib import Path
from typing import Any

import trustme
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ..errors import UsageError

KEY_FILE = "rsa_key.p8"
PROFILE_FILE = "profile.json"
CA_FILE = "ca.pem"
RSA_BITS = 2048


class AccountFiles:
    """Files in a private folder; a folder that has a key already keeps it.

    Args:
        folder: where the files are; made with mode 0700.
        lasting: whether the folder outlives the account, and its key is its own. Accounts that leave no
            files share one key per process: making one is half of what their start costs.
        tls: make a certificate for 127.0.0.1 and localhost.

    Raises:
        UsageError: the key that is there can't be used.
        OSError: the folder can't.
    """

    def __init__(self, folder: Path, *, lasting: bool, tls: bool) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.profile = folder / PROFILE_FILE
        self.tls: ssl.SSLContext | None = None
        self._key_file = folder / KEY_FILE
        if os.path.lexists(self._key_file):
            key = _read_key(self._key_file)
        else:
            key = _new_key() if lasting else _key_of_this_process()
            _write(self._key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._public_key = key.public_key()
        if tls:
            self._make_certificate()

    def public_key_base64(self) -> str:
        """Return the public key as `ALTER USER ... SET RSA_PUBLIC_KEY` takes it."""
        der = self._public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def write_profile(self, *, url: str, account: str, user: str, database: str, schema: str) -> None:
        """Write profile.json, in the official SDK's format."""
        profile: dict[str, Any] = {
            "url": url,
            "account": account,
            "user": user,
            "private_key_file": str(self._key_file.resolve()),
            "database": database,
            "schema": schema,
        }
        if self.tls is not None:
            profile["ca_file"] = str((self._folder / CA_FILE).resolve())
        _write(self.profile, (json.dumps(profile, indent=2) + "\n").encode())

    def _make_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.tls)
        authority.cert_pem.write_to_path(self._folder / CA_FILE)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


@functools.cache
def _key_of_this_process() -> rsa.RSAPrivateKey:
    return _new_key()


def _read_key(file: Path) -> rsa.RSAPrivateKey:
    try:
        if not file.is_file():
            raise ValueError("it is not a file")
        key = load_pem_private_key(file.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < RSA_BITS:
            raise ValueError(f"it is not an RSA key of at least {RSA_BITS} bits")
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise UsageError(
            f"the account's key {str(file)!r} can't be used ({error}): remove it, and a new one is made"
        ) from None
    return key


def _write(file: Path, content: bytes) -> None:
    """Write a private file whole or not at all: a kill or a concurrent reader never finds half of it."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    try:
        unfinished.write_bytes(content)
        unfinished.replace(file)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
