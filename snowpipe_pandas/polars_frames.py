"""`frame.snowpipe` on polars' frames: registered when polars is imported, before or after this package.

polars is never imported here. Where it is not loaded yet, a finder waits for its import, lets the others find
it, registers after it, and removes itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .accessor import SnowpipeAccessor

POLARS = "polars"


def register() -> None:
    """Add the namespace to DataFrame and LazyFrame now, or when polars is imported."""
    if sys.modules.get(POLARS) is not None:
        _add_namespace(import_module(POLARS))  # waits if another thread is importing it
    elif not any(isinstance(finder, _WaitsForPolars) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WaitsForPolars())


def _add_namespace(polars: ModuleType) -> None:
    """Register the accessor, once; another module with that name is left alone."""
    api: Any = getattr(polars, "api", None)
    if not hasattr(api, "register_lazyframe_namespace"):
        return
    for frame, registers in (
        (polars.DataFrame, api.register_dataframe_namespace),
        (polars.LazyFrame, api.register_lazyframe_namespace),
    ):
        if getattr(frame, "snowpipe", None) is not SnowpipeAccessor:
            registers("snowpipe")(SnowpipeAccessor)


class _WaitsForPolars(MetaPathFinder):
    """Finds nothing itself: at the first import of polars it removes itself and registers the namespace."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != POLARS or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            _register_after(spec.loader)
        return spec


def _register_after(loader: SourceFileLoader) -> None:
    """Make this loader register the namespace once it has run the module."""

    def run(module: ModuleType) -> None:
        del vars(loader)["exec_module"]
        loader.exec_module(module)
        _add_namespace(module)

    vars(loader)["exec_module"] = run
