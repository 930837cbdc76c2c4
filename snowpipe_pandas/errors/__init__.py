"""Every exception of the package: one hierarchy, facts as attributes, a next step in every message.

SnowpipeError                       .load: how far an interrupted load came, or None    .place: which load
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
│       ├── ColumnMismatchError     columns that do not fit the table, or are missing     .target
│       │   └── UnknownColumnError      columns that it does not have
│       ├── InvalidValueError       one cell cannot be written                        .column .row .value
│       └── RowTooLargeError        one row exceeds the request limit                 .row .size .limit
├── CreateTableError                a missing table can't be made by SQL              .table .ddl
├── ReplaceTableError               a load has not replaced the table                 .table .staged_in
├── TransportError                  no usable answer: DNS, refused, TLS, time-out     .url
├── ServiceError                    the service said no                               .status .code
│   ├── AuthenticationError         credentials refused, twice                        .account .user
│   ├── NotFoundError               no such object, or no grant on it
│   ├── ThrottledError              asked to wait for longer than the retry budget    .retry_after_s
│   ├── PayloadTooLargeError        a request is above the service's limit            .tries
│   ├── SqlError                    a statement failed            .statement .code .sql_state .query_id
│   │   ├── SqlPrivilegeError       the role may not do it, or is not this user's          .role
│   │   ├── WarehouseError          it needs a running warehouse                      .warehouse
│   │   ├── SqlTimeoutError         it took too long and was cancelled                .timeout_s
│   │   ├── SqlResultError          it was done, but its result can't be read whole
│   │   └── SqlUnknownError         it is unknown whether it was done                 .request_id
│   └── ChannelError                the channel's state forbids the call              .channel .tries
│       ├── ChannelInvalidError     its tokens are stale; it must be reopened
│       ├── ChannelTakenOverError   another writer reopened it meanwhile
│       ├── ChannelLostError        it was dropped or recreated; its rows may be in the table
│       └── UncommittedRowsError    reopening would discard rows not committed yet    .committed
└── DeliveryError                   the rows did not all become durable
    ├── CommitTimeoutError          acknowledged, not committed in time               .committed
    ├── RowsRejectedError           the service skipped rows            .rows_rejected .first_row .end_row
    ├── AuditError                  the service's counts differ from the rows sent    .sent .inserted
    ├── TableDiffersError           the table is not what the source is                .different
    ├── LoadCancelledError          the load was cancelled
    └── LoadIncompleteError         partitions of a load failed           .receipts .failures .again
"""

from __future__ import annotations

from ..load_facts import LoadFacts, UnorderedLoadFacts
from .delivery import (
    AuditError,
    CommitTimeoutError,
    CreateTableError,
    DeliveryError,
    LoadCancelledError,
    LoadIncompleteError,
    ReplaceTableError,
    RowsRejectedError,
    TableDiffersError,
)
from .root import SnowpipeError
from .service import (
    AuthenticationError,
    ChannelError,
    ChannelInvalidError,
    ChannelLostError,
    ChannelTakenOverError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    TransportError,
    UncommittedRowsError,
)
from .sql import SqlError, SqlPrivilegeError, SqlResultError, SqlTimeoutError, SqlUnknownError, WarehouseError
from .usage import (
    ClosedError,
    ColumnMismatchError,
    ConfigError,
    DataError,
    DuplicateColumnError,
    EmptySourceError,
    ForgottenPartsError,
    InvalidValueError,
    LoadMismatchError,
    MissingDependencyError,
    OtherLoadError,
    OtherPartsError,
    PrivateKeyError,
    RowFormatError,
    RowTooLargeError,
    UnknownColumnError,
    UnsupportedColumnError,
    UsageError,
)

__all__ = [
    "AuditError",
    "AuthenticationError",
    "ChannelError",
    "ChannelInvalidError",
    "ChannelLostError",
    "ChannelTakenOverError",
    "ClosedError",
    "ColumnMismatchError",
    "CommitTimeoutError",
    "ConfigError",
    "CreateTableError",
    "DataError",
    "DeliveryError",
    "DuplicateColumnError",
    "EmptySourceError",
    "ForgottenPartsError",
    "InvalidValueError",
    "LoadCancelledError",
    "LoadFacts",
    "LoadIncompleteError",
    "LoadMismatchError",
    "MissingDependencyError",
    "NotFoundError",
    "OtherLoadError",
    "OtherPartsError",
    "PayloadTooLargeError",
    "PrivateKeyError",
    "ReplaceTableError",
    "RowFormatError",
    "RowTooLargeError",
    "RowsRejectedError",
    "ServiceError",
    "SnowpipeError",
    "SqlError",
    "SqlPrivilegeError",
    "SqlResultError",
    "SqlTimeoutError",
    "SqlUnknownError",
    "TableDiffersError",
    "ThrottledError",
    "TransportError",
    "UncommittedRowsError",
    "UnknownColumnError",
    "UnorderedLoadFacts",
    "UnsupportedColumnError",
    "UsageError",
    "WarehouseError",
]

# Tracebacks and pickles name errors as users do, whichever module defines them.
for _name in __all__:
    if issubclass(globals()[_name], SnowpipeError):
        globals()[_name].__module__ = __name__
