"""Every exception of the package: one hierarchy, facts as attributes, a next step in every message.

SnowpipeError                       .load: how far an interrupted load came, or None
├── UsageError                      the call cannot work as written
│   ├── ConfigError                 a setting is missing, malformed or given twice    .setting
│   │   └── PrivateKeyError         the private key cannot be used                    .source
│   ├── MissingDependencyError      an optional library is not installed              .extra
│   ├── ClosedError                 the client or channel was closed
│   ├── LoadMismatchError           the rows are not those this load began with       .load_id
│   │   ├── RowFormatError          another version wrote them, so they can't be compared   .written
│   │   ├── OtherPartsError         it was cut into parts in another way                  .parts .rows_total
│   │   └── ForgottenPartsError     the service may have forgotten some of its channels   .channels
│   ├── OtherLoadError              the channel remembers another load                .load_id .other
│   └── DataError                   the data cannot become rows as it is              .columns
│       ├── EmptySourceError        a source without columns
│       ├── DuplicateColumnError    column names collide
│       ├── UnsupportedColumnError  columns whose type has no row JSON form
│       ├── UnknownColumnError      columns which the target table does not have      .target
│       ├── InvalidValueError       one cell cannot be written                        .column .row .value
│       └── RowTooLargeError        one row exceeds the request limit                 .row .size .limit
├── TransportError                  no usable answer: DNS, refused, TLS, time-out     .url
├── ServiceError                    the service said no                               .status .code
│   ├── AuthenticationError         credentials refused, twice                        .account .user
│   ├── NotFoundError               no such object, or no grant on it
│   ├── ThrottledError              asked to wait for longer than the retry budget    .retry_after_s
│   ├── PayloadTooLargeError        a request is above the service's limit            .tries
│   ├── SqlError                    a statement failed            .statement .code .sql_state .query_id
│   │   ├── SqlPrivilegeError       the role may not do it, or is none of this user's      .role
│   │   ├── WarehouseError          it needs a warehouse that runs                    .warehouse
│   │   ├── SqlTimeoutError         it took longer than it may; it was cancelled      .timeout_s
│   │   ├── SqlResultError          it was done, but its result can't be had whole
│   │   └── SqlUnknownError         it can't be known whether it was done             .request_id
│   └── ChannelError                the channel's state forbids the call              .channel .tries
│       ├── ChannelInvalidError     its tokens are stale; it must be reopened
│       ├── ChannelTakenOverError   another writer reopened it meanwhile
│       ├── ChannelLostError        it was dropped or made anew; its rows may be in the table
│       └── UncommittedRowsError    reopening would discard rows not committed yet    .committed
└── DeliveryError                   the rows did not all become durable
    ├── CommitTimeoutError          acknowledged, not committed in time               .committed
    ├── RowsRejectedError           the service skipped rows                 .rejected .first_row .end_row
    ├── AuditError                  the service's counts differ from the rows sent    .sent .inserted
    ├── LoadCancelledError          the load was cancelled
    └── LoadIncompleteError         partitions of a load failed           .receipts .failures .again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .load_facts import LoadFacts as LoadFacts
from .load_facts import UnorderedLoadFacts as UnorderedLoadFacts


class SnowpipeError(Exception):
    """Root of every error raised by this package."""

    load: LoadFacts | None = None
    goes_on = True
    """Whether the same call, with the load's id, can go on where the load stopped."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross processes (dask, multiprocessing); keyword-only facts would be lost by the default.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[SnowpipeError], args: tuple[Any, ...], facts: dict[str, Any]) -> SnowpipeError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class UsageError(SnowpipeError):
    """The call cannot work as written; `.load` tells what was sent before that was seen, None if nothing."""


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
    """The rows differ from those which the load's committed offset token stands for."""

    goes_on = False

    def __init__(self, message: str, *, load_id: str) -> None:
        super().__init__(message)
        self.load_id = load_id


class RowFormatError(LoadMismatchError):
    """The committed rows were written in another row format, so that they cannot be compared with these.

    Attributes:
        written: the format of the committed rows, None for the first one, which has no number.
        row_format: the format which this version writes.
    """

    def __init__(self, message: str, *, load_id: str, written: int | None, row_format: int) -> None:
        super().__init__(message, load_id=load_id)
        self.written = written
        self.row_format = row_format


class OtherPartsError(LoadMismatchError):
    """The load was begun through another number of channels, or with another number of rows.

    Attributes:
        parts: through how many channels it was begun.
        rows_total: how many rows it was begun with, None where one channel carries it.
    """

    def __init__(self, message: str, *, load_id: str, parts: int, rows_total: int | None) -> None:
        super().__init__(message, load_id=load_id)
        self.parts = parts
        self.rows_total = rows_total


class ForgottenPartsError(LoadMismatchError):
    """Some channels of the load are so old that the service may have deleted the others, tokens and all.

    Attributes:
        channels: names of the channels that have no token.
    """

    def __init__(self, message: str, *, load_id: str, channels: Sequence[str]) -> None:
        super().__init__(message, load_id=load_id)
        self.channels = tuple(channels)


class OtherLoadError(UsageError):
    """The channel remembers another load than the named one that is to begin; nothing was sent.

    Attributes:
        load_id: the load that was to begin.
        other: the load which the channel remembers.
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


class UnknownColumnError(DataError):
    """Columns which the target table does not have."""

    def __init__(self, message: str, *, columns: Sequence[str], target: str) -> None:
        super().__init__(message, columns=columns)
        self.target = target


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


class TransportError(SnowpipeError):
    """No usable answer came back within the retry budget.

    Attributes:
        url: where the request went.
        attempts: how often it was tried.
        in_doubt: whether the service may have got it, and done it.
    """

    def __init__(self, message: str, *, url: str, attempts: int = 1, in_doubt: bool = True) -> None:
        super().__init__(message)
        self.url = url
        self.attempts = attempts
        self.in_doubt = in_doubt


class ServiceError(SnowpipeError):
    """The service refused the request."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class AuthenticationError(ServiceError):
    """The credentials were refused again after one refresh."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        account: str = "",
        user: str = "",
        fingerprint: str = "",
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.account = account
        self.user = user
        self.fingerprint = fingerprint


class NotFoundError(ServiceError):
    """No such database, schema, table or pipe, or no grant on it."""


class ThrottledError(ServiceError):
    """The service asked to wait for longer than one request may be retried (`RetryPolicy.budget_s`)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 429,
        code: str = "",
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s


class PayloadTooLargeError(ServiceError):
    """The service takes only smaller requests than this one (413)."""

    def __init__(
        self, message: str, *, status: int = 413, code: str = "", request_id: str = "", tries: int = 1
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.tries = tries


class SqlError(ServiceError):
    """The service refused a statement, or it failed; a statement that failed has changed nothing.

    Attributes:
        statement: its text, as it was given; the values of its parameters are not in it.
        sql_state: SQLSTATE of the failure, "" where none was told.
        query_id: under which the service's query history knows the statement, "" where none was told.
    """

    def __init__(
        self,
        message: str,
        *,
        statement: str,
        status: int = 422,
        code: str = "",
        sql_state: str = "",
        query_id: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.statement = statement
        self.sql_state = sql_state
        self.query_id = query_id


class SqlPrivilegeError(SqlError):
    """The role may not do it, the object is not there for it, or the role is none of this user's.

    Attributes:
        role: the role of the client's settings, None for the user's default.
    """

    role: str | None = None


class WarehouseError(SqlError):
    """The statement needs a warehouse, and there is none, or it can't run.

    Attributes:
        warehouse: the warehouse of the client's settings, None for the user's default.
    """

    warehouse: str | None = None


class SqlTimeoutError(SqlError):
    """The statement took longer than it was given, and was cancelled: it has changed nothing.

    Attributes:
        timeout_s: what it was given, in seconds.
    """

    timeout_s: float = 0.0


class SqlResultError(SqlError):
    """The statement was done, but its result is too large, or holds what can't be kept whole."""


class SqlUnknownError(SqlError):
    """It can't be known whether the statement was done: it may have been, or may still be running.

    Its `request_id` (and its `query_id`, where the service told one) finds it in the query history.
    """


class ChannelError(ServiceError):
    """The channel's state forbids the call."""

    def __init__(
        self,
        message: str,
        *,
        channel: str,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        tries: int = 1,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.channel = channel
        self.tries = tries


class ChannelInvalidError(ChannelError):
    """The channel's tokens are stale; it must be reopened."""


class ChannelTakenOverError(ChannelError):
    """Another writer reopened the channel while this one was streaming."""


class ChannelLostError(ChannelError):
    """The channel, its pipe or its table was dropped or made anew: the committed token is gone with it.

    The rows of this load may be in the table or not; nothing is sent again on a guess.
    """

    goes_on = False


class UncommittedRowsError(ChannelError):
    """Rows of this channel are accepted but not committed; reopening now would discard them."""

    committed: str | None = None
    """The committed offset token, as far as it is known."""


class DeliveryError(SnowpipeError):
    """The rows did not all become durable."""


class CommitTimeoutError(DeliveryError):
    """Rows were acknowledged, but not committed within the time given."""

    def __init__(self, message: str, *, acknowledged: str | None, committed: str | None) -> None:
        super().__init__(message)
        self.acknowledged = acknowledged
        self.committed = committed


class RowsRejectedError(DeliveryError):
    """The service accepted the requests and skipped some of their rows.

    Attributes:
        rejected: how many rows of this load.
        last_message: the service's reason for the last one.
        first_row: they lie at or behind this row of the source ...
        end_row: ... and before this one.
        offset_upper_bound: the service's own bound, the offset token of the request that held the last one.
    """

    goes_on = False

    def __init__(
        self,
        message: str,
        *,
        rejected: int,
        last_message: str | None,
        first_row: int,
        end_row: int,
        offset_upper_bound: str | None,
    ) -> None:
        super().__init__(message)
        self.rejected = rejected
        self.last_message = last_message
        self.first_row = first_row
        self.end_row = end_row
        self.offset_upper_bound = offset_upper_bound


class AuditError(DeliveryError):
    """The offset token says that all rows are committed, the channel's counters say otherwise."""

    goes_on = False

    def __init__(self, message: str, *, sent: int, inserted: int, rejected: int) -> None:
        super().__init__(message)
        self.sent = sent
        self.inserted = inserted
        self.rejected = rejected


class LoadCancelledError(DeliveryError):
    """The load was cancelled; what was committed stays, and the same call goes on from there."""


class LoadIncompleteError(DeliveryError):
    """Some partitions of a load are not in the table; what is committed stays.

    Attributes:
        receipts: results of the partitions that are, by their numbers, from 1 on.
        failures: what the others raised; a partition in neither was not heard of.
        again: the line to run again.
    """

    def __init__(
        self, message: str, *, receipts: Mapping[int, Any], failures: Mapping[int, BaseException], again: str
    ) -> None:
        super().__init__(message)
        self.receipts, self.failures, self.again = dict(receipts), dict(failures), again
