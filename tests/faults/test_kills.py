"""Fault 46, and servers that die: real processes, ended by SIGKILL, and the same call again.

`KILLS` sets how many clients and how many servers are killed (`make soak`: 200 of each).
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest.client import Client
from tests.support.loads import SMALL, ids, make_table, numbers, open_channel
from tests.support.verdicts import ROWS, appends, run

KILLS = int(os.environ.get("KILLS", "20"))
PER_LOAD = 10
"""Kills that one load takes before it may end, one after each of its requests."""

ROOT = Path(__file__).parents[2]


def child(account, name, channels):
    arguments = [str(account.profile), name, str(ROWS), str(channels)]
    command = [sys.executable, "-m", "tests.support.child", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("channels", [0, 4])
@pytest.mark.parametrize("chance", range(max(1, KILLS // PER_LOAD // 2)))
def test_46_a_client_killed_at_each_of_its_requests(account, chance, channels):
    """Killed after request 1, 2, 3 ... of its run; each next run goes on with the load, or its parts."""
    make_table(account)
    account.channels.commit_lag_s = 0.05
    moments = random.Random(chance)
    for number in range(PER_LOAD):
        account.faults.add("append", after=number % 3, times=1, delay_s=0.3)  # a wide window for the kill
        before = len(account.requests)
        process = child(account, "load", channels)
        # Discover, exchange, open, status, and then appends; each further channel is opened too.
        wanted = before + 4 + channels + number % 3
        while len(account.requests) < wanted and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.random() * 0.2)
        process.kill()
        process.communicate()
        account.faults.clear()
    process = child(account, "load", channels)
    arguments, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert (sorted(ids(account)) if channels else ids(account)) == list(range(ROWS))
    assert sum(map(int, arguments.split())) == ROWS


def free_port():
    """A port that the system gives no one: one of its own choice could become the near end of a connection
    to this very port while nobody listens there, and the server would find it taken."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, lowest)
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port


class Served:
    """`snowpipe-pandas serve` on a file and a port, killed and started again."""

    def __init__(self, path):
        self.path = path
        self.port = free_port()
        self.profile = Path(f"{path}.account") / "profile.json"
        self.process = None
        self.restarting = threading.Lock()

    def start(self):
        command = [Path(sys.executable).parent / "snowpipe-pandas", "serve", self.path]
        command += ["--port", str(self.port), "--commit-lag", "0.05"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None
            time.sleep(0.02)
        raise TimeoutError

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.mark.timeout(3600)
def test_a_server_killed_at_random_moments_and_started_again(tmp_path, connect_to):
    """The client carries on in the same call; three kills in a minute are more than it should put up with."""
    path = tmp_path / "account.duckdb"
    with sp.local(path) as account:
        make_table(account)
    served = Served(path)
    served.start()
    moments = random.Random(7)
    try:
        for number in range(-(-KILLS // 2)):
            kill_twice_during_a_load(served, f"load-{number}", number * ROWS, moments, connect_to)
    finally:
        served.kill()
    with sp.local(path) as account:
        assert ids(account) == list(range(-(-KILLS // 2) * ROWS))


def kill_twice_during_a_load(served, name, start, moments, connect_to):
    waits = [moments.random() * 0.5 for _ in range(2)]
    killed = []

    def kill(event):
        rows = getattr(event, "end_row", None)
        if rows is not None and rows >= 100 * (len(killed) + 1) and len(killed) < 2:
            killed.append(rows)
            thread = threading.Thread(target=restart_soon, args=(served, waits[len(killed) - 1]))
            thread.start()
            threads.append(thread)

    threads = []
    client = connect_to(served.profile)
    frame = numbers(ROWS, start=start)
    channel = open_channel(client, name)
    result = sp.stream(slowly(frame), channel, limits=SMALL, load_id=name, progress=kill)
    for thread in threads:
        thread.join()
    assert (result.rows, len(killed)) == (ROWS, 2)


def slowly(frame):
    """A source that gives the server time to be killed."""
    for start in range(0, len(frame), 30):
        yield frame.iloc[start : start + 30]
        time.sleep(0.05)


def restart_soon(served, seconds):
    time.sleep(seconds)
    with served.restarting:  # the second kill waits until the first one's server is back
        served.kill()
        served.start()


@pytest.fixture
def connect_to():
    """Make patient clients of a profile."""
    made = []

    def connect_to(profile):
        client = Client(load_settings(profile), retry=sp.RetryPolicy(base_s=0.05, cap_s=0.5, budget_s=60))
        made.append(client)
        return client

    yield connect_to
    for client in made:
        client.close()


def test_two_clients_that_load_the_same_rows_through_one_channel(account, connect):
    """One of them learns that the other has the channel; together they put each row there once."""
    make_table(account)
    arguments = []

    def load():
        try:
            run(open_channel(connect()))
        except sp.SnowpipeError as error:
            arguments.append(error)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(open_channel(connect()))
    assert ids(account) == list(range(ROWS))


def test_eight_clients_on_eight_channels_of_one_table(account, connect):
    make_table(account)

    def load(number):
        channel = open_channel(connect(), f"c{number}")
        numbers(ROWS, start=number * ROWS).snowpipe.stream(channel, limits=SMALL, progress=False)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ids(account)
    assert sorted(found) == list(range(8 * ROWS))
    for number in range(8):
        own = [i for i in found if i // ROWS == number]
        assert own == sorted(own)
    assert len({request.path for request in appends(account)}) == 8
