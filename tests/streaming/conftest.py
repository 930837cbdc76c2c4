import pytest

from tests.support import loads


@pytest.fixture
def channel(account, client):
    loads.make_table(account)
    return loads.open_channel(client)
