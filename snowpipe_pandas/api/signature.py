"""How `stream()` looks to callers: one list of options gives its types, its signature and its refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, ParamSpec, TypedDict, TypeVar

from ..errors import UsageError
from ..streaming.options import DeliveryKind, IfExists, LoadLimits, LoadOptions, OnError, OnNewColumns

if TYPE_CHECKING:
    from ..rows.encode.cell_location import BinaryFormat
    from ..rows.encode.encoder import Nulls
    from ..rows.sources.names import ColumnCase

_OPTIONS = frozenset(field.name for field in fields(LoadOptions))

P = ParamSpec("P")
R = TypeVar("R")


class StreamOptions(TypedDict, total=False):
    """The fields of `LoadOptions`, for type checkers; tests hold the two together."""

    load_id: str | None
    after: str | None
    channels: int | Literal["auto"]
    drop_when_done: bool
    delivery: DeliveryKind
    create: bool
    if_exists: IfExists
    on_new_columns: OnNewColumns
    wait: bool
    on_error: OnError
    commit_timeout_s: float
    max_in_flight_bytes: int
    flush_interval_s: float
    limits: LoadLimits
    index: bool
    columns: Mapping[str, str] | None
    column_case: ColumnCase
    nulls: Nulls
    binary_format: BinaryFormat


def takes_load_options(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function with `**options` show every option with its default."""
    vars(function)["__signature__"] = _with_options(inspect.signature(function))
    return function


def _with_options(own: inspect.Signature) -> inspect.Signature:
    """Put the options of a load into the place of `**options`."""
    named = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type)
        for f in fields(LoadOptions)
    ]
    return own.replace(parameters=[*named, *options])


def refuse_unknown(given: Iterable[str], function: Callable[..., object]) -> None:
    """Refuse options that no load has.

    Args:
        given: their names.
        function: shows all options.

    Raises:
        UsageError: names the nearest one that there is.
    """
    for name in given:
        if name not in _OPTIONS:
            known = inspect.signature(function).parameters.values()
            options = [p.name for p in known if p.kind is inspect.Parameter.KEYWORD_ONLY]
            near = get_close_matches(name, options, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(options)}"
            raise UsageError(f"stream() has no option {name!r}: {hint}")
