"""What must hold at the end of a load that met trouble."""

from snowpipe_pandas.events import RowsAcknowledged
from tests.support.loads import SMALL, ids, numbers

ROWS = 300


def run(channel, rows=ROWS, **options):
    """Load the numbers from 0 on."""
    return numbers(rows).snowpipe.stream(
        channel, **({"load_id": "load", "progress": False, "limits": SMALL} | options)
    )


def once_acknowledged(rows, action, channel=None):
    """A `progress=` listener that does `action` in the load's thread, once `rows` rows are acknowledged,
    through this channel where one is given."""
    done = []

    def listen(event):
        if channel not in (event.channel, None):
            return
        if isinstance(event, RowsAcknowledged) and event.end_row >= rows and not done:
            done.append(True)
            action()

    return listen


def every_row_once(account, result=None, rows=ROWS):
    """The invariant: each row once and in order; acknowledged, in the table and sent agree, none rejected."""
    assert ids(account) == list(range(rows))
    if result is not None:
        counts = (result.rows_acknowledged, result.rows_in_table, result.rows_rejected)
        assert counts == (rows, rows, 0)
        assert result.rows_sent == rows - result.rows_skipped


def exact_prefix(account, error):
    """The table holds rows 0 to k-1 once each, and the error says k."""
    assert error.load.exact
    assert ids(account) == list(range(error.load.rows_in_table))


def resumes(account, channel, rows=ROWS):
    """The same call again, without the trouble, ends with each row once."""
    every_row_once(account, run(channel, rows), rows)


def once_each(account):
    """No row is there twice, whatever else; and they are in order."""
    found = ids(account)
    assert found == list(range(len(found)))


def appends(account):
    return [request for request in account.requests if request.operation == "append"]


def opens(account):
    return [request for request in account.requests if request.operation == "open"]
