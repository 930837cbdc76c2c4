"""A peer that is slow without end, and one that stops reading: the whole exchange has a deadline."""

import contextlib
import os
import socket
import sys
import threading
import time

import pytest

from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.errors import TransportError
from snowpipe_pandas.rest import deadline as deadline_module
from snowpipe_pandas.rest.deadline import deadline
from snowpipe_pandas.rest.policy import RetryPolicy, Timeouts
from snowpipe_pandas.rest.transport import Request, Transport
from tests.support.callers import ANYBODY
from tests.support.signers import CountingSigner

ONCE = RetryPolicy(attempts=1)


class RudePeer:
    """Accepts one connection and treats it badly until it breaks."""

    def __init__(self, treat):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.broken = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(treat,))
        self._thread.start()

    def _run(self, treat):
        connection, _ = self._socket.accept()
        with connection:
            with contextlib.suppress(OSError):
                treat(connection)
            self.broken.set()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._thread.join(10)
        self._socket.close()
        assert not self._thread.is_alive()


def trickle_headers(connection):
    connection.recv(65536)
    for byte in b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 2000:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def trickle_body(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
    for _ in range(2000):
        connection.sendall(b" ")
        time.sleep(0.02)


def read_no_more(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.recv(1024)
    TESTED.wait(10)


TESTED = threading.Event()


@pytest.mark.parametrize("treat", [trickle_headers, trickle_body, read_no_more], ids=lambda f: f.__name__)
def test_no_peer_holds_a_request_beyond_its_deadline(treat):
    wire = Transport(Clock(), retry=ONCE, timeouts=Timeouts(read_s=30.0, total_s=0.5))
    started = time.monotonic()
    with RudePeer(treat) as peer:
        request = Request("POST", peer.url, body=b"x" * 20_000_000)
        with pytest.raises(TransportError, match=r"was not over in 0\.5 s"):
            wire.send(request, CountingSigner(), ANYBODY)
        assert time.monotonic() - started < 5
        TESTED.set()
        wire.close()
        assert peer.broken.wait(5)
    TESTED.clear()


def test_a_request_may_have_a_shorter_deadline_of_its_own():
    wire = Transport(Clock(), retry=ONCE, timeouts=Timeouts(total_s=30.0))
    with RudePeer(trickle_body) as peer:
        with pytest.raises(TransportError, match=r"was not over in 0\.3 s"):
            wire.send(Request("GET", peer.url, total_s=0.3), CountingSigner(), ANYBODY)
        wire.close()


def test_a_deadline_that_is_met_leaves_the_connection_to_later_requests():
    """The timer of the first request must not end the second one, which uses the same connection."""

    def answer_slowly(connection):
        for _ in range(2):
            connection.recv(65536)
            time.sleep(0.3)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    wire = Transport(Clock(), retry=ONCE, timeouts=Timeouts(total_s=0.45))
    with RudePeer(answer_slowly) as peer:
        for _ in range(2):
            assert wire.send(Request("GET", peer.url), CountingSigner(), ANYBODY).status == 200
        wire.close()


def test_a_peer_that_says_nothing_ends_at_the_read_time_out():
    wire = Transport(Clock(), retry=ONCE, timeouts=Timeouts(read_s=0.2))
    with RudePeer(lambda connection: [connection.recv(65536) for _ in range(2)]) as peer:
        with pytest.raises(TransportError, match=r"did not answer within 0\.2 s"):
            wire.send(Request("GET", peer.url), CountingSigner(), ANYBODY)
        wire.close()


def watching():
    return [thread for thread in threading.enumerate() if thread.name == "snowpipe-deadline"]


def test_one_thread_watches_all_exchanges_and_ends_after_them():
    with deadline(60.0), deadline_in_a_thread(60.0), deadline(60.0):
        assert len(watching()) == 1
    give_up_at = time.monotonic() + 5.0
    while watching():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


@contextlib.contextmanager
def deadline_in_a_thread(seconds):
    """Hold a deadline open in another thread."""
    held, over = threading.Event(), threading.Event()

    def hold():
        with deadline(seconds):
            held.set()
            over.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    yield
    over.set()
    thread.join()


def test_a_short_deadline_is_not_kept_waiting_by_a_long_one():
    with deadline(60.0), deadline(0.05) as short:
        began = time.monotonic()
        while not short.expired:
            assert time.monotonic() - began < 5.0
            time.sleep(0.005)


def test_exchanges_that_are_over_take_no_memory():
    with deadline(60.0):
        for _ in range(1000):
            with deadline(60.0):
                pass
        assert len(deadline_module._watch_all._due) < 200


@pytest.mark.parametrize(
    "moment", [deadline_module._Watch.begin, deadline_module.Deadline.end], ids=["it begins", "it ends"]
)
def test_a_ctrl_c_as_an_exchange_begins_or_ends_leaves_nothing_watched(moment):
    pressed = []

    def press(frame, event, _):
        if event == "return" and frame.f_code is moment.__code__ and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  # the block is what is interrupted
        sys.setprofile(press)
        try:
            with deadline(60.0):
                pass
        finally:
            sys.setprofile(None)
    assert deadline_module._watch_all._exchanges == {}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_watches_by_itself():
    with deadline(60.0):
        child = os.fork()
        if child == 0:
            with deadline(0.05) as short:
                time.sleep(1.0)
                os._exit(0 if short.expired else 1)
        assert os.waitpid(child, 0)[1] == 0
