"""The local account: a real HTTP server over DuckDB that speaks Snowpipe Streaming's protocol.

It shares names, errors, types and the checks of arguments with the client and nothing else, so that a
mistake of one side cannot hide in the other.
"""

from __future__ import annotations

from ..errors import MissingDependencyError

try:
    from .account import LocalAccount, local
except ModuleNotFoundError as missing:
    if (missing.name or "").split(".")[0] in {"duckdb", "sqlglot", "starlette", "trustme", "uvicorn"}:
        raise MissingDependencyError("the local account", "local") from missing
    raise

__all__ = ["LocalAccount", "local"]
