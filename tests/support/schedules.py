"""Random loads under random trouble: what hypothesis draws, and what must hold at the end."""

import itertools
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import snowpipe_pandas as sp
from snowpipe_pandas.errors import AuditError, ChannelLostError, LoadMismatchError, OtherPartsError
from snowpipe_pandas.streaming.options import LoadLimits
from tests.support.verdicts import once_acknowledged

QUICK = LoadLimits(
    max_wire_bytes=4000, status_interval_s=0.01, audit_grace_s=0.2, settle_timeout_s=0.5, owner_watch_s=0.1
)
TABLE = "DEMO.PUBLIC.SCHEDULED"
MAX_ROWS = 240
_numbers = itertools.count()

ANYWHERE = [
    {"cut_before": True},
    {"cut_mid_body": True},
    {"cut_after": True},
    {"truncate": 4},
    {"status": 503, "body": b'"ERR_GENERAL_EXCEPTION_RETRY_REQUEST"'},
    {"status": 504, "applied": True, "body": b"<html>"},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"status": 408},
    {"status": 401, "body": b'{"code": "390303"}'},
    {"status": 404, "body": b"<html>"},
    {"status": 400, "body": b'{"code": "ERR_INVALID"}'},
    {"delay_s": 0.01},
]
ON_ANSWERS = [{"body": b""}, {"body": b"{}"}, {"body": b"<html>"}, {"body": b"null"}]
CODES = [
    "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER",
    "ERR_CHANNEL_HAS_INVALID_CLIENT_SEQUENCER",
    "ERR_CHANNEL_MUST_BE_REOPENED",
    "STALE_CONTINUATION_TOKEN_SEQUENCER",
    "STALE_PIPE_CACHE",
]
ON_APPENDS = [
    *({"status": 409, "body": f'{{"code": "{code}"}}'.encode()} for code in CODES),
    {"status": 413},
    {"deliver_twice": True},
    {"stale_token": True},
    {"repeat_token": True},
    {"hold_s": 0.02},
]
ON_OPENS = [{"status": 409, "body": b'{"code": "ERR_OPEN_CHANNEL_IN_PROGRESS"}'}, {"deliver_twice": True}]
ON_STATUSES = [{"change": lambda answer: {"channel_statuses": {}}}]

FAULTS = {
    "append": ANYWHERE + ON_ANSWERS + ON_APPENDS,
    "open": ANYWHERE + ON_ANSWERS + ON_OPENS,
    "status": ANYWHERE + ON_ANSWERS + ON_STATUSES,
    "token": ANYWHERE,
    "discover": ANYWHERE,
}
EVENTS = ["lose uncommitted", "fail commit", "revoke tokens", "restart", "fail over"]


@dataclass(frozen=True)
class Run:
    """One call: the faults that meet it, what happens to the service at a row, and how it is sent.

    `channels` is None for an open channel and a source that comes once, else the number for a table.
    """

    faults: tuple
    event: str | None
    at: int
    channels: int | str | None


def _through(run, channels):
    return replace(run, channels=channels)


fault = st.sampled_from(list(FAULTS)).flatmap(
    lambda operation: st.tuples(
        st.just(operation), st.integers(0, 6), st.integers(1, 2), st.sampled_from(FAULTS[operation])
    )
)
a_run = st.builds(
    Run,
    faults=st.lists(fault, max_size=5).map(tuple),
    event=st.none() | st.sampled_from(EVENTS),
    at=st.integers(1, MAX_ROWS),
    channels=st.none(),
)
runs_of_one = st.lists(a_run, min_size=1, max_size=4)
runs_in_parts = st.tuples(runs_of_one, st.sampled_from([2, 3, 8])).flatmap(
    lambda drawn: st.tuples(
        *(
            st.sampled_from([drawn[1]] * 6 + ["auto", 1, 5, None]).map(partial(_through, run))
            for run in drawn[0]
        )
    )
)
"""Mostly the same number of channels, which is what goes on; the others must be refused or wait."""

schedules = st.fixed_dictionaries(
    {
        "rows": st.integers(0, MAX_ROWS),
        "cuts": st.lists(st.integers(1, 90), max_size=8),
        "raw_bytes": st.integers(200, 3000),
        "in_flight": st.sampled_from([400, 2_000, 1_000_000]),
        "resend": st.sampled_from(["stale", "rowseq", "dedup"]),
        "lag_s": st.sampled_from([0.0, 0.002, 0.02]),
        "runs": st.one_of(runs_of_one, runs_of_one, runs_in_parts),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def make_table(account):
    account.sql(f"CREATE TABLE {TABLE} (LOAD VARCHAR, ID NUMBER(38,0), VALUE FLOAT, NOTE VARCHAR)")


def frame_of(load_id, rows, seed):
    """A frame with nulls and texts of many lengths."""
    chance = np.random.default_rng(seed)
    values = chance.normal(size=rows)
    values[chance.random(rows) < 0.2] = np.nan
    notes = ['é"\\\n' * int(n) if n else None for n in chance.integers(0, 6, rows)]
    return pd.DataFrame({"LOAD": load_id, "ID": range(rows), "VALUE": values, "NOTE": notes})


def pieces(frame, cuts):
    """The frame as an iterator of parts; the cuts differ from run to run, the rows do not."""
    start = 0
    for rows in cuts:
        yield frame.iloc[start : start + rows]
        start += rows
    yield frame.iloc[start:]


def happen(account, event):
    if event == "lose uncommitted":
        account.channels.lose_uncommitted()
    elif event == "fail commit":
        account.channels.fail_commits(1)
    elif event == "revoke tokens":
        account.door.revoke_scoped()
    elif event == "restart":
        account.stop(lose_uncommitted=True)
        account.start()
    elif event == "fail over":
        account.fail_over()


def check(schedule, account, client):
    """Run the load in trouble, then once in peace; in the end the table must equal the frame."""
    number = next(_numbers)
    load_id = f"load-{number}"
    frame = frame_of(load_id, schedule["rows"], schedule["seed"])
    account.channels.commit_lag_s = schedule["lag_s"]
    account.channels.resend = schedule["resend"]
    finished = False
    for run in schedule["runs"]:
        for operation, after, times, fields in run.faults:
            account.faults.add(operation, after=after, times=times, **fields)
        finished = attempt(schedule, account, client, frame, run) or finished
    account.faults.clear()
    account.channels.fail_commits(0)
    in_order = all(run.channels is None for run in schedule["runs"])
    last = None if in_order else "auto"
    assert attempt(schedule, account, client, frame, Run((), None, 0, last)), "not even in peace"
    order = "" if in_order else "ORDER BY ID"  # which holds inside of each part
    back = account.sql(f"SELECT ID, VALUE, NOTE FROM {TABLE} WHERE LOAD = '{load_id}' {order}")
    assert back["ID"].tolist() == frame["ID"].tolist()
    assert np.array_equal(back["VALUE"].to_numpy(float), frame["VALUE"].to_numpy(), equal_nan=True)
    assert back["NOTE"].fillna("missing").tolist() == frame["NOTE"].fillna("missing").tolist()
    for name in account.sql(f"SHOW CHANNELS IN TABLE {TABLE}")["name"]:  # a table has 2,000 at most
        account.channels.drop(name)


def attempt(schedule, account, client, frame, run):
    """One call; whether it succeeded. Errors are fine, but not those that say that rows are wrong."""
    load_id = frame["LOAD"].iloc[0] if len(frame) else "empty"
    progress = once_acknowledged(run.at, lambda: happen(account, run.event)) if run.event else False
    try:
        if run.channels is None:
            source, target, how = (
                pieces(frame, schedule["cuts"]),
                client.open_channel(load_id, table=TABLE),
                {},
            )
        else:
            source, target, how = frame, client.table(TABLE), {"channels": run.channels}
        result = sp.stream(
            source,
            target,
            load_id=load_id,
            **how,
            progress=progress,
            max_in_flight_bytes=schedule["in_flight"],
            commit_timeout_s=5,
            limits=replace(QUICK, max_raw_bytes=schedule["raw_bytes"], first_raw_bytes=schedule["raw_bytes"]),
        )
    except OtherPartsError:  # another run has cut the load in another way
        return False
    except (AuditError, LoadMismatchError, ChannelLostError):
        raise
    except sp.SnowpipeError:
        return False
    assert result.rows_rejected == 0
    assert result.rows_sent + result.rows_skipped == result.rows_in_table == len(frame)
    return True
