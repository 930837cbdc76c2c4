"""Reads what comes before a body: to whom a request goes, its path and its query, strictly or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import Scope

from ..refusals import invalid_request, not_for_this_account, wrong_method
from .routes import methods_of

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MAX_QUERY_FIELDS = 32


def check_host(scope: Scope) -> None:
    """Refuse a request that was not meant for this machine's loopback address.

    A page in a browser can reach the address by a name of its own; it can't choose the Host header.

    Raises:
        Refused: 421.
    """
    host = Headers(scope=scope).get("host", "").lower()
    port = scope["server"][1]
    if host not in {form for name in _LOOPBACK for form in (name, f"{name}:{port}")}:
        raise not_for_this_account(f"{_LOOPBACK[0]}:{port}")


def check_path(method: str, raw_path: str, operation: str) -> None:
    """Refuse a path that is not a text, and a method that its path doesn't know.

    Raises:
        Refused: 400 or 405.
    """
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise invalid_request("the path is not UTF-8") from None
    if operation == "unknown" and (methods := methods_of(raw_path)):
        raise wrong_method(method, ", ".join(methods))


def read_query(scope: Scope) -> Mapping[str, str]:
    """Read the query; no name may come twice.

    Raises:
        Refused: 400.
    """
    text = scope["query_string"].decode("latin-1")
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:  # not UTF-8, or too many of them
        raise invalid_request("the query can't be read") from None
    query = dict(fields)
    if len(query) < len(fields):
        raise invalid_request("a name of the query comes twice")
    return query
