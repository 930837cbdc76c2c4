"""An estimate is what a load then does, and nothing is sent for it; a sample says that it is one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import DataError, RowTooLargeError, UsageError
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.streaming import estimate as estimating
from snowpipe_pandas.streaming.options import LoadLimits
from tests.support.json_values import read_values
from tests.support.loads import SMALL, TABLE, make_table, numbers, open_channel

INDEXED = numbers(200).set_index("ID")
SIZES = ("rows", "raw_bytes", "billed_bytes", "sent_bytes", "requests")


def sizes(estimate):
    return {name: getattr(estimate, name) for name in SIZES}


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (numbers(300), {}),
        (numbers(300), {"limits": replace(SMALL, first_raw_bytes=200)}),
        (numbers(300), {"nulls": "omit", "column_case": "upper"}),
        (numbers(300).rename(columns={"TEXT": 'a "b" ü'}), {"columns": {'a "b" ü': "TEXT"}, "limits": SMALL}),
        (INDEXED, {"index": True, "limits": SMALL}),
        ([{"ID": 1}, {"TEXT": "ü"}, {}], {"nulls": "omit"}),
        (pa.table({"ID": [1, None], "TEXT": pa.array([b"\x00", None])}), {"binary_format": "hex"}),
        (numbers(300), {"channels": 3, "limits": SMALL}),
        (numbers(2), {"channels": 3}),
        (numbers(300), {"channels": "auto"}),
    ],
    ids=repr,
)
def test_it_is_what_the_load_then_does(account, client, source, options):
    make_table(account)
    estimate = sp.estimate(source, TABLE, **options)
    result = sp.stream(source, client.table(TABLE), progress=False, **options)
    assert sizes(estimate) == sizes(result)
    assert estimate.exact
    assert estimate.channels == len(result.parts)


@pytest.fixture
def client(account):
    with sp.connect(account.profile) as client:
        yield client


def test_nothing_is_asked_of_anybody(account, client):
    make_table(account)
    channel = open_channel(client)
    before = len(account.requests)
    frame = numbers(100)
    named = frame.snowpipe.estimate(TABLE)
    assert frame.snowpipe.estimate(client.table(TABLE)) == frame.snowpipe.estimate(channel) == named
    assert frame.snowpipe.estimate(client.pipe(f'{TABLE[:-7]}"NUMBERS-STREAMING"')).target.endswith(
        'STREAMING"'
    )
    assert len(account.requests) == before


def test_files_are_read_and_can_still_be_sent(tmp_path):
    table = pa.Table.from_pandas(numbers(500))
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text(numbers(500).to_csv(index=False))
    for name in ("a.parquet", "b.csv"):
        estimate = sp.estimate(tmp_path / name, TABLE)
        assert estimate.raw_bytes == len(to_ndjson(tmp_path / name))
        assert estimate.billed_bytes == read_values(to_ndjson(tmp_path / name))


@pytest.mark.parametrize(
    "make",
    [
        lambda: iter([numbers(3)]),
        lambda: (row for row in [{"A": 1}]),
        lambda: pa.Table.from_pandas(numbers(3)).to_reader(),
    ],
    ids=["frames", "dicts", "reader"],
)
def test_a_source_that_ends_is_refused_and_left_whole(make):
    source = make()
    with pytest.raises(UsageError, match="would use up the rows"):
        sp.estimate(source, TABLE)
    assert to_ndjson(source) == to_ndjson(make())


def test_streams_of_others_are_believed_only_if_they_are_frames():
    class Stream:
        def __init__(self):
            self.reader = pa.Table.from_pandas(numbers(3)).to_reader()

        def __arrow_c_stream__(self, requested_schema=None):
            return self.reader.__arrow_c_stream__(requested_schema)

    source = Stream()
    with pytest.raises(UsageError, match="of this Stream"):
        sp.estimate(source, TABLE)
    assert to_ndjson(source) == numbers(3).snowpipe.to_ndjson()
    import polars

    frame = polars.DataFrame({"ID": [1, 2]})
    assert sp.estimate(frame, TABLE).rows == 2
    assert sp.estimate(frame.lazy(), TABLE).raw_bytes == len(to_ndjson(frame))


def mixed(rows):
    """A frame whose rows become larger and larger, and now and then have no text."""
    random = np.random.default_rng(1)
    texts = [None if n % 7 == 0 else "x" * (n * 40 // rows) for n in range(rows)]
    return pd.DataFrame({"ID": range(rows), "F": random.normal(size=rows), "TEXT": texts})


@pytest.mark.parametrize("options", [{}, {"nulls": "omit"}, {"channels": 3}], ids=repr)
def test_a_sample_says_so_and_is_near(monkeypatch, options):
    frame = mixed(100_000)
    exact = frame.snowpipe.estimate(TABLE, **options)
    monkeypatch.setattr(estimating, "EXACT_BYTES", 1_000_000)
    monkeypatch.setattr(estimating, "SAMPLE_BYTES", 600_000)
    about = frame.snowpipe.estimate(TABLE, **options)
    assert (exact.exact, about.exact) == (True, False)
    assert about.rows == exact.rows == 100_000
    for name in ("raw_bytes", "billed_bytes", "sent_bytes", "seconds"):
        assert getattr(about, name) == pytest.approx(getattr(exact, name), rel=0.05)
    assert abs(about.requests - exact.requests) <= about.channels
    assert str(about).count("about ") == 5
    assert "about" in about._repr_html_()
    assert "a sample of the rows" in about._repr_html_()
    assert "about" not in str(exact) + exact._repr_html_()


def test_a_sample_of_few_long_rows_has_at_least_a_row_of_each_slice(monkeypatch):
    monkeypatch.setattr(estimating, "EXACT_BYTES", 1000)
    monkeypatch.setattr(estimating, "SAMPLE_BYTES", 10)
    frame = pd.DataFrame({"T": ["x" * 2000] * 40})
    assert frame.snowpipe.estimate(TABLE).raw_bytes == len(frame.snowpipe.to_ndjson())
    two = frame.head(2).snowpipe.estimate(TABLE)
    assert (two.rows, two.exact, two.raw_bytes) == (2, False, 2 * 2009)


def test_the_limit_that_is_met_first_decides_the_time():
    frame = numbers(2000)
    raw = len(frame.snowpipe.to_ndjson())
    by_bytes = frame.snowpipe.estimate(TABLE, limits=LoadLimits(max_bytes_per_s=1000))
    assert by_bytes.seconds == pytest.approx(raw / 1000)
    assert by_bytes.minutes == pytest.approx(raw / 60_000)
    by_requests = frame.snowpipe.estimate(TABLE, limits=LoadLimits(max_requests_per_s=0.5))
    assert by_requests.seconds == 2 * by_requests.requests
    parted = frame.snowpipe.estimate(TABLE, channels=4, limits=LoadLimits(max_bytes_per_s=1000))
    assert parted.seconds == pytest.approx(by_bytes.seconds / 4, rel=0.05)
    slow = frame.snowpipe.estimate(TABLE, limits=LoadLimits(max_bytes_per_s=raw / 600))
    assert "; 10.0 minutes or more through 1 channel" in str(slow)


def test_auto_takes_as_many_channels_as_a_load_would():
    frame = numbers(2000)
    many = frame.snowpipe.estimate(TABLE, channels="auto", limits=LoadLimits(max_bytes_per_s=2000))
    assert many.channels == 6
    assert sp.estimate([numbers(10), numbers(10)], TABLE, channels=4).channels == 1


def test_what_a_load_would_refuse_is_refused_here():
    with pytest.raises(RowTooLargeError, match="row 1 "):
        pd.DataFrame({"T": ["x", "y" * 2000]}).snowpipe.estimate(TABLE, limits=SMALL)
    with pytest.raises(DataError, match="A"):
        pd.DataFrame({"A": [object()]}).snowpipe.estimate(TABLE)


@pytest.mark.parametrize("target", [None, 7, "", b"T", "a\x00b"])
def test_what_is_not_a_target_is_refused(target):
    with pytest.raises(UsageError, match="target"):
        numbers(1).snowpipe.estimate(target)


def test_an_open_channel_is_one(account, client):
    make_table(account)
    with pytest.raises(UsageError, match="channels=2 does not go with an open channel"):
        numbers(9).snowpipe.estimate(open_channel(client), channels=2)


def test_a_frame_without_rows_sends_nothing():
    estimate = numbers(0).snowpipe.estimate(TABLE)
    assert (estimate.rows, estimate.requests, estimate.seconds, estimate.raw_bytes) == (0, 0, 0.0, 0)


def test_it_is_one_line_in_a_terminal_and_a_table_in_a_notebook():
    estimate = numbers(1000).snowpipe.estimate("DEMO.PUBLIC.<T>\x1b")
    assert str(estimate) == (
        "-> DEMO.PUBLIC.<T>\\x1b: 1,000 rows; 27.8 kB as JSON, 11.8 kB of values, which are billed; "
        f"{estimate.sent_bytes / 1e3:,.1f} kB compressed in 1 request; 0.1 s or more through 1 channel; "
        "nothing was sent"
    )
    shown = estimate._repr_html_()
    assert "DEMO.PUBLIC.&lt;T&gt;\\x1b" in shown
    assert "all rows" in shown
    with pytest.raises(AttributeError):
        estimate.rows = 1
