"""No secret ever shows: one test drives everything that prints, logs, raises, copies or saves, and scans it.

The scenes below yield `(label, text)` for all that a user, a log or a file could get to see. What each
object of the auth room does by itself is tested in tests/auth/test_secrets.py.
"""

import contextlib
import copy
import json
import logging
import pickle
import re
import warnings

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import snowpipe_pandas as sp
from snowpipe_pandas.display.card import ClientCard
from snowpipe_pandas.display.views import LoadView
from tests.auth import material
from tests.support.loads import TABLE, make_table, numbers

ANY_JWT = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}")
COLORS = re.compile(r"\\u001b\[[\d;]*m")
"""IPython colors a traceback piece by piece, as JSON writes it."""


class Stage:
    """An account, clients with every kind of credential, and every secret that comes up."""

    def __init__(self, account, folder):
        self.account = account
        self.folder = folder
        self.pat = account.door.issue_access_token("DEMO_USER")
        self.key_file = material.private_file(folder / "key.p8", material.pem())
        self.written = [*material.secret_texts(), self.pat]
        self.clients = []
        public_key = sp.connect(**self.who, private_key_file=self.key_file)._credential.public_key_base64
        account.sql(f"ALTER USER DEMO_USER SET RSA_PUBLIC_KEY = '{public_key}'")

    @property
    def who(self):
        return {
            "url": self.account.url,
            "account": "LOCAL",
            "user": "DEMO_USER",
            "retry": sp.RetryPolicy(budget_s=0.3),
        }

    @property
    def inline(self):
        return {"private_key": material.encrypted_pem(), "private_key_passphrase": material.PASSPHRASE}

    def connect(self, **credential):
        client = sp.connect(**self.who, **(credential or self.inline))
        self.clients.append(client)
        return client

    def secrets(self):
        """Keys, passphrases and access tokens, and all JWTs and scoped tokens that are in use by now."""
        held = [client.token() for client in self.clients]
        held += [part for token in held for part in token.split(".")[1:]]
        return self.written + held + list(self.account.door._scoped)


def objects(stage):
    """What prints itself, and what can be copied or pickled, of everything that a client is made of."""
    for credential in (
        {},
        {"private_key_file": stage.key_file},
        {"authenticator": "PAT", "token": stage.pat},
        {"authenticator": "OAUTH", "token": lambda: stage.pat},
    ):
        client = stage.connect(**credential)
        channel = client.open_channel("hidden", table=TABLE)
        result = numbers(5).snowpipe.stream(channel, progress=False)
        signed = client._credential
        scoped = client._planes.scoped
        for thing in (
            *(client, channel, result, channel.status(), client.token_expiry, client.describe()),
            *(client._settings, client._planes, client._transport, client._clock),
            *(signed, signed.cache, signed.token(client._caller), getattr(signed, "_key", None)),
            *(getattr(signed, "_config", None), scoped, scoped.cache, scoped.token(client._caller)),
        ):
            label = f"{type(thing).__name__} of a client with {sorted(credential)}"
            yield label, "\n".join([repr(thing), str(thing), f"{thing}", *copies(thing)])
        yield "StreamResult in HTML", result._repr_html_()


def copies(thing):
    """What comes of copying and pickling: the copy's text, or the refusal's."""
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        try:
            yield repr(make(thing))
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            yield material.shown(error)


def errors(stage):
    """Exceptions with the local variables of all their frames, after a pickle as well."""
    for fault in (
        {"operation": "append", "times": 2, "status": 401, "body": b"{}"},
        {"operation": "append", "times": 99, "cut_before": True},
        {"operation": "append", "status": 400, "body": b'{"code":"ERR","message":"no"}'},
        {"operation": "token", "times": 2, "status": 403},
        {"operation": "token", "status": 200, "body": b"{}"},
        {"operation": "discover", "body": b"not/a/host"},
        {"operation": "open", "times": 99, "status": 404},
    ):
        stage.account.faults.add(**fault)
        client = stage.connect()
        with pytest.raises(sp.SnowpipeError) as caught:
            numbers(5).snowpipe.stream(client.open_channel("failed", table=TABLE), progress=False)
        while stage.account.faults.next_for(fault["operation"]):
            pass
        yield f"error of {fault}", material.shown(caught.value)
        yield f"pickled error of {fault}", material.shown(pickle.loads(pickle.dumps(caught.value)))


def statements(stage):
    """Exceptions of statements, of which the service or the network makes trouble."""
    client = stage.connect()
    for fault in (
        {"operation": "statement", "times": 2, "status": 401, "body": b"{}"},
        {"operation": "statement", "times": 999, "cut_after": True},
        {"operation": "statement_result", "status": 422, "body": b'{"code":"000606","sqlState":"57P03"}'},
        {"operation": "statement_result", "times": 100, "body": b"{}"},
    ):
        stage.account.faults.add(**fault)
        with pytest.raises(sp.SnowpipeError) as caught:
            client.sql("SELECT 1 AS N")
        stage.account.faults.clear()
        yield f"error of {fault}", material.shown(caught.value)
        yield f"pickled error of {fault}", material.shown(pickle.loads(pickle.dumps(caught.value)))


def mistakes(stage):
    """Settings that are refused, or warned about, while secrets stand beside them."""
    for mistake in (
        {"private_key_passphrase": material.PASSPHRASE + "x"},
        {"acount": "x"},
        {"account": ""},
        {"url": "http://example.com"},
        {"url": f"https://u:{material.PASSPHRASE}@host"},
        {"token": material.ACCESS_TOKEN, "personal_access_token": material.ACCESS_TOKEN},
        {"private_key_file": material.pem().decode()},
        {"private_key": material.pem()},
    ):
        with pytest.raises(sp.SnowpipeError) as caught:
            sp.connect(**stage.who | stage.inline | mistake)
        yield f"mistake in {sorted(mistake)}", material.shown(caught.value)
    stage.key_file.chmod(0o644)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        stage.connect(private_key_file=stage.key_file, jwt_lifetime_s=1)
    assert len(warned) == 2
    stage.key_file.chmod(0o600)
    yield "warnings", "\n".join(f"{w.message} {w.source}" for w in warned)


def widgets(stage):
    """What the views of a load and of a client send to the browser, and the forms that a notebook keeps."""
    client = stage.connect()
    events = []
    channel = client.open_channel("widget", table=TABLE)
    job = numbers(5).snowpipe.stream(channel, background=True, progress=events.append)
    job.result()
    view = LoadView(job._load.tracker.snapshot, job._load.control)
    view.show()
    card = ClientCard(client)
    card.draw()
    state = json.dumps(view._frame._box.get_manager_state())
    forms = [view._frame._still_bundle(), card._frame._still_bundle()]
    ipywidgets.Widget.close_all()
    assert "DEMO_USER" in state
    yield "widgets", state + repr(vars(view)) + repr(vars(card)) + repr(forms) + repr(events)


def saved_notebook(stage):
    """A notebook as it is saved, with a widget, and a failure whose traceback shows local variables."""
    (stage.folder / "inline.p8").write_bytes(material.encrypted_pem())
    (stage.folder / "passphrase").write_text(material.PASSPHRASE)
    (stage.folder / "token").write_text(stage.pat)
    who = f"url={stage.account.url!r}, account='LOCAL', user='DEMO_USER', retry=sp.RetryPolicy(budget_s=0.3)"
    cells = [
        f"""
import pathlib, snowpipe_pandas as sp, pandas as pd
%xmode Verbose
client = sp.connect({who}, private_key=pathlib.Path("inline.p8").read_text(),
                    private_key_passphrase=pathlib.Path("passphrase").read_text())
other = sp.connect({who}, authenticator="PAT", token=pathlib.Path("token").read_text())
for one in (client, other):
    pd.DataFrame({{"ID": [1]}}).snowpipe.stream(one.open_channel("notebook", table={TABLE!r}))
""",
        "client, other, client._settings, other._credential, client.token_expiry",
        "client.describe()",
        "client.open_channel('failed', table='DEMO.PUBLIC.NOWHERE')",
        "client._planes._credential.token(client._caller)",
    ]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    notebook.cells[3].metadata["tags"] = ["raises-exception"]
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(stage.folder)}}).execute()
    saved = COLORS.sub("", nbformat.writes(notebook))
    for proof in ("1 row in the table", "widget-state", "NotFoundError", "self = ", "***"):
        assert proof in saved, proof
    yield "saved notebook", saved


SCENES = (objects, errors, statements, mistakes, widgets, saved_notebook)


def test_no_secret_shows_in_anything_that_prints_logs_raises_copies_or_saves(account, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    make_table(account)
    stage = Stage(account, tmp_path)
    with contextlib.ExitStack() as clients:
        shown = [(f"{scene.__name__}: {label}", text) for scene in SCENES for label, text in scene(stage)]
        for client in stage.clients:
            clients.enter_context(client)
        assert "POST" in caplog.text
        shown.append(("log records", caplog.text + repr([vars(record) for record in caplog.records])))
        secrets = stage.secrets()
    assert len(stage.clients) > 10
    assert len(secrets) > 60
    assert [(label, found) for label, text in shown if (found := material.leaks(text, secrets))] == []
    assert [label for label, text in shown if ANY_JWT.search(text)] == []


def test_the_scan_knows_a_jwt_when_it_sees_one(client):
    assert ANY_JWT.search(json.dumps({"authorization": client.token()}))
