import pytest

from tests.embedded.raw import Raw
from tests.support.loads import make_table


@pytest.fixture
def raw(account):
    """A plain HTTP client with an open channel to the table NUMBERS."""
    make_table(account)
    account.channels.commit_lag_s = 0.0
    raw = Raw(account)
    raw.open()
    return raw
