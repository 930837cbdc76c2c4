"""The protocol by hand, for tests of the local account: no retries, no recovery."""

import time
from urllib.parse import urlsplit

import requests

from snowpipe_pandas.embedded.protocol.auth import Identity

PIPE = "/databases/DEMO/schemas/PUBLIC/pipes/NUMBERS-STREAMING"
STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"


def lines(*numbers):
    return b"".join(b'{"ID":%d}\n' % number for number in numbers)


class Raw:
    """One writer of one channel of the table NUMBERS."""

    def __init__(self, account, channel="raw"):
        self.account = account
        self.channel = channel
        self.token = None
        self.sign()

    def sign(self):
        """Get a scoped token for the present ingest host."""
        scope = self.account._operations.host
        port = urlsplit(self.account.url).port
        token = self.account.door.issue_scoped(Identity("LOCAL", "DEMO_USER"), scope)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.url = f"http://{scope}:{port}/v2/streaming"

    def call(self, method, path, **more):
        return requests.request(method, self.url + path, headers=self.headers, **({"timeout": 10} | more))

    def open(self, **body):
        answer = self.call("PUT", f"{PIPE}/channels/{self.channel}", json=body)
        if answer.ok:
            self.token = answer.json()["next_continuation_token"]
        return answer

    def append(self, body, end, token=None, start=None, **more):
        query = {"continuationToken": token or self.token, "startOffsetToken": start, "endOffsetToken": end}
        answer = self.call(
            "POST", f"/data{PIPE}/channels/{self.channel}/rows", params=query, data=body, **more
        )
        if answer.ok:
            self.token = answer.json()["next_continuation_token"]
        return answer

    def statuses(self):
        answer = self.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": [self.channel]})
        return answer.json()["channel_statuses"]

    def status(self):
        return self.statuses()[self.channel]

    def committed(self, token):
        """Wait until a status shows this token, and return that status."""
        return until(lambda: (s := self.status())["last_committed_offset_token"] == token and s)


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.005)
    return found


def code(answer):
    return answer.status_code, answer.json().get("code")
