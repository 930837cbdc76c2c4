"""The life of an account: how it starts or doesn't, forks, signals, ends, and that nothing is left of it."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ClosedError, UsageError
from tests.embedded.raw import Raw, lines, until
from tests.embedded.test_outages import COMMAND
from tests.support.loads import TABLE, ids, make_table, numbers, open_channel

ROOT = Path(__file__).parents[2]


def python(program, temporary, **more):
    """Start a Python program whose temporary files go to `temporary`."""
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
        **more,
    )


def ended(process):
    """Wait for a process; return its status and what it printed. One that does not end is left to nobody."""
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, output


@pytest.fixture
def temporary(tmp_path):
    return tmp_path / "temporary"


def left(folder):
    return sorted(found.name for found in folder.iterdir())


# Forks

FORKED = """
import json, os, socket, sys, time
import pandas as pd
import snowpipe_pandas as sp
from urllib.parse import urlsplit

path = sys.argv[1] if len(sys.argv) > 1 else None
account = sp.local({path!r}, commit_lag_s=0.0)
account.sql("CREATE TABLE T (ID NUMBER)")
client = sp.connect(account.profile)
channel = client.open_channel("c", table="DEMO.PUBLIC.T")
pd.DataFrame({{"ID": range(1000)}}).snowpipe.stream(channel, load_id="a", progress=False)
child = os.fork()
if not child:
    try:
        account.sql("SELECT 1")
    except sp.SnowpipeError as error:
        print(type(error).__name__, error, flush=True)
    account.close()
    {child}
    sys.exit(0)
{parent}
assert account.profile.exists()
pd.DataFrame({{"ID": range(1000)}}).snowpipe.stream(channel, load_id="b", after="a", progress=False)
print(account.sql("SELECT COUNT(*) AS N FROM T")["N"][0], flush=True)
account.close()
if child:
    print(sorted(os.listdir(os.environ["TMPDIR"])), flush=True)
"""


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_forked_child_that_ends_takes_nothing_of_its_parents(tmp_path, temporary, kind):
    path = None if kind == "memory" else str(tmp_path / "forked.duckdb")
    program = FORKED.format(path=path, child="", parent="assert os.waitpid(child, 0)[1] == 0")
    status, output = ended(python(program, temporary))
    assert status == 0
    refusal, rows, files = output.splitlines()
    assert refusal.startswith("UsageError the local account is its parent process's")
    assert (rows, files) == ("2000", "[]")
    if path:
        with sp.local(path) as account:
            assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 2000


HELD_PORT = """
port = urlsplit(account.url).port
watched = socket.create_connection(("127.0.0.1", port))
account.close()
watched.settimeout(5)
assert watched.recv(1) == b""  # cut, though the child lives
again = sp.local(port=port)
again.close()
print("free")
os.kill(child, 9)
os.waitpid(child, 0)
sys.exit(0)
"""


def test_a_forked_child_that_lives_holds_neither_port_nor_connections(temporary):
    program = FORKED.format(path=None, child="time.sleep(60)", parent=HELD_PORT)
    status, output = ended(python(program, temporary))
    assert (status, output.splitlines()[-1]) == (0, "free")
    assert left(temporary) == []


MULTIPROCESSING = """
import multiprocessing, time, snowpipe_pandas as sp
account = sp.local()
for _ in range(10):
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    process.terminate()  # in its first moments, as often as not
    process.join(20)
    assert process.exitcode == -15
print(account.profile.exists(), account.sql("SELECT 7 AS N")["N"][0])
"""


def test_a_terminated_child_process_ends_by_its_signal_and_removes_nothing(temporary):
    assert ended(python(MULTIPROCESSING, temporary)) == (0, "True 7\n")
    assert left(temporary) == []


# Signals and exits

WAITING = "import time, snowpipe_pandas as sp; account = sp.local(); print(account.profile, flush=True); {}"


def test_sigterm_ends_a_program_as_ever_and_leaves_no_key(temporary):
    process = python(WAITING.format("time.sleep(60)"), temporary)
    assert Path(process.stdout.readline().strip()).exists()
    process.terminate()
    assert ended(process)[0] == -signal.SIGTERM
    assert left(temporary) == []


OWN_HANDLER = """
import signal
import time
seen = []
signal.signal(signal.SIGTERM, lambda *_: seen.append("mine"))
import snowpipe_pandas as sp
with sp.local() as account:
    print(account.profile, flush=True)
    while not seen:
        time.sleep(0.01)
print(seen[0])
print(signal.getsignal(signal.SIGTERM).__name__)
"""


def test_a_programs_own_handler_stays(temporary):
    process = python(OWN_HANDLER, temporary)
    process.stdout.readline()
    process.terminate()
    assert ended(process) == (0, "mine\n<lambda>\n")
    assert left(temporary) == []


def test_the_handler_goes_with_the_last_account():
    before = signal.getsignal(signal.SIGTERM)
    assert before is signal.SIG_DFL
    with sp.local():
        with sp.local():
            assert signal.getsignal(signal.SIGTERM) is not before
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_account_of_another_thread_sets_no_handler():
    seen = []

    def use():
        with sp.local():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_the_end_of_the_interpreter_closes_the_account(temporary):
    assert ended(python(WAITING.format("pass"), temporary))[0] == 0
    assert left(temporary) == []


def test_an_exception_that_ends_the_program_leaves_nothing(temporary):
    program = WAITING.format("1 / 0")
    assert ended(python(program, temporary, stderr=subprocess.DEVNULL))[0] == 1
    assert left(temporary) == []


def test_rows_that_were_accepted_are_in_the_file_when_a_program_ends_without_a_close(tmp_path, temporary):
    path = str(tmp_path / "kept.duckdb")
    program = f"""
import snowpipe_pandas as sp
account = sp.local({path!r}, commit_lag_s=30)
account.sql("CREATE TABLE T (ID NUMBER)")
channel = sp.connect(account.profile).open_channel("c", table="DEMO.PUBLIC.T")
channel.append_rows(b'{{"ID":1}}', start_offset_token="0", end_offset_token="1")
"""
    assert ended(python(program, temporary))[0] == 0
    with sp.local(path) as account:
        assert account.sql("SELECT ID FROM T")["ID"].tolist() == [1]


def test_what_a_killed_account_leaves_is_removed_by_the_next_one_and_nothing_else(temporary, monkeypatch):
    killed = python(WAITING.format("time.sleep(60)"), temporary)
    folder = Path(killed.stdout.readline().strip()).parent
    living = python(WAITING.format("time.sleep(60)"), temporary)
    other = Path(living.stdout.readline().strip()).parent
    (temporary / "snowpipe-local-mine").mkdir()
    killed.kill()
    ended(killed)
    assert folder.exists()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with sp.local():
        assert not folder.exists()
        assert (other / "rsa_key.p8").exists()
    living.terminate()
    ended(living)
    assert left(temporary) == ["snowpipe-local-mine"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_serve_ends_cleanly_by_a_signal(temporary, number):
    temporary.mkdir()
    process = subprocess.Popen(
        [COMMAND, "serve"], stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(temporary)}
    )
    assert "local account at" in process.stdout.readline()
    process.send_signal(number)
    assert ended(process)[0] == 0
    assert left(temporary) == []


SIGNALS = """
import signal, sys, threading
from snowpipe_pandas.cli.signals import EndSignals

def end():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

def at_line(number):
    left = [number]

    def trace(frame, event, _):
        left[0] -= event == "line"
        if event == "line" and left[0] == 0:
            end()
        return trace

    return trace

for number in range(1, 40):
    with EndSignals() as ends:
        later = threading.Timer(0.05, end)  # in another thread, while this one waits
        later.start()
        sys.settrace(at_line(number))
        ends.wait()
        sys.settrace(None)
        later.join()
print("done")
"""


def test_a_signal_at_any_line_of_the_wait_ends_it():
    """Also where an event's own wait has the lock that `set()` takes, and where another thread gets it."""
    process = subprocess.Popen([sys.executable, "-c", SIGNALS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.communicate(timeout=30)[0] == "done\n"
    finally:
        process.kill()
        process.wait()


# Starts that fail


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.fixture(scope="module")
def good_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def bad_keys(good_key):
    whole = pem(good_key)
    return {
        "encrypted": pem(good_key, BestAvailableEncryption(b"secret")),
        "too small": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "no RSA key": pem(ec.generate_private_key(ec.SECP256R1())),
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "noise": b"\x00\xff" * 500,
        "damaged": whole.replace(b"MII", b"AAA", 1),
    }


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """What a failed start may not leave: threads, open files and ports, temporary folders."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with sp.local():  # whatever is made once stays
        pass
    gc.collect()
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    until(lambda: set(threading.enumerate()) <= threads)
    until(lambda: len(os.listdir("/proc/self/fd")) <= files)
    assert left(place) == []


def fails(match, path, **options):
    with pytest.raises(UsageError, match=match) as found:
        sp.local(path, **options)
    assert "Traceback" not in str(found.value)


@pytest.mark.parametrize(
    "case", list(bad_keys(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
)
def test_a_key_that_can_not_be_used_is_one_error(tmp_path, nothing_left, good_key, case):
    path = tmp_path / "kept.duckdb"
    folder = tmp_path / "kept.duckdb.account"
    folder.mkdir()
    key = folder / "rsa_key.p8"
    key.write_bytes(bad_keys(good_key)[case])
    fails("rsa_key.p8.*remove it", path)
    assert not path.exists()
    key.unlink()
    with sp.local(path):
        pass


@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling link"])
def test_a_key_that_is_not_a_file_is_one_error(tmp_path, nothing_left, kind):
    folder = tmp_path / "kept.duckdb.account"
    folder.mkdir()
    key = folder / "rsa_key.p8"
    {"folder": key.mkdir, "fifo": lambda: os.mkfifo(key), "dangling link": lambda: key.symlink_to("nowhere")}[
        kind
    ]()
    fails("rsa_key.p8.*it is not a file", tmp_path / "kept.duckdb")


def test_a_file_in_the_place_of_the_keys_folder_is_one_error(tmp_path, nothing_left):
    (tmp_path / "kept.duckdb.account").write_text("mine")
    fails("can't start .*File exists", tmp_path / "kept.duckdb")
    assert left(tmp_path) == ["kept.duckdb.account", "place"]
    assert (tmp_path / "kept.duckdb.account").read_text() == "mine"


def test_no_place_for_temporary_files_is_one_error(tmp_path, nothing_left, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        fails("can't start .*No such file", None)


@pytest.mark.parametrize("port", [-1, 65_536, "http", 8080.5])
def test_a_port_that_is_none_is_one_error(nothing_left, port):
    fails("port", None, port=port)


@pytest.mark.parametrize("path", [None, "new.duckdb"])
def test_a_port_in_use_is_one_error(tmp_path, nothing_left, path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        fails("is taken", path and tmp_path / path, port=other.getsockname()[1])
    assert left(tmp_path) == ["place"]


BAD_FILES = {
    "folder": lambda path: path.mkdir(),
    "noise": lambda path: path.write_bytes(b"noise" * 5000),
    "cut": lambda path: path.write_bytes(whole_file(path)[:9000]),
    "damaged": lambda path: path.write_bytes(whole_file(path)[:4096] + b"\xff" * 8192),
    "device": lambda path: path.symlink_to("/dev/full"),
}


def whole_file(path):
    with sp.local(path) as account:
        make_table(account)
    return path.read_bytes()


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_is_not_an_accounts_is_one_error(tmp_path, nothing_left, case):
    path = tmp_path / "bad.duckdb"
    BAD_FILES[case](path)
    before = left(tmp_path)
    fails("can't be opened as a DuckDB file", path)
    assert left(tmp_path) == before


def test_a_file_in_a_folder_that_is_not_there_is_one_error(tmp_path, nothing_left):
    fails("can't be opened as a DuckDB file", tmp_path / "nowhere" / "new.duckdb")
    assert left(tmp_path) == ["place"]


@pytest.mark.parametrize("other_process", [True, False])
def test_a_file_that_somebody_has_open_is_one_error(tmp_path, nothing_left, temporary, other_process):
    path = tmp_path / "shared.duckdb"
    if other_process:
        program = WAITING.format("time.sleep(60)").replace("local()", f"local({str(path)!r})")
        process = python(program, temporary)
        process.stdout.readline()
        fails("can't be opened as a DuckDB file.*nobody else has open", path)
        process.kill()
        ended(process)
    else:
        with sp.local(path), pytest.raises(UsageError, match="nobody else has open"):
            sp.local(path)
    with sp.local(path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_only_be_read_is_one_error(tmp_path, nothing_left):
    path = tmp_path / "fixed.duckdb"
    whole_file(path)
    path.chmod(0o400)
    fails("can't be opened as a DuckDB file", path)


FULL = """
import json, os, resource, sys, threading
import snowpipe_pandas as sp
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for path in (sys.argv[2], None):
    try:
        with sp.local(path) as account:
            account.sql("SELECT 1")
            outcome = "started"
    except sp.SnowpipeError as error:
        outcome = type(error).__name__
    print(json.dumps([outcome, threading.active_count()]))
"""


@pytest.mark.parametrize("limit", [0, 100, 1000, 5000, 12_288, 20_000, 270_000])
def test_a_disk_that_is_full_at_the_start_is_one_error(tmp_path, temporary, limit):
    temporary.mkdir()
    path = tmp_path / "new.duckdb"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL, str(limit), str(path)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    of_file, of_memory = map(json.loads, done.stdout.splitlines())
    assert of_file in (["UsageError", 1], ["started", 1])
    assert of_memory in (["UsageError", 1], ["started", 1])
    assert (of_file[0] == "started") == path.exists()
    assert left(temporary) == []
    with sp.local(path):
        pass


# Ends


def test_closing_while_requests_run_ends_them(account, raw):
    account.channels.pause()
    account.faults.add("append", hold_s=30)
    outcomes = []

    def send():
        try:
            outcomes.append(raw.append(lines(1), "1"))
        except requests.ConnectionError as error:
            outcomes.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    until(lambda: not account.faults._scripted)
    account.close()
    sending.join(10)
    assert isinstance(outcomes[0], requests.ConnectionError)


def test_threads_that_close_at_once_all_find_it_closed(temporary):
    account = sp.local()
    threads = [threading.Thread(target=account.close) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not account.profile.exists()
    with pytest.raises(ClosedError):
        account.start()


@pytest.mark.parametrize("method", ["close", "stop"])
def test_an_end_from_within_a_request_is_refused_and_the_account_lives(account, raw, method):
    problems = []

    def end(answer):
        try:
            getattr(account, method)()
        except UsageError as error:
            problems.append(str(error))
        return answer

    account.faults.add("status", change=end)
    assert raw.status()["channel_status_code"] == "SUCCESS"
    assert problems == ["the local account can't be stopped from within a request: use another thread"]
    raw.append(lines(1), "1")
    raw.committed("1")
    assert ids(account) == [1]


def test_sql_while_the_account_closes_is_an_error_of_ours_or_an_answer():
    for _ in range(5):
        account = sp.local()
        outcomes = set()

        def ask(account=account, outcomes=outcomes):
            while True:
                try:
                    account.sql("CREATE TABLE IF NOT EXISTS T (ID NUMBER); SELECT COUNT(*) AS N FROM T")
                    outcomes.add("answer")
                except Exception as error:
                    outcomes.add(type(error) if isinstance(error, ClosedError) else repr(error))
                    return

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        time.sleep(0.05)
        account.close()
        for thread in asking:
            thread.join()
        assert outcomes - {"answer"} == {ClosedError}


@pytest.mark.parametrize("method", ["stop", "start", "fail_over"])
def test_a_closed_account_says_so(method):
    account = sp.local()
    account.close()
    with pytest.raises(ClosedError, match="closed"):
        getattr(account, method)()


def test_stops_and_starts_from_many_threads_leave_it_running_or_stopped(account):
    make_table(account)

    def toggle():
        for _ in range(5):
            account.stop()
            account.start()

    threads = [threading.Thread(target=toggle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Raw(account).open().ok
    with sp.connect(account.profile) as client:
        numbers(3).snowpipe.stream(open_channel(client), progress=False)
    assert ids(account) == [0, 1, 2]
    assert urlsplit(account.url).port
    assert account.sql(f"SELECT COUNT(*) AS N FROM {TABLE}")["N"][0] == 3


def test_a_key_that_lasts_belongs_to_one_account(tmp_path):
    """Accounts that leave no files may share one, for as long as their process lives."""
    with sp.local(tmp_path / "a.duckdb") as first, sp.local(tmp_path / "b.duckdb") as second:
        kept = [(account.profile.parent / "rsa_key.p8").read_bytes() for account in (first, second)]
        with sp.local() as passing, sp.local() as other:
            shared = [(account.profile.parent / "rsa_key.p8").read_bytes() for account in (passing, other)]
    assert len({*kept, *shared}) == 3
