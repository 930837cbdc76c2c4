"""Fixtures of the credentials' tests."""

import pytest

from tests.auth import material
from tests.auth.clocks import Hands


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def key_file(tmp_path):
    """A private file with the key in PKCS#8 PEM."""
    return material.private_file(tmp_path / "rsa_key.p8", material.pem())


@pytest.fixture
def write_private(tmp_path):
    """Write bytes to a private file and return its path."""
    return lambda content, name="key": material.private_file(tmp_path / name, content)
