"""Nothing from outside reaches a terminal or a log but as text: every way out, with hostile strings."""

import logging
import re
import subprocess

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import snowpipe_pandas as sp
from snowpipe_pandas import errors, events, load_facts
from snowpipe_pandas.auth.credentials import AccessTokenCredential
from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.cli.printing import say, say_error
from snowpipe_pandas.display import line, texts
from snowpipe_pandas.display.terminal import styled
from snowpipe_pandas.rest.known_loads import KnownLoad
from snowpipe_pandas.rows.schema_check import Problem
from snowpipe_pandas.shown import cleaned, shown, visible
from snowpipe_pandas.streaming.failures import failure_event
from snowpipe_pandas.streaming.progress import Progress
from snowpipe_pandas.streaming.result import StreamResult
from snowpipe_pandas.streaming.timings import Timings
from tests.support.command import COMMAND
from tests.support.loads import TABLE, make_table, numbers, open_channel

PIECES = [
    "\x1b[2J",  # clears the screen
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",  # OSC 8, a link under another text
    "\x1b]0;title\x07",
    "\x9b31m",  # CSI in one character
    "\u202e",  # right to left
    "\u2066",
    "\u200b",
    "\n",
    "\r",
    "\r\n",
    "\x85",
    "\u2028",
    "\x00",
    "\x08",
    "\x7f",
    "\ud800",
    "[red]x[/]",
    ":key:",
    "word",
    "\u00e9",
]
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), min_size=1, max_size=6).map("".join)
ALWAYS = "".join(PIECES)


def an_error(text):
    error = errors.ServiceError(text, status=500, code=text)
    error.place = load_facts.place_of(text, text, text)
    return error


def rejected(text):
    row = load_facts.RejectedRow(first_row=0, end_row=1, column=text, value=shown(text), reason=text)
    error = errors.RowsRejectedError(
        text, rows_rejected=1, last_message=text, first_row=0, end_row=1, offset_upper_bound=text
    )
    error.first_rejected = (row,)
    return error


def facts(kind, text):
    return kind(target=text, load_id=text, channel=text, rows_acknowledged=1, rows_in_table=1)


def result(text):
    return StreamResult(
        rows_in_table=1,
        rows_sent=1,
        seconds=1.0,
        timings=Timings(),
        committed=True,
        offset_token=text,
        target=text,
        load_id=text,
        channel=text,
    )


def progress(text, phase="failed"):
    return Progress(
        target=text,
        load_id=text,
        channel=text,
        account=text,
        user=text,
        fingerprint=text,
        phase=phase,
        message=text,
        rejected_message=text,
        rows_total=2,
    )


def printed(*parts):
    console = Console(highlight=False, width=10_000, force_terminal=False)
    with console.capture() as seen:
        say(console, *parts)
    return seen.get()[:-1]


def printed_error(error):
    console = Console(highlight=False, width=10_000, force_terminal=False)
    with console.capture() as seen:
        say_error(console, error)
    return seen.get().replace("\n", "")


WAYS_OUT = {
    "an error's text": lambda text: str(an_error(text)),
    "an error's repr": lambda text: repr(an_error(text)),
    "an error of rejected rows": lambda text: str(rejected(text)),
    "a rejected row": lambda text: str(rejected(text).first_rejected[0]),
    "facts": lambda text: str(facts(errors.LoadFacts, text)),
    "facts' repr": lambda text: repr(facts(errors.LoadFacts, text)),
    "unordered facts": lambda text: str(facts(errors.UnorderedLoadFacts, text)),
    "a result": lambda text: str(result(text)),
    "a result's table": lambda text: result(text)._repr_html_(),
    "an event": lambda text: str(
        events.PhaseChanged(phase="failed", message=text, channel=text, target=text)
    ),
    "a retry": lambda text: str(
        events.RequestRetried(operation=text, tries=1, pause_s=0.0, status=None, code=text, reason=text)
    ),
    "what displays receive": lambda text: failure_event(an_error(text)).message,
    "what displays receive of other errors": lambda text: failure_event(OSError(text)).message,
    "the terminal's line": lambda text: str(line.line(progress(text), width=200)),
    "the line as rich has it": lambda text: styled(progress(text), 200).plain,
    "the log's line": lambda text: line.log_line(progress(text)),
    "a job's line": lambda text: line.short(progress(text)),
    "how it goes on": lambda text: texts.resume(progress(text)),
    "a known load": lambda text: str(KnownLoad(text, 1, None, (text,), None)),
    "a problem of the schema": lambda text: str(Problem(text, "type", text)),
    "a credential": lambda text: repr(
        AccessTokenCredential("OAUTH", "t", account="a-b", user=text, clock=Clock())
    ),
    "the command line": lambda text: printed(text, (text, "red")),
    "the command line's error": lambda text: printed_error(rejected(text)),
    "visible": visible,
    "cleaned": lambda text: cleaned(text, 30),
    "shown": shown,
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_way_out_lets_only_text_through(way):
    write = WAYS_OUT[way]

    @given(hostile)
    def holds(text):
        assert write(text).isprintable()

    assert write(ALWAYS).isprintable()
    holds()


@pytest.mark.parametrize(
    "text", ["pip install 'snowpipe-pandas[demo]'", "[bold]x[/bold]", "part[/]", ":key:", "a\\[b"]
)
def test_what_rich_takes_for_markup_or_emoji_is_printed_as_it_is(text):
    assert printed(text) == text


def test_names_of_objects_are_harmless_where_they_are_shown(client):
    name = ALWAYS.replace("\x00", "").replace("\ud800", "")
    table = client.table(f'DEMO.PUBLIC."{name}"')
    assert table.name.table.name == name  # the name itself stays what it is
    assert repr(table).isprintable()
    assert repr(table.elastic()).isprintable()


# With a server that means harm: its answers, on their way into errors, notes, logs, events and the terminal.


@pytest.fixture
def evil(account):
    """An account whose appends are refused with a message that a terminal would obey."""
    make_table(account)
    text = PIECES[0] + PIECES[1].replace("\\", "") + "\\u202e\\n\\u009b31m"
    body = b'{"code": "ERR_%s", "message": "%s"}' % (2 * (text.replace("\x1b", "\\u001b").encode(),))
    account.faults.add("append", times=1000, status=400, body=body)
    return account


def test_a_servers_message_reaches_errors_notes_logs_and_events_as_text(evil, client, caplog):
    caplog.set_level(logging.DEBUG)
    events = []
    with pytest.raises(errors.ServiceError) as caught:
        numbers(10).snowpipe.stream(open_channel(client), progress=events.append)
    job = sp.stream(numbers(10), open_channel(client, "other"), background=True)
    assert job.exception(20) is not None
    texts_out = [str(caught.value), *caught.value.__notes__, *map(str, events), repr(job)]
    texts_out += [record.getMessage() for record in caplog.records]
    assert "\\x1b[2J" in str(caught.value)
    assert all(text.isprintable() for text in texts_out)


def test_neither_the_command_nor_its_progress_line_prints_it_raw(evil, tmp_path):
    file = tmp_path / "a\x1b[2J\u202e[red].parquet"
    numbers(10).to_parquet(file)
    done = subprocess.run(
        [COMMAND, "stream", file, "--table", TABLE, "--profile", evil.profile, "--load-id", "x\x9b[/]"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "\\x1b[2J" in done.stdout
    assert "[red].parquet" in done.stdout or "[/]" in done.stdout
    for printed_line in (done.stdout + done.stderr).splitlines():
        assert printed_line.isprintable(), printed_line


def test_columns_of_a_frame_are_named_as_text(account, client):
    make_table(account)
    frame = pd.DataFrame({"ID": [1], ALWAYS.replace("\ud800", "").replace("\x00", ""): [1]})
    with pytest.raises(errors.UnknownColumnError) as caught:
        frame.snowpipe.stream(open_channel(client), progress=False)
    assert str(caught.value).isprintable()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", str(frame.snowpipe.check(open_channel(client, "b"))))
