"""Errors of a call that can't work as written, and of data that can't become rows."""

from __future__ import annotations

from collections.abc import Sequence

from .root import SnowpipeError


class UsageError(SnowpipeError):
    """The call cannot work as written; `.load` says what was sent before that was found, None if nothing."""


class ConfigError(UsageError):
    """A setting is missing, malformed or given twice."""

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class PrivateKeyError(ConfigError):
    """The private key cannot be used; the message says where it came from, never what it holds."""

    def __init__(self, message: str, *, source: str) -> None:
        super().__init__(message, setting="private_key")
        self.source = source


class MissingDependencyError(UsageError):
    """An optional library is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs libraries that are not installed; run: pip install 'snowpipe-pandas[{extra}]'"
        )
        self.extra = extra


class ClosedError(UsageError):
    """The client or channel was closed."""


class LoadMismatchError(UsageError):
    """The rows differ from those that the load's committed offset token covers."""

    goes_on = False

    def __init__(self, message: str, *, load_id: str) -> None:
        super().__init__(message)
        self.load_id = load_id


class RowFormatError(LoadMismatchError):
    """The committed rows were written in another row format, so that they cannot be compared with these.

    Attributes:
        written: the format of the committed rows, None for the first format, which has no number.
        row_format: the format that this version writes.
    """

    def __init__(self, message: str, *, load_id: str, written: int | None, row_format: int) -> None:
        super().__init__(message, load_id=load_id)
        self.written = written
        self.row_format = row_format


class OtherPartsError(LoadMismatchError):
    """The load was begun through another number of channels, or with another number of rows.

    Attributes:
        parts: the number of channels it was begun with.
        rows_total: the number of rows it was begun with, None where one channel carries it.
    """

    def __init__(self, message: str, *, load_id: str, parts: int, rows_total: int | None) -> None:
        super().__init__(message, load_id=load_id)
        self.parts = parts
        self.rows_total = rows_total


class ForgottenPartsError(LoadMismatchError):
    """Some channels of the load are so old that the service may have deleted the others, with their tokens.

    Attributes:
        channels: names of the channels that have no token.
    """

    def __init__(self, message: str, *, load_id: str, channels: Sequence[str]) -> None:
        super().__init__(message, load_id=load_id)
        self.channels = tuple(channels)


class OtherLoadError(UsageError):
    """The channel remembers another load than the one that should begin; nothing was sent.

    Attributes:
        load_id: the load that should begin.
        other: the load that the channel remembers.
        channel: the channel's name.
    """

    goes_on = False

    def __init__(self, message: str, *, load_id: str, other: str, channel: str) -> None:
        super().__init__(message)
        self.load_id = load_id
        self.other = other
        self.channel = channel


class DataError(UsageError):
    """The data cannot become rows as it is."""

    def __init__(self, message: str, *, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


class EmptySourceError(DataError):
    """The source has no columns."""


class DuplicateColumnError(DataError):
    """Column names collide, as they are or after folding their case."""


class UnsupportedColumnError(DataError):
    """Columns whose type has no row JSON form; all of them are named."""


class ColumnMismatchError(DataError):
    """Columns whose values the target table does not take, or that it needs and the rows do not have."""

    def __init__(self, message: str, *, columns: Sequence[str], target: str) -> None:
        super().__init__(message, columns=columns)
        self.target = target


class UnknownColumnError(ColumnMismatchError):
    """Columns that the target table does not have."""


class InvalidValueError(DataError):
    """One cell cannot be written."""

    def __init__(self, message: str, *, column: str, row: int, value: object) -> None:
        super().__init__(message, columns=(column,))
        self.column = column
        self.row = row
        self.value = value


class RowTooLargeError(DataError):
    """One row alone exceeds the request limit (sizes in bytes)."""

    def __init__(self, *, row: int, size: int, limit: int) -> None:
        super().__init__(
            f"row {row} is {size:,} bytes as JSON; a request holds at most {limit:,} bytes: "
            "shorten its longest value or leave that column out"
        )
        self.row = row
        self.size = size
        self.limit = limit
