"""Which operation a request means, and which objects its path names."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from ...names import DEFAULT_PIPE_SUFFIX
from ..protocol.channel_state import ELASTIC
from ..protocol.stage import BUCKET

_METHODS = ("GET", "POST", "PUT", "DELETE")
_FIXED = {
    ("GET", "/v2/streaming/hostname"): "discover",
    ("POST", "/oauth/token"): "token",
    ("POST", "/api/v2/statements"): "statement",
    ("POST", "/api/v2/statements/"): "statement",
    ("POST", "/telemetry/send/sessionless"): "telemetry",
}
_STATEMENTS = "/api/v2/statements/"
_STREAMING = "/v2/streaming/"
_OF_PIPES = {"bulk-channel-status": "status", "pipe-info": "pipe_info"}
_OF_CHANNELS = {"PUT": "open", "DELETE": "drop"}
_ROWS = {"rows": "append", "filebuffer": "filebuffer"}
"""The last segment of a path that takes rows, and its operation."""


@dataclass(frozen=True, slots=True)
class Route:
    """An operation, and the names in the path: database, schema, pipe and channel, or an uploaded file."""

    operation: str
    names: tuple[str, ...] = ()

    @property
    def channel(self) -> str | None:
        """The channel that the path names, if any."""
        return self.names[3] if len(self.names) > 3 else None


def find_route(method: str, raw_path: str) -> Route:
    """Read method and path; segments are split before they are decoded, since names may hold slashes."""
    path = raw_path.partition("?")[0]
    if (method, path) in _FIXED:
        return Route(_FIXED[method, path])
    if method == "PUT" and path.startswith(f"/{BUCKET}/"):
        return Route("upload", (unquote(path.removeprefix("/")),))
    if path.startswith(_STATEMENTS):
        return _route_of_statement(method, path.removeprefix(_STATEMENTS).split("/"))
    if not path.startswith(_STREAMING):
        return Route("unknown")
    head, _, verb = path.removeprefix(_STREAMING).rpartition(":")
    if verb not in _OF_PIPES:
        head, verb = path.removeprefix(_STREAMING), ""
    match [unquote(part) for part in head.split("/")]:
        case ["databases", db, "schemas", schema, "pipes", pipe] if method == "POST" and verb in _OF_PIPES:
            return Route(_OF_PIPES[verb], (db, schema, pipe))
        case ["databases", db, "schemas", schema, "pipes", pipe, "channels", channel] if (
            method in _OF_CHANNELS and not verb
        ):
            return Route(_OF_CHANNELS[method], (db, schema, pipe, channel))
        case ["data", "databases", db, "schemas", schema, "pipes", pipe, "channels", channel, rows] if (
            method == "POST" and rows in _ROWS
        ):
            return Route(_ROWS[rows], (db, schema, pipe, channel))
        case ["data", "databases", db, "schemas", schema, "tables", table, rows] if (
            method == "POST" and rows in _ROWS
        ):
            return Route(_ROWS[rows], (db, schema, table + DEFAULT_PIPE_SUFFIX, ELASTIC))
    return Route("unknown")


def _route_of_statement(method: str, parts: list[str]) -> Route:
    match method, [unquote(part) for part in parts]:
        case "GET", [handle]:
            return Route("statement_result", (handle,))
        case "POST", [handle, "cancel"]:
            return Route("statement_cancel", (handle,))
    return Route("unknown")


def methods_of(raw_path: str) -> list[str]:
    """Return the methods that mean something on a path."""
    return [method for method in _METHODS if find_route(method, raw_path).operation != "unknown"]
