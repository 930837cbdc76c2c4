"""A service that answers statements from a table of texts, and all else as a good service does.

For accounts of which only the SQL differs from the local account's: other roles, grants, warehouses.
"""

import datetime as dt
import json
from contextlib import contextmanager

import snowpipe_pandas as sp

from .scripted import Reply, scripted_server

WHO = {"account": "LOCAL", "user": "LOADER_USER", "token": "t" * 20, "authenticator": "PAT"}
QUICK = sp.RetryPolicy(base_s=0.001, cap_s=0.01, budget_s=1.0)


def refusal(code, state, message="by the script", status=422):
    """The answer to a statement that fails."""
    fields = {"code": code, "sqlState": state, "message": message, "statementHandle": "h"}
    return Reply(status, fields)


NOT_THERE = refusal("002003", "42S02", "does not exist or not authorized")
NO_WAREHOUSE = refusal("000606", "57P03", "No active warehouse selected")
WRONG_ROLE = refusal("390189", "08001", "Role requested in connect is not granted to this user")


def result(rows):
    """The answer to a statement that returns rows, each a dict; an empty list has a column `name`."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["name"]
    moments = {n for n in names if any(isinstance(row.get(n), dt.datetime) for row in rows)}
    columns = [
        {"name": n, "type": "timestamp_ltz" if n in moments else "text", "scale": 9 * (n in moments)}
        for n in names
    ]
    meta = {"numRows": len(rows), "rowType": columns, "partitionInfo": [{"rowCount": len(rows)}]}
    data = [[_text(row.get(name)) for name in names] for row in rows]
    return Reply(body={"code": "090001", "statementHandle": "h", "resultSetMetaData": meta, "data": data})


def _text(value):
    return f"{value.timestamp():.9f}" if isinstance(value, dt.datetime) else value


@contextmanager
def service(answers):
    """Run it; gives the server and the list of statements that came, each with the role it came with.

    `answers` has rows or a `Reply` for the text of a statement, or for a pair of it and the role.
    """
    asked = []
    with scripted_server() as server:

        def next_reply():
            seen = server.seen[-1]
            if seen.path == "/v2/streaming/hostname":
                return Reply(body=b"127.0.0.1", headers={"Content-Type": "text/plain"})
            if seen.path == "/oauth/token":
                return Reply(body=b"scoped-token", headers={"Content-Type": "text/plain"})
            if seen.path == "/api/v2/statements":
                body = json.loads(seen.body)
                text, role = body["statement"], body.get("role")
                asked.append((text, role))
                answer = answers.get((text, role), answers.get(text, NOT_THERE))
                return answer if isinstance(answer, Reply) else result(answer)
            return answers.get("pipe", Reply(body={}))

        server.next_reply = next_reply
        yield server, asked


@contextmanager
def answering(answers):
    """Run such a service; gives a client of it, and the statements that came."""
    with service(answers) as (server, asked), sp.connect(url=server.url, retry=QUICK, **WHO) as client:
        yield client, asked
