"""Loads at full speed through a 2 % fault rate, for half an hour: nothing lost, nothing doubled, flat memory.

    python -m benchmarks.soak --minutes 30

The account runs in a process of its own, so that the client's memory is the client's. Each load goes
through a channel of its own; after it the account counts its rows, compares their checksum and deletes
them. A load that ends with an error is called again with the same load_id, as its message says.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

import snowpipe_pandas as sp
from snowpipe_pandas.events import ChannelReopened, Event, RequestRetried

from .frames import mixed

RESULTS = Path(__file__).parent / "results" / "soak.json"
TABLE = "DEMO.PUBLIC.SOAK"
ROWS = 500_000
FAULT_RATE = 0.02
MAX_CALLS = 20
"""Calls of one load; the odds against as many in a row are astronomical."""


@dataclass
class Report:
    """What happened; sizes in MB, times in seconds."""

    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d"))
    versions: dict[str, str] = field(default_factory=dict)
    minutes: float = 0.0
    fault_rate: float = FAULT_RATE
    loads: int = 0
    rows: int = 0
    raw_gb: float = 0.0
    requests: int = 0
    retries: int = 0
    reopens: int = 0
    calls_ended_by_an_error: int = 0
    rows_lost: int = 0
    rows_doubled: int = 0
    checksums_wrong: int = 0
    client_rss_mb: dict[str, float] = field(default_factory=dict)
    account_rss_mb: dict[str, float] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every row arrived once."""
        return self.loads > 0 and not (self.rows_lost or self.rows_doubled or self.checksums_wrong)


def serve(pipe: Connection, ddl: str, seed: int) -> None:
    """Run the account until the pipe closes; return what is in the table, and empty it."""
    with sp.local(commit_lag_s=0.05) as account:
        account.sql(ddl)
        pipe.send(str(account.profile))
        account.faults.random(FAULT_RATE, seed=seed)
        while pipe.recv() is not None:
            found = account.sql(
                f"SELECT COUNT(*) AS N, COUNT(DISTINCT ROW_NUMBER) AS D, SUM(ROW_NUMBER) AS S FROM {TABLE}"
            ).iloc[0]
            account.sql(f"DELETE FROM {TABLE}")
            pipe.send(tuple(int(found[name]) for name in "NDS"))


def soak(minutes: float, seed: int) -> Report:
    """Load until the time is over."""
    frame = mixed(ROWS).to_pandas().assign(ROW_NUMBER=range(ROWS))
    report = Report(
        versions={name: version(name) for name in ("snowpipe-pandas", "pandas", "pyarrow", "duckdb")}
    )
    report.versions["python"] = platform.python_version()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs, frame.snowpipe.ddl(TABLE), seed), daemon=True
    )
    process.start()
    retry = sp.RetryPolicy(base_s=0.02, cap_s=1.0)
    with sp.connect(ours.recv(), retry=retry) as client:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < 60 * minutes:
            load(frame, client, report)
            ours.send("check")
            judge(report, *ours.recv())
            note_memory(report, passed, process.pid or 0, minutes)
        report.minutes = round((time.monotonic() - started) / 60, 1)
    ours.send(None)
    process.join()
    return report


def load(frame: pd.DataFrame, client: sp.Client, report: Report) -> None:
    """Carry one load to its end, through a channel of its own."""
    load_id = f"soak-{report.loads}"

    def listen(event: Event) -> None:
        report.retries += isinstance(event, RequestRetried)
        report.reopens += isinstance(event, ChannelReopened)

    for _ in range(MAX_CALLS):
        try:
            channel = client.open_channel(load_id, table=TABLE)
            result = frame.snowpipe.stream(channel, load_id=load_id, progress=listen)
        except sp.SnowpipeError:
            report.calls_ended_by_an_error += 1
            continue
        channel.drop()
        report.loads += 1
        report.rows += ROWS
        report.raw_gb = round(report.raw_gb + result.raw_bytes / 1e9, 3)
        report.requests += result.requests
        return
    raise RuntimeError(f"load {load_id} did not end")


def judge(report: Report, rows: int, distinct: int, total: int) -> None:
    """Count what is missing and what is there twice."""
    report.rows_lost += ROWS - distinct
    report.rows_doubled += rows - distinct
    report.checksums_wrong += total != ROWS * (ROWS - 1) // 2


def note_memory(report: Report, seconds: float, account_pid: int, minutes: float) -> None:
    """Take the resident sizes after the first minute, and always as the last ones."""
    for sizes, process in (
        (report.client_rss_mb, psutil.Process()),
        (report.account_rss_mb, psutil.Process(account_pid)),
    ):
        now = round(process.memory_info().rss / 1e6, 1)
        if seconds >= 60:
            sizes.setdefault("minute 1", now)
        sizes[f"minute {minutes:g}"] = now


def main() -> int:
    """Soak, write the report, say how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=2026)
    wanted = parser.parse_args()
    report = soak(wanted.minutes, wanted.seed)
    figures: dict[str, Any] = asdict(report)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return 0 if report.clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
