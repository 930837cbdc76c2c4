"""What a load costs from the frame to the commit: `python -m benchmarks.pipeline [--rounds 5] [--quick]`.

Writes benchmarks/results/pipeline.json and its table in docs/performance.md. Each measure runs in a process
of its own (`python -m benchmarks.pipeline --only overlap` prints one), the service in another one, and what
is compared takes turns: a ratio is the median of the ratios of the rounds, since other work on the machine
changes slowly. `--quick` takes a tenth of the rows and writes nothing.
"""

import argparse
import datetime
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
import requests

import snowpipe_pandas as sp
from benchmarks import page
from benchmarks.bare import BareChannel
from benchmarks.counting import counting_service
from benchmarks.frames import mixed
from benchmarks.loads import drained, send_bare
from benchmarks.memory import ANYBODY, floats
from benchmarks.served import served_account

RESULTS = Path(__file__).parent / "results" / "pipeline.json"
MILLION = 1_000_000
CHANNELS = 8
RATE_MB, LATENCY_S = 20.0, 0.05
"""What a channel of the service takes in a second, and how far away it is."""

USERS_ROWS = 10_000
"""Rows in a request, as people write it by hand."""

IMPORTS = 15
"""Fresh processes, at least."""

Works = dict[str, Callable[[], object]]
Taken = dict[str, list[float]]


def in_turn(works: Works, rounds: int, before: Callable[[], object] = lambda: None) -> Taken:
    """Do works in turn; return the seconds of each, and our processor's, by round. The first one warms up."""
    taken: Taken = {}
    for number in range(rounds + 1):
        for name, work in works.items():
            before()
            started, processor = time.perf_counter(), time.process_time()
            work()
            took = (time.perf_counter() - started, time.process_time() - processor)
            if number:
                taken.setdefault(f"{name}_s", []).append(took[0])
                taken.setdefault(f"{name}_cpu_s", []).append(took[1])
    return taken


def ratio(taken: Taken, over: str, under: str) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(taken[over], taken[under], strict=True))


def medians(taken: Taken) -> dict[str, float]:
    """The median of each."""
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def channels(rounds: int, rows: int) -> dict[str, float]:
    """Eight channels against one, where each takes 20 MB/s and every answer comes 50 ms late."""
    frame = mixed(4 * rows).to_pandas()
    with (
        counting_service(rate_mb=RATE_MB, latency_s=LATENCY_S) as url,
        sp.connect(url=url, **ANYBODY) as client,
    ):
        table = client.table("D.S.T")
        works: Works = {
            "one": lambda: frame.snowpipe.stream(table, progress=False),
            "eight": lambda: frame.snowpipe.stream(table, channels=CHANNELS, progress=False),
        }
        taken = in_turn(works, rounds)
    return medians(taken) | {"ratio": ratio(taken, "one_s", "eight_s")}


def overlap(rounds: int, rows: int) -> dict[str, float]:
    """A load of floats on one channel over the longer of its two halves, each alone.

    Encoding and packing without sending, and sending what was packed by a bare `requests.Session`.
    """
    frame = floats(rows, 14)
    payloads = drained(frame, keep=True)
    with (
        counting_service() as url,
        requests.Session() as session,
        sp.connect(url=url, **ANYBODY) as client,
        client.open_channel("loads", table="D.S.T") as channel,
    ):
        works: Works = {
            "encoding": lambda: drained(frame, keep=False),
            "sending": lambda: send_bare(session, url, payloads),
            "load": lambda: frame.snowpipe.stream(channel, progress=False),
        }
        taken = in_turn(works, rounds)
    halves = zip(taken["encoding_s"], taken["sending_s"], strict=True)
    taken["longer_s"] = [max(half) for half in halves]
    return medians(taken) | {"ratio": ratio(taken, "load_s", "longer_s")}


def users_bodies(frame: pd.DataFrame) -> Iterator[bytes]:
    """Rows as dicts, lines of msgspec, zstd; times are text before, or they would lose nanoseconds."""
    encoder = msgspec.json.Encoder()
    times = frame.select_dtypes(["datetime", "datetimetz"]).columns
    for start in range(0, len(frame), USERS_ROWS):
        part = frame.iloc[start : start + USERS_ROWS]
        part = part.assign(**{name: part[name].astype(str) for name in times})
        yield pa.compress(encoder.encode_lines(part.to_dict("records")), "zstd", asbytes=True)


def committed(rounds: int, rows: int) -> dict[str, float]:
    """From the frame to the commit in a local account: ours, the users' way, and our payloads ready-made."""
    frame = mixed(rows).to_pandas()
    bodies = [bytes(payload.body) for payload in drained(frame, keep=True)]
    timings: Taken = {}
    with served_account() as account, sp.connect(account.profile) as client:
        account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.T"))
        bare = BareChannel(account.url, account.token, "T")
        channel = client.open_channel("ours", table="DEMO.PUBLIC.T")

        def ours() -> None:
            result = frame.snowpipe.stream(channel, progress=False)
            for part in ("encode", "compress", "wait", "send", "commit"):
                timings.setdefault(f"ours_{part}_s", []).append(getattr(result.timings, part))

        busy: Taken = {}

        def timed(name: str, work: Callable[[], object]) -> Callable[[], None]:
            def run() -> None:
                before = account.processor_s()
                work()
                busy.setdefault(f"{name}_account_cpu_s", []).append(account.processor_s() - before)

            return run

        works: Works = {
            "ours": timed("ours", ours),
            "users": timed("users", lambda: bare.commit(users_bodies(frame))),
            "floor": timed("floor", lambda: bare.commit(bodies)),
        }
        taken = in_turn(works, rounds, before=lambda: account.sql("TRUNCATE TABLE DEMO.PUBLIC.T"))
    aside = {name: seconds[1:] for name, seconds in (timings | busy).items()}
    return medians(taken | aside) | {
        "against_users": ratio(taken, "users_s", "ours_s"),
        "of_the_floor": ratio(taken, "floor_s", "ours_s"),
    }


def processor(rounds: int, rows: int) -> dict[str, float]:
    """Our processor's seconds for a whole load from pandas, over polars and zstd from a frame of its own."""
    import polars as pl

    table = mixed(rows)
    frame, frame_of_polars = table.to_pandas(), pl.from_arrow(table)
    assert isinstance(frame_of_polars, pl.DataFrame)

    def polars() -> None:
        sink = io.BytesIO()
        frame_of_polars.write_ndjson(sink)
        pa.Codec("zstd", compression_level=1).compress(sink.getbuffer())

    with (
        counting_service() as url,
        sp.connect(url=url, **ANYBODY) as client,
        client.open_channel("loads", table="D.S.T") as channel,
    ):
        works: Works = {
            "ours": lambda: frame.snowpipe.stream(channel, progress=False),
            "polars": polars,
        }
        taken = in_turn(works, rounds)
    return medians(taken) | {"ratio": ratio(taken, "ours_cpu_s", "polars_cpu_s")}


def growth(rounds: int, rows: int) -> dict[str, float]:
    """Seconds for a million rows, of 1, 2, 4 and 8 million: the slowest over the fastest.

    The same by processor time, which other work on the machine changes less.
    """
    frame = mixed(8 * rows).to_pandas()
    with (
        counting_service() as url,
        sp.connect(url=url, **ANYBODY) as client,
        client.open_channel("loads", table="D.S.T") as channel,
    ):
        works: Works = {
            f"of_{times}": lambda part=frame.iloc[: times * rows]: part.snowpipe.stream(
                channel, progress=False
            )
            for times in (1, 2, 4, 8)
        }
        taken = in_turn(works, rounds)
    each = {
        name: seconds / int(name.split("_")[1]) for name, seconds in medians(taken).items()
    }  # of_4_cpu_s: of 4 million
    processor_s = [seconds for name, seconds in each.items() if name.endswith("_cpu_s")]
    wall_s = [seconds for name, seconds in each.items() if not name.endswith("_cpu_s")]
    return each | {
        "ratio": max(wall_s) / min(wall_s),
        "cpu_ratio": max(processor_s) / min(processor_s),
    }


def imports(rounds: int, _: int) -> dict[str, float]:
    """`import snowpipe_pandas` after `import pandas, pyarrow`, over those two, in fresh processes."""
    program = (
        "import time; a = time.perf_counter(); import pandas, pyarrow; b = time.perf_counter(); "
        "import snowpipe_pandas; print(b - a, time.perf_counter() - b)"
    )
    taken: Taken = {"frames_s": [], "ours_s": []}
    for _number in range(max(rounds, IMPORTS)):
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
        for name, seconds in zip(taken, done.stdout.split(), strict=True):
            taken[name].append(float(seconds))
    return medians(taken) | {"ratio": 1 + ratio(taken, "ours_s", "frames_s")}


MEASURES: dict[str, Callable[[int, int], dict[str, float]]] = {
    "channels": channels,
    "overlap": overlap,
    "committed": committed,
    "processor": processor,
    "growth": growth,
    "imports": imports,
}


def table(record: dict[str, dict[str, float]]) -> list[str]:
    """The lines of docs/performance.md: what is measured, what came out, and what it must be."""
    done = record["committed"]
    lines = [
        (
            "8 channels over 1, each of 20 MB/s and 50 ms away, 4 million rows",
            f"{record['channels']['ratio']:.1f} times as fast",
            "7",
        ),
        (
            "a load on 1 channel over the longer of preparing alone and sending alone",
            f"{record['overlap']['ratio']:.2f}",
            "1.15",
        ),
        (
            "frame to committed in a local account, over `to_dict`, msgspec, zstd, 10,000 rows a request",
            f"{done['against_users']:.1f} times as fast",
            "4",
        ),
        ("the same, as a share of the speed of ready-made payloads", f"{done['of_the_floor']:.2f}", "0.60"),
        (
            "processor time of a whole load over polars `write_ndjson` and zstd 1",
            f"{record['processor']['ratio']:.2f}",
            "1.4",
        ),
        (
            "time per million rows of 1, 2, 4 and 8 million, slowest over fastest",
            f"{record['growth']['ratio']:.2f} (by processor time {record['growth']['cpu_ratio']:.2f})",
            "1.10",
        ),
        (
            "`import snowpipe_pandas` after `import pandas, pyarrow`, over those",
            f"{record['imports']['ratio']:.3f}",
            "1.10",
        ),
    ]
    return [
        "| measure | now | goal |",
        "|---|---|---|",
        *(f"| {' | '.join(cells)} |" for cells in lines),
    ]


def text(record: dict[str, dict[str, float]], facts: dict[str, object]) -> list[str]:
    """Return the lines of docs/performance.md."""
    done, account = record["committed"], record["account"]
    return [
        f"Measured {facts['date']}, Python {facts['python']}, {facts['cores']} cores; medians of the ratios",
        f"of {facts['rounds']} alternating rounds, the service in its own process.",
        "",
        *table(record),
        "",
        f"A local account had a million rows committed in {done['ours_s']:.2f} s, in which the client used",
        f"{done['ours_cpu_s']:.2f} s of processor time and the account {done['ours_account_cpu_s']:.2f}.",
        f"`result.timings`: encode {done['ours_encode_s']:.2f}, compress {done['ours_compress_s']:.2f}, wait",
        f"{done['ours_wait_s']:.2f}, send {done['ours_send_s']:.2f}, commit {done['ours_commit_s']:.2f}.",
        "",
        f"The account alone has {account['of_the_floor']:.2f} of the speed of DuckDB reading the same bodies",
        f"without HTTP, checks and channels ({account['cpu_of_the_floor']:.2f} by processor time). With one",
        f"bad value in every request it takes {account['one_bad_costs']:.2f} times as long, with one in",
        f"every tenth row {account['tenth_bad_costs']:.2f} times.",
    ]


def measure_all(rounds: int, *, quick: bool = False) -> None:
    """Take all measures; record them and renew the page, or only print the new text."""
    record = {}
    for name in (*MEASURES, "account"):
        print(name, file=sys.stderr, flush=True)
        record[name] = measured(name, rounds, quick=quick)
    facts: dict[str, object] = {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": rounds,
    }
    if quick:
        print("\n".join(text(record, facts)))
        return
    RESULTS.write_text(json.dumps(facts | record, indent=1) + "\n")
    page.renew("pipeline", text(record, facts))


def measured(name: str, rounds: int, *, quick: bool) -> dict[str, float]:
    """Take one measure in a process of its own; that of the account alone is `benchmarks.commit_path`."""
    if name == "account":
        arguments = ["benchmarks.commit_path", "--rows", str(MILLION // 10 if quick else MILLION)]
    else:
        arguments = ["benchmarks.pipeline", "--only", name, *(["--quick"] if quick else [])]
    command = [sys.executable, "-W", "ignore", "-m", *arguments, "--rounds", str(rounds)]
    done = subprocess.run(command, cwd=page.ROOT, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure all, or one; record, and renew the page."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--quick", action="store_true", help="a tenth of the rows; nothing is written")
    options.add_argument("--only", choices=MEASURES, help="one measure, in this process; prints JSON")
    wanted = options.parse_args()
    if wanted.only:
        rows = MILLION // 10 if wanted.quick else MILLION
        json.dump(MEASURES[wanted.only](wanted.rounds, rows), sys.stdout, indent=1)
        return
    measure_all(wanted.rounds, quick=wanted.quick)


if __name__ == "__main__":
    main()
