"""Whatever object is given to whatever argument: a result, or an error of this package; no other comes out.

Every argument of the public entries gets random objects, hostile ones among them, while the others stay
valid. What the caller's own code raises is the caller's: an iterator that is a source, a callback.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

import snowpipe_pandas as sp
from snowpipe_pandas.api.jobs import Job
from snowpipe_pandas.errors import SnowpipeError
from snowpipe_pandas.names import ObjectName
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from tests.support.anything import FIXED, KEY_MARK, Given, HostileError, anything

pytestmark = pytest.mark.filterwarnings("ignore")

TABLE = "DEMO.PUBLIC.T"
FRAME = pd.DataFrame({"X": [1, 2]})
QUICK = sp.RetryPolicy(base_s=0.01, budget_s=0.5)


def tried(examples):
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class Scene:
    """One account with a client, a channel and a job, for all objects."""

    def __init__(self, account):
        account.sql(f"CREATE TABLE {TABLE} (X NUMBER)")
        account.sql(f"CREATE TABLE {TABLE}_VARIANT (X VARIANT)")
        self.account = account
        self.client = sp.connect(account.profile, retry=QUICK)
        self.channel = self.client.open_channel("c", table=TABLE)
        self.variants = self.client.open_channel("c", table=f"{TABLE}_VARIANT")
        self.job = FRAME.snowpipe.stream(self.channel, background=True, progress=False)
        self.job.result(timeout=30)
        profile = json.loads(account.profile.read_text())
        self.pat = account.door.issue_access_token("DEMO_USER")
        self.who = {"url": account.url, "account": "LOCAL", "user": "DEMO_USER"}
        self.key_file = profile["private_key_file"]
        key = Path(self.key_file).read_text()
        self.secrets = [*key.splitlines()[1:-1], self.pat, self.client.token()]

    def connect(self, *args, **given):
        """Connect with an access token, which costs no signature, by default."""
        keyed = given.keys() & {
            "private_key",
            "private_key_file",
            "token",
            "token_file_path",
            "authenticator",
        }
        credential = {} if keyed else {"token": self.pat}
        if "jwt_lifetime_s" in given or "authorization_scheme" in given or "audience" in given:
            credential = {"private_key_file": self.key_file}
        with sp.connect(*args, **{**self.who, **credential, **given}):
            return


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with sp.local(commit_lag_s=0.0) as account:
        scene = Scene(account)
        with scene.client:
            yield scene


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Invented paths lead into a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


def outcome(scene, call, value, *, others=(), hides_keys=False):
    """Call, and return what came of it as text; anything but a result and an error of ours fails."""
    try:
        result = call(scene, value)
        if isinstance(result, Job):
            error = result.exception(timeout=30)
            if error is not None:
                raise error
    except SnowpipeError as error:
        shown = str(error)
        assert shown
    except others:
        return
    else:
        shown = repr(result)
    for secret in (*scene.secrets, *([KEY_MARK] if hides_keys else [])):
        assert secret not in shown


def stream(scene, **given):
    options = {"progress": False, "wait": False} | given
    source, channel = options.pop("source", FRAME), options.pop("channel", scene.channel)
    return sp.stream(source, channel, **options)


def append(scene, **given):
    valid = {"body": b'{"X":1}\n', "start_offset_token": "0", "end_offset_token": "1"} | given
    if scene.channel.in_doubt:
        scene.channel.reopen()
    return scene.channel.append_rows(valid.pop("body"), **valid)


def opened(scene, name="d", **target):
    return scene.client.open_channel(name, **(target or {"table": TABLE}))


def local(value):
    with sp.local(**value):
        return


def for_each(names, call):
    """Entries `call(scene, **{name: value})`, one for each name."""
    return {name: (lambda scene, value, name=name: call(scene, **{name: value})) for name in names.split()}


STREAM = {
    f"stream {name}": call
    for name, call in for_each(
        "channel load_id after background wait on_error progress commit_timeout_s max_in_flight_bytes "
        "flush_interval_s limits index "
        "columns column_case nulls binary_format",
        stream,
    ).items()
}
WRITE = {
    f"{method} {name}": lambda scene, value, method=method, name=name: getattr(FRAME.snowpipe, method)(
        *{"to_ndjson": [], "ddl": [TABLE], "check": [{"X": "NUMBER"}], "estimate": [TABLE]}[method],
        **{name: value},
    )
    for method, names in {
        "to_ndjson": "index columns column_case nulls binary_format",
        "ddl": "not_null error_logging index columns column_case",
        "check": "index columns column_case",
        "estimate": "channels limits index columns column_case nulls binary_format",
    }.items()
    for name in names.split()
}
ROWS = STREAM | WRITE
CHANNELS = {
    "ddl table": lambda scene, value: FRAME.snowpipe.ddl(value),
    "check target": lambda scene, value: FRAME.snowpipe.check(value),
    "estimate target": lambda scene, value: FRAME.snowpipe.estimate(value),
    "open name": lambda scene, value: opened(scene, value),
    "open table": lambda scene, value: opened(scene, table=value),
    "open pipe": lambda scene, value: opened(scene, pipe=value),
    "open offset_token": lambda scene, value: opened(scene, table=TABLE, offset_token=value),
    "sql text": lambda scene, value: scene.client.sql(value),
    "sql params": lambda scene, value: scene.client.sql("SELECT ? AS X", params=value),
    "sql params[0]": lambda scene, value: scene.client.sql("SELECT ? AS X", params=[value]),
    "sql timeout_s": lambda scene, value: scene.client.sql("SELECT 1 AS X", timeout_s=value),
    "statuses names": lambda scene, value: scene.client.channel_statuses(value, table=TABLE),
    "statuses names[0]": lambda scene, value: scene.client.channel_statuses([value], table=TABLE),
    "statuses table": lambda scene, value: scene.client.channel_statuses(["c"], table=value),
    "statuses pipe": lambda scene, value: scene.client.channel_statuses(["c"], pipe=value),
    "append start_offset_token": lambda scene, value: append(scene, start_offset_token=value),
    "append end_offset_token": lambda scene, value: append(scene, end_offset_token=value),
    "append body": lambda scene, value: append(scene, body=value),
    "append raw_bytes": lambda scene, value: append(scene, raw_bytes=value),
    "append content_encoding": lambda scene, value: append(scene, content_encoding=value),
    "wait_for_commit token": lambda scene, value: scene.channel.wait_for_commit(value, timeout_s=0),
    "wait_for_commit timeout_s": lambda scene, value: scene.channel.wait_for_commit(timeout_s=value),
    "reopen offset_token": lambda scene, value: scene.channel.reopen(offset_token=value),
}
OTHERS = {
    "RetryPolicy attempts": lambda scene, value: sp.RetryPolicy(attempts=value),
    "RetryPolicy base_s": lambda scene, value: sp.RetryPolicy(base_s=value),
    "RetryPolicy cap_s": lambda scene, value: sp.RetryPolicy(cap_s=value),
    "RetryPolicy jitter": lambda scene, value: sp.RetryPolicy(jitter=value),
    "RetryPolicy budget_s": lambda scene, value: sp.RetryPolicy(budget_s=value),
    "Timeouts connect_s": lambda scene, value: sp.Timeouts(connect_s=value),
    "Timeouts read_s": lambda scene, value: sp.Timeouts(read_s=value),
    "Timeouts total_s": lambda scene, value: sp.Timeouts(total_s=value),
    "ObjectName.parse": lambda scene, value: ObjectName.parse(value),
    "ObjectName.parse database": lambda scene, value: ObjectName.parse("T", database=value, schema="S"),
    "ObjectName.parse schema": lambda scene, value: ObjectName.parse("T", database="D", schema=value),
    "Client settings": lambda scene, value: sp.Client(value),
    "Jobs": lambda scene, value: sp.Jobs(value),
    "Jobs [0]": lambda scene, value: sp.Jobs([value]),
    "Jobs.wait": lambda scene, value: sp.Jobs([scene.job]).wait(value),
    "Jobs.results": lambda scene, value: sp.Jobs([scene.job]).results(value),
    "Job.wait": lambda scene, value: scene.job.wait(value),
    "Job.result": lambda scene, value: scene.job.result(timeout=value),
    "Job.exception": lambda scene, value: scene.job.exception(value),
    "sql": lambda scene, value: scene.account.sql(value),
}
SETTINGS = {
    "connect profile": lambda scene, value: scene.connect(value),
    **{
        f"connect {name}": call
        for name, call in for_each(
            "connection_name retry timeouts account user url host scheme port database schema warehouse role "
            "ca_file authenticator authorization_scheme jwt_lifetime_s audience private_key private_key_file "
            "private_key_path private_key_passphrase token token_file_path no_such_setting",
            Scene.connect,
        ).items()
    },
}
LOCAL = {
    f"local {name}": lambda scene, value, name=name: local({name: value})
    for name in ("path", "port", "commit_lag_s", "token_lifetime_s", "tls")
}
CALLERS_OWN = {
    # The caller's function is called, or his iterator read: what they raise is his.
    "Jobs": (HostileError,),
    "statuses names": (HostileError,),
    "sql params": (HostileError,),
    "wait_for_commit token": (HostileError, TypeError, ValueError),
    "connect token": (HostileError, TypeError, ValueError),
}


def own(entry, value):
    """What the caller's own code may raise there."""
    runs = callable(value) or hasattr(type(value), "__getitem__")
    return CALLERS_OWN.get(entry, ()) if runs else ()


ENTRIES = ROWS | CHANNELS | OTHERS | SETTINGS


def judge(scene, entry, value):
    others = own(entry, value)
    outcome(scene, ENTRIES[entry], value, others=others, hides_keys=entry.startswith("connect"))


def each(check, values):
    for value in values:
        try:
            check(value)
        except BaseException as error:
            error.add_note(repr(Given(value)))
            raise


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_known_kind_of_object_gives_a_result_or_an_error_of_ours(scene, entry):
    each(lambda value: judge(scene, entry, value), FIXED)


@pytest.mark.parametrize("entry", ENTRIES)
def test_any_object_gives_a_result_or_an_error_of_ours(scene, entry):
    @tried(25)
    @given(anything())
    def check(drawn):
        judge(scene, entry, drawn.value)

    check()


@pytest.mark.parametrize("entry", LOCAL)
def test_a_local_account_starts_or_says_why_not(scene, entry):
    """Each account that starts costs a key, so texts that name files are few, and none names a host."""
    texts = ("", " ", ".", "\0", "a\0b", "\ud800", "a\udce9", "a" * 300, "nowhere/a", "it's ü")
    values = [*(value for value in FIXED if type(value) is not str), *texts]
    each(lambda value: outcome(scene, LOCAL[entry], value), values)


SOURCES = {
    "estimate": lambda scene, value: sp.estimate(value, TABLE),
    "stream": lambda scene, source: stream(scene, source=source),
    "to_ndjson": lambda scene, source: to_ndjson(source),
}


def of_cell(value):
    return pd.DataFrame({"X": pd.Series([None, value], dtype=object)})


def of_name(value):
    return pd.DataFrame([[1]], columns=pd.Index([value], dtype=object, tupleize_cols=False))


FRAMES = {
    "to_ndjson": lambda scene, frame: frame.snowpipe.to_ndjson(),
    "ddl": lambda scene, frame: frame.snowpipe.ddl(TABLE, not_null=True),
    "check": lambda scene, frame: frame.snowpipe.check({"X": "NUMBER"}),
    "stream": lambda scene, frame: stream(scene, source=frame, channel=scene.variants, on_error="report"),
}


@pytest.mark.parametrize("entry", SOURCES)
def test_any_source_gives_a_result_or_an_error_of_ours(scene, entry):
    @tried(150)
    @given(anything())
    def check(drawn):
        outcome(scene, SOURCES[entry], drawn.value, others=(HostileError,))

    each(lambda value: outcome(scene, SOURCES[entry], value, others=(HostileError,)), FIXED)
    check()


@pytest.mark.parametrize("entry", FRAMES)
@pytest.mark.parametrize("make", [of_cell, of_name])
def test_any_cell_and_any_name_gives_a_result_or_an_error_of_ours(scene, entry, make):
    def judged(value):
        try:
            frame = make(value)
        except Exception:
            return  # pandas has no such frame
        outcome(scene, FRAMES[entry], frame)

    @tried(30)
    @given(anything())
    def check(drawn):
        judged(drawn.value)

    if entry != "stream":  # which writes rows as to_ndjson does, and takes its time
        each(judged, FIXED)
    check()


def test_an_interrupt_passes_through_every_check(scene):
    class Interrupting(Mapping):
        def interrupt(self, *args):
            raise KeyboardInterrupt

        __getitem__ = __iter__ = __len__ = __repr__ = items = __fspath__ = interrupt

    for entry in ("open name", "stream load_id", "statuses names", "check target", "connect profile"):
        with pytest.raises(KeyboardInterrupt):
            ENTRIES[entry](scene, Interrupting())
