"""No secret ever shows: everything that prints, logs, raises, copies or saves is driven and scanned."""

import copy
import json
import logging
import pickle
import traceback

import nbformat
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import snowpipe_pandas as sp
from tests.support.loads import TABLE, make_table, numbers

PASSPHRASE = "open-sesame-7f3a"


@pytest.fixture
def connection(account):
    """A client with an inline, encrypted key, and every secret that it comes to hold."""
    profile = json.loads(account.profile.read_text())
    with open(profile["private_key_file"], "rb") as file:
        key = load_pem_private_key(file.read(), None)
    pem = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
    ).decode()
    make_table(account)
    client = sp.connect(
        url=account.url,
        account="LOCAL",
        user="DEMO_USER",
        private_key=pem,
        private_key_passphrase=PASSPHRASE,
        retry=sp.RetryPolicy(budget_s=0.3),
    )
    yield client, [PASSPHRASE, *pem.splitlines()[1:-1]]
    client.close()


def tokens(client):
    return [client.token(), client.token().rpartition(".")[2], client._planes.scoped.token().value]


def assert_hidden(secrets, text):
    assert [secret for secret in secrets if secret in text] == []


def shown_by(error):
    """Everything that an error shows, with the local variables of all frames but those of the tests."""
    texts = []
    while error is not None:
        texts += [
            repr(error),
            str(error),
            repr(getattr(error, "__dict__", {})),
            *traceback.format_exception(error),
        ]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                texts += [printed(value) for value in frame.f_locals.values()]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)


def printed(value):
    try:
        return repr(value)
    except Exception as error:
        return f"no repr: {error}"  # a half-made copy


def refused_copies(thing):
    """Texts of the refusals to copy or pickle, and of the copies where there are some."""
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        try:
            yield repr(make(thing))
        except Exception as error:
            yield shown_by(error)


def test_nothing_that_prints_or_copies_shows_a_secret(connection):
    client, secrets = connection
    channel = client.open_channel("hidden", table=TABLE)
    result = numbers(5).snowpipe.stream(channel, progress=False)
    secrets += tokens(client)
    things = [
        client,
        channel,
        result,
        client._settings,
        client._credential,
        client._planes,
        client._transport,
    ]
    things += [client._planes.scoped, client._planes.scoped.cache, client._clock, client._credential._config]
    things += [client._credential.token(), client._credential._key, client.token_expiry, channel.status()]
    for thing in things:
        for text in (repr(thing), str(thing), f"{thing}", *refused_copies(thing)):
            assert_hidden(secrets, text)
    assert_hidden(secrets, json.dumps(client.describe()))
    assert_hidden(secrets, result._repr_html_())


def test_no_log_record_shows_a_secret(connection, caplog):
    client, secrets = connection
    caplog.set_level(logging.DEBUG)
    numbers(5).snowpipe.stream(client.open_channel("logged", table=TABLE), progress=False)
    assert "POST" in caplog.text
    assert_hidden(secrets + tokens(client), caplog.text)


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "append", "times": 99, "status": 401, "body": b"{}"},
        {"operation": "append", "times": 999, "cut_before": True},
        {"operation": "append", "status": 400, "body": b'{"code":"ERR","message":"no"}'},
        {"operation": "token", "times": 99, "status": 403},
        {"operation": "discover", "times": 99, "body": b"not/a/host"},
        {"operation": "open", "times": 99, "status": 404},
    ],
    ids=lambda fault: f"{fault['operation']}-{fault.get('status', 'cut')}",
)
def test_no_exception_shows_a_secret_even_with_local_variables(account, connection, fault):
    client, secrets = connection
    account.faults.add(**fault)
    try:
        numbers(5).snowpipe.stream(client.open_channel("failed", table=TABLE), progress=False)
    except sp.SnowpipeError as error:
        shown = shown_by(error) + shown_by(pickle.loads(pickle.dumps(error)))
    else:
        pytest.fail("the fault did not raise")
    while account.faults.next_for(fault["operation"]):
        pass
    assert_hidden(secrets + tokens(client), shown)


@pytest.mark.parametrize(
    "mistake",
    [
        {"private_key_passphrase": "wrong-secret-passphrase"},
        {"acount": "x"},
        {"account": ""},
        {"url": "http://x"},
    ],
    ids=lambda mistake: next(iter(mistake)),
)
def test_a_mistake_in_the_settings_shows_no_secret(connection, mistake):
    _, secrets = connection
    given = {
        "account": "LOCAL",
        "user": "U",
        "private_key": "\n".join(secrets[1:]),
        "private_key_passphrase": PASSPHRASE,
    }
    secrets = [*secrets, "wrong-secret-passphrase"]
    try:
        sp.connect(**given | mistake)
    except sp.SnowpipeError as error:
        shown = shown_by(error)
    else:
        pytest.fail("the mistake did not raise")
    assert_hidden(secrets, shown)


def test_no_widget_and_no_saved_notebook_shows_a_secret(account):
    token = account.door.issue_access_token("DEMO_USER")
    code = f"""
import pathlib, snowpipe_pandas as sp, pandas as pd
client = sp.connect(url={account.url!r}, account="LOCAL", user="DEMO_USER", authenticator="PAT",
                    token=pathlib.Path("token").read_text())
channel = client.open_channel("notebook", table={TABLE!r})
pd.DataFrame({{"ID": [1]}}).snowpipe.stream(channel)
"""
    make_table(account)
    notebook = new_notebook(
        cells=[new_code_cell(code), new_code_cell("client"), new_code_cell("client.describe()")]
    )
    folder = account.profile.parent
    (folder / "token").write_text(token)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    saved = nbformat.writes(notebook)
    assert "1/1 rows" in saved
    assert "widget-state" in saved
    assert_hidden([token, *account.door._scoped], saved)
