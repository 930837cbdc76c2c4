"""The protocol as plainly as a library can speak it: one `requests.Session`, no checks, no recovery."""

import time
from collections.abc import Iterable
from urllib.parse import quote

import requests

MOST_S = 300.0
PAUSE_S = 0.005
"""Between two looks at the status; what is measured takes more than a second."""


class BareChannel:
    """A channel of a table's default pipe, written to by hand.

    Args:
        url: the account's address.
        token: a scoped token.
        table: the table, in `DEMO.PUBLIC`.
    """

    def __init__(self, url: str, token: str, table: str) -> None:
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        pipe = f"/databases/DEMO/schemas/PUBLIC/pipes/{quote(table)}-STREAMING"
        self._channel = f"{url}/v2/streaming{pipe}/channels/bare"
        self._rows = f"{url}/v2/streaming/data{pipe}/channels/bare/rows"
        self._statuses = f"{url}/v2/streaming{pipe}:bulk-channel-status"
        self._appends = 0

    def commit(self, bodies: Iterable[bytes]) -> int:
        """Open the channel, send zstd bodies, wait until they are committed; return the rows inserted."""
        answer = self._session.put(self._channel, json={}).json()
        before = answer["channel_status"]["rows_inserted"]
        for body in bodies:
            self._appends += 1
            answer = self._session.post(
                self._rows,
                params={
                    "continuationToken": answer["next_continuation_token"],
                    "endOffsetToken": self._appends,
                },
                data=body,
                headers={"Content-Encoding": "zstd", "Content-Type": "application/x-ndjson"},
            ).json()
        give_up_at = time.monotonic() + MOST_S
        while (status := self._status())["last_committed_offset_token"] != str(self._appends):
            if status["channel_status_code"] != "SUCCESS" or time.monotonic() > give_up_at:
                raise RuntimeError(f"the rows were not committed: {status}")
            time.sleep(PAUSE_S)
        return int(status["rows_inserted"]) - int(before)

    def _status(self) -> dict[str, object]:
        answer = self._session.post(self._statuses, json={"channel_names": ["bare"]})
        found: dict[str, object] = answer.json()["channel_statuses"]["bare"]
        return found
