"""Finds the values that Dask has changed before anybody sees them: dicts and lists that became texts.

It asks a Dask DataFrame without importing Dask; where a frame does not show it, nothing is found.
"""

from __future__ import annotations

from typing import Any


def texts_of_objects(frame: Any) -> list[str]:
    """Return the columns whose dicts or lists `dataframe.convert-string` has turned into Python's text.

    Only `dd.from_pandas` keeps the pandas frame that shows it.
    """
    found = []
    for node in frame.expr.walk():
        data: Any = getattr(getattr(node, "frame", None), "_data", None)
        for name, kind in [] if data is None else data.dtypes.items():
            if str(kind) == "object" and name in frame.columns and str(frame.dtypes[name]) != "object":
                first = data[name].dropna().head(1).tolist()
                found += [str(name)] if first and isinstance(first[0], dict | list) else []
    return found
