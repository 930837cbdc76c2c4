"""Which operation a request means, and which objects its path names."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

_METHODS = ("GET", "POST", "PUT", "DELETE")
_FIXED = {
    ("GET", "/v2/streaming/hostname"): "discover",
    ("POST", "/oauth/token"): "token",
    ("POST", "/telemetry/send/sessionless"): "telemetry",
}
_STREAMING = "/v2/streaming/"
_OF_PIPES = {"bulk-channel-status": "status", "pipe-info": "pipe_info"}
_OF_CHANNELS = {("PUT", ""): "open", ("DELETE", ""): "drop", ("POST", "rejected-rows"): "rejected"}
_VERBS = frozenset({*_OF_PIPES, "rejected-rows"})


@dataclass(frozen=True, slots=True)
class Route:
    """An operation, and the names in the path: database, schema, pipe or table, and a channel."""

    operation: str
    names: tuple[str, ...] = ()


def find_route(method: str, raw_path: str) -> Route:
    """Read method and path; segments are split before they are decoded, since names may hold slashes."""
    path = raw_path.partition("?")[0]
    if (method, path) in _FIXED:
        return Route(_FIXED[method, path])
    if not path.startswith(_STREAMING):
        return Route("unknown")
    head, _, verb = path.removeprefix(_STREAMING).rpartition(":")
    if verb not in _VERBS:
        head, verb = path.removeprefix(_STREAMING), ""
    match [unquote(part) for part in head.split("/")]:
        case ["databases", db, "schemas", schema, "pipes", pipe] if method == "POST" and verb in _OF_PIPES:
            return Route(_OF_PIPES[verb], (db, schema, pipe))
        case ["databases", db, "schemas", schema, "pipes", pipe, "channels", channel] if (
            method,
            verb,
        ) in _OF_CHANNELS:
            return Route(_OF_CHANNELS[method, verb], (db, schema, pipe, channel))
        case ["data", "databases", db, "schemas", schema, "pipes", pipe, "channels", channel, "rows"] if (
            method == "POST"
        ):
            return Route("append", (db, schema, pipe, channel))
        case ["data", "databases", db, "schemas", schema, "tables", table, "rows"] if method == "POST":
            return Route("append", (db, schema, table))
    return Route("filebuffer" if "filebuffer" in head else "unknown")


def methods_of(raw_path: str) -> list[str]:
    """Return the methods that mean something on a path."""
    return [method for method in _METHODS if find_route(method, raw_path).operation != "unknown"]
