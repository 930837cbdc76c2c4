"""Channels, unseen by the client: used tokens, failing commits, take-overs, drops."""

import pytest

import snowpipe_pandas as sp
from tests.embedded.raw import STALE, code, lines, until
from tests.support.loads import ids

RESENT = {
    "stale": ((400, STALE), [1, 2]),
    "rowseq": ((409, "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER"), [1, 2]),
    "dedup": ((200, None), [1, 2]),
    "naive": ((200, None), [1, 1, 2]),
}


@pytest.mark.parametrize("mode", RESENT)
def test_an_append_sent_again_is_answered_as_the_mode_says(account, raw, mode):
    account.channels.resend = mode
    first = raw.token
    following = raw.append(lines(1), "1").json()["next_continuation_token"]
    again = raw.append(lines(1), "1", token=first)
    assert code(again) == RESENT[mode][0]
    if again.ok:
        assert again.json()["next_continuation_token"] == following
    raw.append(lines(2), "2", token=following)
    raw.committed("2")
    assert ids(account) == RESENT[mode][1]


@pytest.mark.parametrize("mode", RESENT)
def test_a_token_from_before_an_open_is_stale_in_every_mode(account, raw, mode):
    account.channels.resend = mode
    first = raw.token
    raw.append(lines(1), "1")
    raw.committed("1")
    raw.open()
    assert code(raw.append(lines(1), "1", token=first)) == (400, STALE)


def test_a_failed_commit_loses_rows_while_appends_go_on_until_the_channel_is_reopened(account, raw):
    account.channels.fail_commits()
    assert raw.append(lines(1), "1").ok
    gap = "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP"
    until(lambda: raw.status()["channel_status_code"] == gap)
    assert raw.append(lines(2), "2").ok
    raw.open(fail_on_uncommitted_rows=True)
    assert raw.status()["last_committed_offset_token"] is None
    raw.append(lines(3), "3")
    assert raw.committed("3")["channel_status_code"] == "SUCCESS"
    assert ids(account) == [3]


def test_a_commit_that_the_table_refuses_spares_the_committer(account, raw):
    with account._store.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX once ON NUMBERS (ID)")
    raw.append(lines(1, 1), "2")
    assert until(lambda: raw.status()["channel_status_code"] != "SUCCESS")
    raw.open()
    raw.append(lines(1), "1")
    assert raw.committed("1")["rows_inserted"] == 1


def test_a_set_status_is_shown_until_the_channel_is_reopened(account, raw):
    account.channels.set_status("raw", "ERR_ANY")
    assert raw.status()["channel_status_code"] == "ERR_ANY"
    assert raw.open().json()["channel_status"]["channel_status_code"] == "SUCCESS"
    with pytest.raises(sp.SnowpipeError, match="no channel 'nobody'"):
        account.channels.set_status("nobody", "ERR_ANY")


@pytest.mark.parametrize("discard", [False, True])
def test_a_take_over_fences_the_writer_and_discards_if_asked_to(account, raw, discard):
    account.channels.pause()
    raw.append(lines(1), "1")
    account.channels.take_over("raw", discard=discard)
    account.channels.resume()
    assert code(raw.append(lines(2), "2")) == (400, STALE)
    raw.open(fail_on_uncommitted_rows=True)
    until(lambda: raw.open(fail_on_uncommitted_rows=True).ok)
    assert ids(account) == ([] if discard else [1])


def test_a_dropped_channel_comes_back_as_another_one(account, raw):
    old = raw.token
    raw.append(lines(1), "1")
    raw.committed("1")
    before = raw.status()
    account.channels.drop("raw")
    assert raw.statuses() == {}
    assert raw.append(lines(2), "2").status_code == 404
    raw.open()
    assert raw.status()["created_on_ms"] > before["created_on_ms"]
    assert raw.status()["last_committed_offset_token"] is None
    assert code(raw.append(lines(2), "2", token=old)) == (400, STALE)


def test_counters_restart_at_a_reopen_if_asked_to(account, raw):
    account.channels.reset_counters_on_reopen = True
    raw.append(lines(1) + b"bad\n", "1")
    raw.committed("1")
    raw.open()
    status = raw.status()
    assert (status["rows_inserted"], status["rows_error_count"]) == (0, 0)
    assert status["last_committed_offset_token"] == "1"


def test_the_commit_lag_changes_while_the_account_runs(account, raw):
    account.channels.commit_lag_s = 100.0
    raw.append(lines(1), "1")
    assert raw.open(fail_on_uncommitted_rows=True).status_code == 409
    raw.open()
    account.channels.commit_lag_s = 0.0
    raw.append(lines(2), "2")
    raw.committed("2")
    assert ids(account) == [2]


def test_tokens_stay_right_when_appends_are_committed_together(account, raw):
    account.channels.pause()
    raw.append(lines(1), "1")
    raw.append(lines(2), "2")
    raw.append(lines(3), None)  # as from a client that sends no token
    account.channels.resume()
    assert raw.committed("2")["rows_inserted"] == 3
