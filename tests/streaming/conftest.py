import pytest

from snowpipe_pandas.streaming import load as load_module
from tests.support import loads


@pytest.fixture
def channel(account, client):
    loads.make_table(account)
    return loads.open_channel(client)


@pytest.fixture
def small_payloads(monkeypatch):
    """Cut payloads at 1,000 bytes of NDJSON, so that small frames need many requests."""
    whole = load_module.pack
    monkeypatch.setattr(
        load_module, "pack", lambda *a, **k: whole(*a, **k, max_raw_bytes=1000, max_wire_bytes=4000)
    )
