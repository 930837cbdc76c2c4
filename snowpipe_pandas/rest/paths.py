"""URL paths of the protocol; every segment is percent-encoded here and nowhere else."""

from __future__ import annotations

from urllib.parse import quote

from ..names import ObjectName


def _segment(name: str) -> str:
    return quote(name, safe="")


def _pipe(pipe: ObjectName) -> str:
    return f"databases/{_segment(pipe.database)}/schemas/{_segment(pipe.schema)}/pipes/{_segment(pipe.name)}"


def channel(pipe: ObjectName, name: str) -> str:
    """Path of a channel: PUT opens it, DELETE drops it."""
    return f"/v2/streaming/{_pipe(pipe)}/channels/{_segment(name)}"


def rows(pipe: ObjectName, name: str) -> str:
    """Path that takes a channel's rows."""
    return f"/v2/streaming/data/{_pipe(pipe)}/channels/{_segment(name)}/rows"


def bulk_status(pipe: ObjectName) -> str:
    """Path that returns the states of several channels of a pipe."""
    return f"/v2/streaming/{_pipe(pipe)}:bulk-channel-status"


def pipe_info(pipe: ObjectName) -> str:
    """Path of a pipe's description; the first call creates a table's default pipe."""
    return f"/v2/streaming/{_pipe(pipe)}:pipe-info"
