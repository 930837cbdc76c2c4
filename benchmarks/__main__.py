"""`make bench`: runs everything, writes benchmarks/results and the tables in docs/performance.md.

`python -m benchmarks --rounds 3` is quicker; numbers that are quoted come from 7 rounds or more.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version

from benchmarks import page, pipeline
from benchmarks.fill import fill
from benchmarks.frames import FRAMES

RESULTS = page.ROOT / "benchmarks" / "results" / "rows.json"
PACKAGES = ["pandas", "pyarrow", "numpy", "orjson", "polars", "duckdb", "msgspec"]
FAST_PEERS = ["polars write_ndjson", "duckdb COPY"]
ROW_PEERS = ["to_dict + msgspec", "DataFrame.to_json"]


def python_json(*arguments: str, **environment: str) -> dict:
    """Run a module in a process of its own and read the JSON that it prints."""
    command = [sys.executable, "-W", "ignore", "-m", *arguments]
    done = subprocess.run(
        command, cwd=page.ROOT, env=os.environ | environment, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def speed(result: dict, who: str) -> float:
    """Bytes of NDJSON per second."""
    return result["rows_per_s"][who] * result["bytes_per_row"][who]


def ratio(result: dict, peer: str, *, ours: str = "ours") -> str:
    """How many times as fast we are, by bytes per second."""
    return f"{speed(result, ours) / speed(result, peer):.2f}"


def table(results: list[dict]) -> list[str]:
    """A line per frame and number of threads."""
    head = ["frame", "threads", "MB/s", *FAST_PEERS, *ROW_PEERS]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in results:
        cells = [FRAMES[result["frame"]][0], str(result["threads"]), f"{speed(result, 'ours') / 1e6:.0f}"]
        cells += [ratio(result, peer) for peer in FAST_PEERS]
        cells += [ratio(result, peer, ours="ours from pandas") for peer in ROW_PEERS]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def text(record: dict) -> list[str]:
    """Return the lines of docs/performance.md for these measures."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    memory, parquet, display = record["memory"], record["parquet"], record["display"]
    stream, loads, row = record["stream"], record["loads"], record["row"]
    filled = ", ".join(f"{name} {share:.1%}" for name, share in record["fill"].items())
    return [
        f"Measured {record['date']}, Python {record['python']}, {record['cores']} cores;",
        f"{versions}.",
        f"Medians of {record['rounds']} alternating rounds. Ratios are bytes of NDJSON per second, ours",
        "over the peer's: above 1 is faster than the peer. polars and duckdb start from their own",
        "tables and are compared with ours from an Arrow table, all with that number of threads; the",
        "row-wise methods use one thread only and start from a pandas frame, as ours then does.",
        "",
        *table(record["contests"]),
        "",
        f"Encoding a frame of {memory['frame_bytes'] / 1e9:.1f} GB took",
        f"{memory['extra_bytes'] / 1e6:.0f} MB on top of the frame itself; a Parquet file of",
        f"{parquet['file_bytes'] / 1e9:.1f} GB, read as it was sent, took",
        f"{parquet['extra_bytes'] / 1e6:.0f} MB in all. `stream()` of a frame of",
        f"{stream['frame_bytes'] / 1e9:.1f} GB took {stream['extra_bytes'] / 1e6:.0f} MB on top of it, and",
        f"four loads of a frame of {loads['frame_bytes'] / 1e9:.1f} GB",
        f"one after another {loads['extra_bytes'] / 1e6:.0f} MB, where a commit takes a second.",
        "",
        f"A load of one row, not waited for, took {row['ratio']:.1f} of a bare request of its bytes.",
        "",
        f"Fill of payloads (share of 16 MB raw or 4 MB on the wire, whichever binds): {filled}.",
        "No compression is ever wasted: a body grows only by rows that certainly fit.",
        "",
        f"The notebook's view drew {display['draws']} times in a load of {display['seconds']:.1f} s,",
        f"and took {display['share']:.2%} of that time (a million flights, in a real kernel).",
    ]


def main() -> None:
    """Measure, record, and renew the page."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=7)
    rounds = options.parse_args().rounds
    contests = []
    for name in FRAMES:
        for threads in (1, 2):
            print(f"frame {name}, {threads} threads", file=sys.stderr, flush=True)
            arguments = ("benchmarks.contest", name, str(threads), str(rounds))
            contests.append(python_json(*arguments, POLARS_MAX_THREADS=str(threads)))
    record = {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": rounds,
        "versions": {name: version(name) for name in PACKAGES},
        "contests": contests,
        "memory": python_json("benchmarks.memory", "frame"),
        "parquet": python_json("benchmarks.memory", "parquet"),
        "stream": python_json("benchmarks.memory", "stream", "--lag", "1"),
        "loads": python_json("benchmarks.memory", "loads", "--lag", "1"),
        "row": python_json("benchmarks.loads"),
        "fill": {name: fill(name) for name in FRAMES},
        "display": python_json("benchmarks.display"),
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    page.renew("rows", text(record))
    pipeline.measure_all(rounds)


if __name__ == "__main__":
    main()
