"""A pytest plugin: the fixture `snowpipe_account`, a separate local account for each test.

pytest finds it wherever the package is installed. The local account's own libraries are loaded only when a
test uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from . import LocalAccount

COMMIT_LAG_S = 0.05
"""Commits are fast, since tests wait for them, but not immediate, so that a missing wait is noticed."""


@pytest.fixture
def snowpipe_account() -> Iterator[LocalAccount]:
    """A running local account with empty tables, closed after the test.

    Its `profile` is for `sp.connect()`, `sql()` creates and reads tables, `faults` and `channels` cause
    failures. Needs the extra `local`.

    >>> def test_orders_arrive(snowpipe_account):
    ...     snowpipe_account.sql("CREATE TABLE ORDERS (ID NUMBER)")
    ...     load_orders(snowpipe_account.profile)
    ...     assert len(snowpipe_account.sql("SELECT * FROM ORDERS")) == 3
    """
    from . import local

    with local(commit_lag_s=COMMIT_LAG_S) as account:
        yield account
