"""`df.snowpipe`: the frame's door to the package. Thin: it hands the frame on to streaming and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import pandas as pd

if TYPE_CHECKING:

    from .rest.channel import Channel
    from .streaming.delivery import OnError
    from .streaming.result import StreamResult
    from .streaming.stream import ShowProgress

COMMIT_TIMEOUT_S = 300.0


@pd.api.extensions.register_dataframe_accessor("snowpipe")
class SnowpipeAccessor:
    """What a DataFrame can do with Snowpipe Streaming; reached as `df.snowpipe`."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def stream(
        self,
        channel: Channel,
        *,
        load_id: str | None = None,
        wait: bool = True,
        on_error: OnError = "raise",
        progress: ShowProgress = True,
        commit_timeout_s: float = COMMIT_TIMEOUT_S,
        index: bool = False,
        columns: Mapping[str, str] | None = None,
        column_case: Literal["keep", "upper"] = "keep",
        nulls: Literal["emit", "omit"] = "emit",
        binary_format: Literal["base64", "hex", "utf-8"] = "base64",
    ) -> StreamResult:
        """Send every row of the frame through `channel`, once, and wait until they are committed.

        Arguments, result and errors are those of `snowpipe_pandas.stream`, which takes any other source too.

        >>> result = df.snowpipe.stream(channel, load_id="flights-2013")
        """
        from .streaming.stream import stream

        return stream(
            self._frame,
            channel,
            load_id=load_id,
            wait=wait,
            on_error=on_error,
            progress=progress,
            commit_timeout_s=commit_timeout_s,
            index=index,
            columns=columns,
            column_case=column_case,
            nulls=nulls,
            binary_format=binary_format,
        )
