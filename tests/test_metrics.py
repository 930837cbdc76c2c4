"""Metrics and spans of loads, counted by the real libraries from the events of real loads."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

import snowpipe_pandas as sp
from snowpipe_pandas import metrics
from snowpipe_pandas.errors import UsageError
from snowpipe_pandas.events import PhaseChanged, RowsCommitted
from tests.support.loads import SMALL, TABLE, make_table, numbers, operations

QUICK = sp.RetryPolicy(base_s=0.01, budget_s=10.0)
LABELS = {"target", "outcome", "status", "kind"}


class Counted:
    """Both libraries as listeners of one client, and what they counted."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.reader, self.exporter = InMemoryMetricReader(), InMemorySpanExporter()
        self.meters, self.tracers = MeterProvider([self.reader]), TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.listeners = [
            metrics.Prometheus(self.registry),
            metrics.OpenTelemetry(self.meters, self.tracers),
        ]

    def prometheus(self):
        """Every sample by its counter and labels."""
        return {
            (
                sample.name.removeprefix("snowpipe_").removesuffix("_total"),
                frozenset(sample.labels.items()),
            ): int(sample.value)
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def opentelemetry(self):
        """Every sample, under the names that Prometheus has."""
        data = self.reader.get_metrics_data()
        resources = [] if data is None else data.resource_metrics
        return {
            (
                metric.name.removeprefix("snowpipe.").replace(".", "_"),
                frozenset((k.removeprefix("snowpipe."), v) for k, v in point.attributes.items()),
            ): point.value
            for resource in resources
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }

    def of(self, counter, **labels):
        """A counter's value, on which both libraries agree."""
        key = (counter, frozenset(labels.items()))
        value = self.prometheus().get(key, 0)
        assert self.opentelemetry().get(key, 0) == value
        return value

    @property
    def spans(self):
        return self.exporter.get_finished_spans()


@pytest.fixture
def counted():
    """Listeners for the clients of this test; what is installed counts again afterwards."""
    counted = Counted()
    metrics.set_listeners(counted.listeners)
    yield counted
    metrics.set_listeners(None)
    counted.meters.shutdown()
    counted.tracers.shutdown()


@pytest.fixture
def client(counted, account):
    with sp.connect(account.profile, retry=QUICK) as client:
        yield client


@pytest.fixture
def table(account, client):
    make_table(account)
    return client.table(TABLE)


def test_a_load_is_counted_and_has_a_span(counted, account, table):
    result = numbers(500).snowpipe.stream(table, load_id="first", limits=SMALL, progress=False)
    for counter in ("rows_acknowledged", "rows_committed"):
        assert counted.of(counter, target=TABLE) == 500
    assert counted.of("rows_rejected", target=TABLE) == 0
    assert counted.of("append_requests", target=TABLE) == result.requests == len(operations(account, "rows"))
    assert counted.of("row_json_bytes", target=TABLE) == result.raw_bytes
    assert counted.of("sent_bytes", target=TABLE) == result.sent_bytes
    assert counted.of("loads_ended", target=TABLE, outcome="done") == 1
    assert counted.of("token_renewals", kind="scoped") == 1
    (span,) = counted.spans
    assert (span.name, span.kind, span.status.status_code) == (
        "snowpipe load",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.attributes == {
        "db.system.name": "snowflake",
        "db.collection.name": TABLE,
        "snowpipe.load_id": "first",
        "snowpipe.channel": "first",
        "snowpipe.rows_skipped": 0,
        "snowpipe.rows_in_table": 500,
        "snowpipe.rows_rejected": 0,
        "snowpipe.outcome": "done",
    }


def test_rows_of_a_load_that_goes_on_are_counted_once(counted, account, client, table):
    first = client.open_channel("by-hand", table=TABLE)
    numbers(100).snowpipe.stream(first, load_id="l", limits=SMALL, progress=False)
    numbers(100).snowpipe.stream(first, load_id="l", limits=SMALL, progress=False)
    assert counted.of("rows_committed", target=TABLE) == 100
    assert counted.of("loads_ended", target=TABLE, outcome="done") == 2
    assert [span.attributes["snowpipe.rows_skipped"] for span in counted.spans] == [0, 100]


def test_committed_rows_are_counted_from_where_a_load_goes_on(counted, account, table):
    account.faults.add("append", after=10, times=1000, status=403)
    with pytest.raises(sp.SnowpipeError) as caught:
        numbers(500).snowpipe.stream(table, load_id="l", limits=SMALL, progress=False)
    before = caught.value.load.rows_in_table
    account.faults.clear()
    result = numbers(500).snowpipe.stream(table, load_id="l", limits=SMALL, progress=False)
    assert counted.of("rows_committed", target=TABLE) == before + 500 - result.rows_skipped
    assert counted.of("loads_ended", target=TABLE, outcome="failed") == 1
    failed, done = counted.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description is None
    assert done.attributes["snowpipe.rows_skipped"] == result.rows_skipped > 0


def test_each_channel_of_a_load_counts_its_rows(counted, table):
    numbers(1000).snowpipe.stream(table, load_id="l", channels=4, progress=False)
    assert counted.of("rows_committed", target=TABLE) == 1000
    assert counted.of("loads_ended", target=TABLE, outcome="done") == 4
    channels = {span.attributes["snowpipe.channel"] for span in counted.spans}
    assert len(channels) == len(counted.spans) == 4


def test_a_load_at_least_once_is_counted(counted, table):
    numbers(300).snowpipe.stream(table, delivery="at-least-once", limits=SMALL, progress=False)
    assert counted.of("rows_committed", target=TABLE) == 300
    assert counted.of("rows_rejected", target=TABLE) == 0


def test_rejected_rows_are_counted(counted, account, client):
    account.sql("CREATE TABLE STRICT (ID NUMBER, NAME VARCHAR NOT NULL)")
    frame = pd.DataFrame({"ID": range(30), "NAME": [None if i % 10 == 0 else "x" for i in range(30)]})
    strict = client.table("DEMO.PUBLIC.STRICT")
    result = frame.snowpipe.stream(strict, on_error="report", limits=SMALL, progress=False)
    assert result.rows_rejected == 3
    assert counted.of("rows_rejected", target="DEMO.PUBLIC.STRICT") == 3
    assert counted.of("rows_committed", target="DEMO.PUBLIC.STRICT") == 30
    assert counted.spans[0].attributes["snowpipe.rows_rejected"] == 3


def test_retries_and_reopens_are_counted_and_stand_in_the_span(counted, account, table):
    account.faults.add("append", after=1, times=2, status=503)
    numbers(200).snowpipe.stream(table, limits=SMALL, progress=False)
    assert counted.of("request_retries", status="503") == 2
    (span,) = counted.spans
    found_events = [(event.name, dict(event.attributes)) for event in span.events]
    assert ("retry", {"snowpipe.tries": 1, "http.response.status_code": 503}) in found_events
    assert counted.of("channel_reopens", target=TABLE) == [name for name, _ in found_events].count("reopen")


def test_a_span_stands_under_the_one_that_is_current(counted, table):
    with counted.tracers.get_tracer("test").start_as_current_span("nightly") as parent:
        numbers(10).snowpipe.stream(table, channels=2, progress=False)
        numbers(10).snowpipe.stream(table, background=True).result()
    own = [span for span in counted.spans if span.name == "snowpipe load"]
    assert len(own) == 3
    assert {span.parent.span_id for span in own} == {parent.get_span_context().span_id}


def test_no_label_names_a_load_or_a_channel_or_holds_a_secret(counted, account, client, table):
    account.faults.add("append", times=1, status=503)
    for name in ("load-one", "load-two"):
        numbers(50).snowpipe.stream(table, load_id=name, progress=False)
    account.faults.add("append", times=1000, status=403)
    with pytest.raises(sp.SnowpipeError):
        numbers(50, start=50).snowpipe.stream(table, load_id="load-three", progress=False)
    account.faults.clear()
    samples = set(counted.prometheus()) | set(counted.opentelemetry())
    assert {name for _, labels in samples for name, _ in labels} == LABELS
    values = {value for _, labels in samples for _, value in labels}
    assert values == {TABLE, "done", "failed", "403", "503", "scoped"}
    spans = "".join(span.to_json() for span in counted.spans)
    assert client.token() not in spans


def test_loads_that_ended_leave_nothing_behind(counted, table):
    for name in ("a", "b"):
        numbers(20).snowpipe.stream(table, load_id=name, channels=2, progress=False)
    prometheus, opentelemetry = counted.listeners
    assert prometheus._seen == opentelemetry._seen == opentelemetry._spans == {}


def test_loads_of_one_name_into_two_accounts_are_two(counted, table):
    with sp.local(commit_lag_s=0.3) as other_account, sp.connect(other_account.profile) as other:
        make_table(other_account)
        jobs = sp.Jobs(
            numbers(300).snowpipe.stream(place, load_id="same", limits=SMALL, background=True)
            for place in (table, other.table(TABLE))
        )
        jobs.results()
    assert counted.of("rows_committed", target=TABLE) == 600
    assert [span.attributes["snowpipe.rows_in_table"] for span in counted.spans] == [300, 300]


def test_counters_take_what_is_new_of_sums_that_are_reported_again():
    registry = CollectorRegistry()
    count = metrics.Prometheus(registry)
    for rows in (10, 10, 7, 25):
        count(RowsCommitted(target="T", end_row=rows, rows_in_table=rows, rows_rejected=0, offset_token="x"))
    assert registry.get_sample_value("snowpipe_rows_committed_total", {"target": "T"}) == 25


def test_control_characters_of_a_name_are_shown():
    registry = CollectorRegistry()
    metrics.Prometheus(registry)(PhaseChanged(target='"A\x1b[2J\ud800"', phase="done"))
    (labels,) = [s.labels for f in registry.collect() for s in f.samples if s.name.endswith("ended_total")]
    assert labels["target"] == '"A\\x1b[2J\\ud800"'


def test_the_page_has_every_counter_with_its_labels():
    page = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| ([\w, ]+) \|", page, re.MULTILINE)
    found_events = {name: tuple(labels.split(", ")) for name, labels in rows}
    assert found_events == {name: counter.labels for name, counter in metrics.COUNTERS.items()}


# Which listeners a client has.


def test_what_is_not_a_function_is_refused():
    for wanted in (5, "Prometheus", [metrics.Prometheus, None], object()):
        with pytest.raises(UsageError, match="functions that take an event"):
            metrics.set_listeners(wanted)


def test_without_listeners_nothing_is_counted(counted, account):
    metrics.set_listeners([])
    make_table(account)
    with sp.connect(account.profile) as client:
        numbers(5).snowpipe.stream(client.table(TABLE), progress=False)
    assert counted.prometheus() == counted.opentelemetry() == {}


def run(code, before=""):
    program = f"""
import sys
{before}
import pandas as pd
import snowpipe_pandas as sp
assert "prometheus_client" not in sys.modules or {bool(before)}
{code}
with sp.local(commit_lag_s=0.01) as account, sp.connect(account.profile) as client:
    account.sql("CREATE TABLE T (ID NUMBER)")
    pd.DataFrame({{"ID": [1, 2]}}).snowpipe.stream(client.table("DEMO.PUBLIC.T"), progress=False)
print("prometheus_client" in sys.modules and sys.modules["prometheus_client"] is not None)
if sys.modules.get("prometheus_client"):
    from prometheus_client import REGISTRY
    print(REGISTRY.get_sample_value("snowpipe_rows_committed_total", {{"target": "DEMO.PUBLIC.T"}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


def test_an_installed_library_is_found_at_the_first_client():
    assert run("")[0] == ["True", "2.0"]


def test_without_the_libraries_loads_run_as_ever():
    blocked = "sys.modules['prometheus_client'] = sys.modules['opentelemetry'] = None"
    assert run("", blocked) == (["False"], "")


def test_a_library_that_cannot_be_used_keeps_nobody_from_loading():
    taken = (
        "import prometheus_client; prometheus_client.Counter('snowpipe_rows_committed', 'mine', ['target'])"
    )
    found, found_events = run("", taken)
    assert found == ["True", "None"]
    assert "loads are not counted with Prometheus" in found_events


def test_it_can_be_turned_off_before_anything_is_imported():
    assert run("from snowpipe_pandas import metrics; metrics.set_listeners([])")[0] == ["False"]
