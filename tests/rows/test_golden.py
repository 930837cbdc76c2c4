"""The bytes of rows are a format: files keep what every type is written as, for all versions of libraries."""

import numpy as np
import pandas as pd
import pytest

from snowpipe_pandas.rows.encode.encoder import to_ndjson
from tests.rows.golden import COLUMNS, FOLDER, file_of, written


@pytest.mark.parametrize("name", COLUMNS)
def test_the_bytes_are_those_that_were_kept(name):
    assert written(COLUMNS[name]) == file_of(name).read_bytes()


def test_every_kept_file_has_its_column():
    assert {file.name for file in FOLDER.iterdir()} == {file_of(name).name for name in COLUMNS}


def test_a_time_has_one_text_whatever_its_unit():
    moments = pd.Series(pd.to_datetime(["2026-01-02 03:04:05", None, "1969-12-31 23:59:59"]))
    for values in (moments, moments.dt.tz_localize("Asia/Tokyo"), moments - moments[0]):
        texts = {to_ndjson(pd.DataFrame({"t": values.dt.as_unit(unit)})) for unit in ("s", "ms", "us", "ns")}
        assert len(texts) == 1


def test_nanoseconds_of_one_row_do_not_show_in_another():
    ticks = np.array([0, 7, 1000, 1_000_000_007, "NaT"], "M8[ns]")
    whole = to_ndjson(pd.DataFrame({"t": ticks})).splitlines()
    assert whole == [to_ndjson(pd.DataFrame({"t": ticks[n : n + 1]})).strip() for n in range(len(ticks))]
