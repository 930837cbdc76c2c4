"""What a statement asks for, once it is understood; names of tables are those under which DuckDB has them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ...names import ObjectName
from .declared import DeclaredColumn


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that only reads; SQL of DuckDB. Where it describes an object, such as `table A.B.C`, that
    must be there."""

    text: str
    described: str = ""


@dataclass(frozen=True, slots=True)
class Modify:
    """INSERT, UPDATE, DELETE, MERGE or TRUNCATE of one table; SQL of DuckDB.

    `done` is what it does to rows, such as "inserted"; "" for TRUNCATE, which reports no number.
    """

    text: str
    table: ObjectName
    done: str = ""


@dataclass(frozen=True, slots=True)
class Define:
    """A view, schema or sequence is made or dropped; SQL of DuckDB."""

    text: str
    database: str


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """CREATE DATABASE; others than the first live in memory."""

    name: str
    if_missing: bool


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """DROP DATABASE."""

    name: str
    if_there: bool


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE, in all its forms.

    Attributes:
        columns: as they are declared; empty where the query or the other table gives them.
        query: SQL of DuckDB whose rows the table starts with.
        like: the table whose columns it takes, `clone` with their rows.
        names: names of the query's columns, where they are given without types.
    """

    table: ObjectName
    columns: tuple[DeclaredColumn, ...] = ()
    query: str | None = None
    like: ObjectName | None = None
    clone: bool = False
    names: tuple[str, ...] = ()
    replace: bool = False
    if_missing: bool = False
    error_logging: bool = False
    evolves: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class AddColumn:
    """ALTER TABLE ADD COLUMN."""

    column: DeclaredColumn
    if_missing: bool


@dataclass(frozen=True, slots=True)
class DropColumn:
    """ALTER TABLE DROP COLUMN."""

    name: str
    if_there: bool


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """ALTER TABLE RENAME COLUMN."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class ChangeColumn:
    """ALTER TABLE ALTER COLUMN: what is None stays; `default` is DuckDB's SQL and what was written."""

    name: str
    type: str | None = None
    nullable: bool | None = None
    default: tuple[str, str] | None = None
    drop_default: bool = False


@dataclass(frozen=True, slots=True)
class RenameTable:
    """ALTER TABLE RENAME TO."""

    to: ObjectName


@dataclass(frozen=True, slots=True)
class SwapTable:
    """ALTER TABLE SWAP WITH."""

    other: ObjectName


@dataclass(frozen=True, slots=True)
class SetTable:
    """ALTER TABLE SET, and UNSET COMMENT; what is None stays as it is."""

    error_logging: bool | None = None
    evolves: bool | None = None
    comment: str | None = None


Change = AddColumn | DropColumn | RenameColumn | ChangeColumn | RenameTable | SwapTable | SetTable


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE."""

    table: ObjectName
    changes: tuple[Change, ...]
    if_there: bool


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE."""

    table: ObjectName
    if_there: bool


@dataclass(frozen=True, slots=True)
class DropSchema:
    """DROP SCHEMA, with all that is in it."""

    database: str
    schema: str
    if_there: bool


@dataclass(frozen=True, slots=True)
class CreatePipe:
    """CREATE PIPE ... AS COPY INTO table.

    Attributes:
        items: key of the row and type of its cast (None without one), in the order of the SELECT; None where
            columns match by name.
        columns: of the table, those that the items fill; empty for all in their order.
        definition: the COPY statement as it was written.
    """

    pipe: ObjectName
    table: ObjectName
    items: tuple[tuple[str, str | None], ...] | None
    columns: tuple[str, ...]
    definition: str
    replace: bool
    if_missing: bool


@dataclass(frozen=True, slots=True)
class DropPipe:
    """DROP PIPE."""

    pipe: ObjectName
    if_there: bool


@dataclass(frozen=True, slots=True)
class AlterUser:
    """`ALTER USER name SET RSA_PUBLIC_KEY = '...'`, or UNSET."""

    user: str
    slot: str
    key: str | None


DDL = CreateTable | AlterTable | DropTable | DropSchema | CreatePipe | DropPipe
"""Statements that may end channels."""

Command = Query | Modify | Define | CreateDatabase | DropDatabase | DDL | AlterUser


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query returned.

    Attributes:
        names: of its columns; two may have one name.
        kinds: DuckDB's types of them.
        table: the rows.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Done:
    """What a statement without rows did: in words, or as a number of rows."""

    message: str = "Statement executed successfully."
    rows: int | None = None
    verb: str = ""
