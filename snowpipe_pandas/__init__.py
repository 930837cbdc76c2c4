"""Stream pandas DataFrames into Snowflake tables, exactly once, through Snowpipe Streaming.

Importing this package registers `df.snowpipe`, on polars' frames when polars is imported, and in a notebook's
kernel how clients are shown; what needs the network, cryptography or the local account is imported on first
use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import accessor as _accessor  # noqa: F401  # registers df.snowpipe
from .display.kernel import register as _register_in_kernel
from .errors import SnowpipeError
from .polars_frames import register as _register_in_polars

if TYPE_CHECKING:
    from .api.estimate import estimate
    from .api.jobs import Job, Jobs
    from .api.stream import stream
    from .api.verify import verify
    from .embedded import LocalAccount, local
    from .rest.channel import Channel
    from .rest.client import Client, connect
    from .rest.policy import RetryPolicy, Timeouts
    from .streaming.options import LoadLimits
    from .streaming.progress import Progress
    from .streaming.result import StreamResult

__all__ = [
    "Channel",
    "Client",
    "Job",
    "Jobs",
    "LoadLimits",
    "LocalAccount",
    "Progress",
    "RetryPolicy",
    "SnowpipeError",
    "StreamResult",
    "Timeouts",
    "connect",
    "estimate",
    "local",
    "stream",
    "verify",
]

_HOMES = {
    "Channel": ".rest.channel",
    "Client": ".rest.client",
    "Job": ".api.jobs",
    "Jobs": ".api.jobs",
    "LoadLimits": ".streaming.options",
    "LocalAccount": ".embedded",
    "Progress": ".streaming.progress",
    "RetryPolicy": ".rest.policy",
    "StreamResult": ".streaming.result",
    "Timeouts": ".rest.policy",
    "connect": ".rest.client",
    "estimate": ".api.estimate",
    "local": ".embedded",
    "stream": ".api.stream",
    "verify": ".api.verify",
}

_register_in_kernel()
_register_in_polars()


def __getattr__(name: str) -> Any:
    """Import a public name from its room on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
