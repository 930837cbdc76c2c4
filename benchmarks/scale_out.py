"""Does a load grow with its channels? 1, 2, 4 ... 64 of them, each at a pace that is far below the machine's.

    python -m benchmarks.scale_out --most 64 --seconds 10

A channel of the service takes 20 MB/s, of which this machine renders a few at most. So each channel is held
to a small pace, and what is measured is whether n of them together keep n times that pace: while they do, the
client adds no wait of its own. The accounts run in processes of their own, with the service's limits and a
delay of every append; `client_cpu_s` are the processor seconds of this process alone, most of which go into
opens while partitions are as small as these.
"""

import argparse
import json
import multiprocessing
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager

import numpy as np
import pandas as pd

import snowpipe_pandas as sp
from snowpipe_pandas.partitions import LoadSpec, deliver, stream_partition

TABLE = "DEMO.PUBLIC.SCALE"
COLUMNS = 8


def rows_of(raw_bytes: int) -> pd.DataFrame:
    """Return a frame that becomes about so much NDJSON."""
    rng = np.random.default_rng(1)
    rows = max(1, raw_bytes // (COLUMNS * 24))
    return pd.DataFrame({f"COLUMN_{i}": rng.random(rows) for i in range(COLUMNS)})


def serve(pipe, latency_s: float, ddl: str) -> None:
    """Be an account until the other end of the pipe says anything, or is gone."""
    with sp.local(commit_lag_s=1.0, enforce_limits=True) as account:
        account.sql(ddl)
        account.faults.add("append", times=10**9, delay_s=latency_s)
        pipe.send(str(account.profile))
        pipe.poll(3600)


@contextmanager
def served(latency_s: float, ddl: str):
    """An account in a process of its own; yields its profile."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(theirs, latency_s, ddl), daemon=True)
    process.start()
    try:
        if not ours.poll(60):
            raise TimeoutError("the account did not start in a minute")
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(30)
        process.kill()


def load(frame: pd.DataFrame, profile: str, channels: int, pace: float) -> int:
    """Load a frame once per channel, all at once; returns bytes of NDJSON."""
    limits = sp.LoadLimits(max_bytes_per_s=pace, first_raw_bytes=int(pace / 4), max_raw_bytes=int(pace / 4))
    spec = LoadSpec.of(
        frame.head(0),
        TABLE,
        load_id=f"scale-{channels}-{uuid.uuid4().hex[:8]}",
        parts=channels,
        profile=profile,
        limits=limits,
    )

    def run():
        with ThreadPoolExecutor(channels) as pool:
            futures = {pool.submit(stream_partition, frame, spec, n): n for n in range(1, channels + 1)}
            for future in as_completed(futures):
                yield futures[future], future.exception() or future.result()

    result = deliver(spec, run)
    assert result.rows_in_table == channels * len(frame)
    return result.raw_bytes


def measure(frame: pd.DataFrame, profiles: list[str], channels: int, pace: float) -> dict[str, float]:
    """Load through this many channels, spread over the accounts."""
    shares = [len(part) for part in np.array_split(np.arange(channels), len(profiles)) if len(part)]
    started, worked = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(len(shares)) as pool:
        loads = [
            pool.submit(load, frame, profile, share, pace)
            for profile, share in zip(profiles, shares, strict=False)
        ]
        raw_bytes = sum(done.result() for done in loads)
    seconds, cpu_s = time.monotonic() - started, time.process_time() - worked
    return {
        "channels": channels,
        "seconds": round(seconds, 2),
        "mb_per_s": round(raw_bytes / 1e6 / seconds, 3),
        "of_one_channel_times_n": round(raw_bytes / seconds / (channels * pace), 3),
        "client_cpu_s": round(cpu_s, 2),
    }


def main() -> None:
    """Print a line of JSON for each number of channels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=64, help="channels of the last round")
    parser.add_argument("--seconds", type=float, default=10.0, help="what a channel's rows take at its pace")
    parser.add_argument(
        "--pace", type=float, default=100_000.0, help="bytes of NDJSON per second and channel"
    )
    parser.add_argument("--latency", type=float, default=0.1, help="delay of every append, in seconds")
    parser.add_argument("--accounts", type=int, default=2, help="local accounts, each a process")
    given = parser.parse_args()
    frame = rows_of(int(given.pace * given.seconds))
    ddl = frame.snowpipe.ddl(TABLE)
    with ExitStack() as stack:
        profiles = [stack.enter_context(served(given.latency, ddl)) for _ in range(given.accounts)]
        channels = 1
        while channels <= given.most:
            print(json.dumps(measure(frame, profiles, channels, given.pace)), flush=True)
            channels *= 2


if __name__ == "__main__":
    main()
