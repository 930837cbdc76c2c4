"""A load in partitions against a local account, without an engine."""

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.partitions import LoadSpec, deliver, stream_partition
from tests.conftest import QUICK
from tests.support.loads import SMALL, TABLE, make_table, numbers


def partitions(rows, parts):
    """The numbers below `rows`, cut into as many frames."""
    each = -(-rows // parts)
    return [numbers(min(each, rows - start), start=start) for start in range(0, rows, each)]


class Engine:
    """Runs partitions one after the other, in this thread; keeps their outcomes."""

    def __init__(self, account):
        self.account = account
        self.ran = []

    def spec(self, frames, **given):
        settings = {"load_id": "load", "limits": SMALL, "profile": str(self.account.profile), "retry": QUICK}
        return LoadSpec.of(pd.DataFrame(frames[0].head(0)), TABLE, parts=len(frames), **(settings | given))

    def run(self, frames, only=None, partition=stream_partition, **given):
        """Deliver frames; `only` are the numbers that the engine comes to run."""
        spec = self.spec(frames, **given)

        def outcomes():
            for number, frame in enumerate(frames, 1):
                if only is None or number in only:
                    self.ran.append(number)
                    try:
                        yield number, partition(frame, spec, number)
                    except sp.SnowpipeError as error:
                        yield number, error

        return deliver(spec, outcomes)


@pytest.fixture
def engine(account):
    make_table(account)
    return Engine(account)
