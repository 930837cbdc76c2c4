"""A griffe extension: the reference shows the options of a load where the source says `**options`."""

import inspect
from typing import Any

import griffe

import snowpipe_pandas as sp

DECORATOR = "takes_load_options"
SIGNATURE = inspect.signature(sp.stream)
"""Of everything that is so decorated: a frame's `stream()` has the same options."""


class LoadOptions(griffe.Extension):
    """Replaces `**options` by the options themselves, as `inspect.signature` shows them."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Replace them in one function."""
        if not any(str(decorator.value) == DECORATOR for decorator in func.decorators):
            return
        del func.parameters["options"]
        for option in SIGNATURE.parameters.values():
            if option.kind is option.KEYWORD_ONLY and option.name not in func.parameters:
                func.parameters.add(
                    griffe.Parameter(
                        option.name,
                        annotation=str(option.annotation),
                        kind=griffe.ParameterKind.keyword_only,
                        default=_short(option.default),
                    )
                )


def _short(default: object) -> str:
    """Write a default; settings with defaults of their own by their class."""
    return (
        f"{type(default).__name__}()" if type(default).__module__.startswith(sp.__name__) else repr(default)
    )
