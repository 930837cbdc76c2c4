"""What the names in a statement mean: each table gets its whole name, and nothing else can be reached.

The engine looks for an unknown name in its own catalogues, in files and in variables of Python. So every
table of a statement is written with database, schema and name before the engine sees it, and functions that
reach beyond the tables are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from ...errors import UsageError
from ...names import ObjectName
from ..internal import MARK, error_table, stored_name
from .information import INFORMATION_SCHEMA, information_view

ENGINES_OWN = ("MEMORY", "SYSTEM", "TEMP")
"""Databases of DuckDB's own, which are not databases of the account."""

FORBIDDEN_SCHEMAS = (INFORMATION_SCHEMA, "PG_CATALOG")
_INTERNAL_PREFIXES = (
    "duckdb_",
    "pragma_",
    "pg_",
    "sqlite_",
    "test_",
    "python_",
    "pandas_",
    "arrow_",
    "seq_scan",
)
_INTERNAL_FUNCTIONS = frozenset(
    [
        "nextval",
        "currval",
        "setval",
        "current_setting",
        "getvariable",
        "getenv",
        "query",
        "query_table",
        "in_search_path",
        "current_schemas",
        "current_database",
        "current_schema",
        "write_log",
        "force_checkpoint",
        "checkpoint",
        "enable_logging",
        "disable_logging",
        "enable_profiling",
        "disable_profiling",
        "which_secret",
        "sleep_ms",
        "current_connection_id",
        "parse_duckdb_log_message",
        "create_external_resource",
        "destroy_external_resource",
        "deregister_external_resource",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "json_serialize_sql",
        "json_deserialize_sql",
    ]
)
_FILE_PREFIXES = ("read_", "parquet_", "sniff_", "scan_", "glob")
_TABLE_FUNCTIONS = (
    "range",
    "generate_series",
    "unnest",
    "explode",
    "explode_outer",
    "posexplode",
    "json_each",
)
_WITHOUT_ALIAS = (exp.Insert, exp.Schema, exp.TruncateTable, exp.Create, exp.Drop, exp.Alter)


@dataclass(frozen=True, slots=True)
class Session:
    """What statements are read against: what unqualified names mean, and whether files may be reached.

    Role and warehouse are names that a session shows, and no more.
    """

    database: str
    schema: str
    allow_files: bool = False
    role: str = "ACCOUNTADMIN"
    warehouse: str = "COMPUTE_WH"

    def table(self, parts: Sequence[exp.Expr]) -> ObjectName:
        """Return the stored name of a table or view that is written with one to three parts.

        Raises:
            UsageError: a part can't be a name.
        """
        names = [part.name for part in parts]
        if len(names) == 3 and names[0].upper() in ENGINES_OWN:
            raise UsageError(f"database {names[0]} does not exist")
        if not 1 <= len(names) <= 3 or not all(isinstance(part, exp.Identifier) for part in parts):
            raise UsageError("the local account knows only names of one to three parts: DATABASE.SCHEMA.NAME")
        database, schema, name = [*(self.database, self.schema)[: 3 - len(names)], *names]
        return ObjectName(database, schema, stored_name(name))


def qualify(tree: exp.Expr, session: Session) -> None:
    """Write the whole name of every table into a statement, and refuse what reaches beyond tables.

    Raises:
        UsageError: names what the local account does not let a statement do.
    """
    for node in tree.find_all(exp.Func):
        _check_function(node, session)
    for function in list(tree.find_all(exp.CurrentRole, exp.CurrentWarehouse)):
        _show_session(function, session)
    for column in list(tree.find_all(exp.Column)):
        _next_value(column, session)
    for table in list(tree.find_all(exp.Table)):
        if not _is_of_with(table):
            _qualify_table(table, session)


def check_names(tree: exp.Expr) -> None:
    """Refuse names that hold the mark of the account's own.

    Raises:
        UsageError: there is one.
    """
    for identifier in tree.find_all(exp.Identifier):
        check_name(identifier.name)


def check_name(name: str) -> None:
    """Refuse a name that holds the mark of the account's own."""
    if MARK in name:
        raise UsageError(f"the local account takes no names with the control character {MARK!r}")


def _qualify_table(table: exp.Table, session: Session) -> None:
    if table.args.get("when") or table.args.get("changes"):
        raise UsageError("the local account does not know time travel (AT, BEFORE, CHANGES)")
    inner = table.this
    if isinstance(inner, exp.TableFromRows):
        inner = inner.this
    if isinstance(inner, exp.Anonymous) and inner.name.upper() == "ERROR_TABLE":
        _read_error_table(table, inner, session)
    elif isinstance(inner, exp.Func):
        _check_table_function(inner, session)
    elif not isinstance(inner, exp.Identifier):
        _check_file(inner, session)
    else:
        _write_whole_name(table, session)


def _write_whole_name(table: exp.Table, session: Session) -> None:
    name = session.table(table.parts)
    if name.schema.upper() == INFORMATION_SCHEMA:
        view = sqlglot.parse_one(information_view(name), read="duckdb")
        table.replace(exp.Subquery(this=view, alias=exp.TableAlias(this=_quoted(table.alias or name.name))))
        return
    if name.name != table.name and not table.alias and not isinstance(table.parent, _WITHOUT_ALIAS):
        table.set("alias", exp.TableAlias(this=_quoted(table.name)))
    _set_name(table, name)


def _set_name(table: exp.Table, name: ObjectName) -> None:
    table.set("this", _quoted(name.name))
    table.set("db", _quoted(name.schema))
    table.set("catalog", _quoted(name.database))


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _read_error_table(table: exp.Table, function: exp.Anonymous, session: Session) -> None:
    """Let `ERROR_TABLE(name)` mean the account's table that keeps the rejected rows."""
    if len(function.expressions) != 1 or not isinstance(function.expressions[0], exp.Column):
        raise UsageError("ERROR_TABLE takes the name of one table")
    if isinstance(table.parent, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.TruncateTable):
        raise UsageError("the local account only reads error tables")
    if not table.alias:
        table.set("alias", exp.TableAlias(this=_quoted("ERROR_TABLE")))
    _set_name(table, error_table(session.table(function.expressions[0].parts)))


def _check_table_function(function: exp.Func, session: Session) -> None:
    name = _function_name(function)
    if name.startswith(_FILE_PREFIXES):
        _refuse_files(name, session)
    elif name not in _TABLE_FUNCTIONS:
        raise UsageError(f"the local account does not know the table function {name.upper()}")


def _check_function(function: exp.Func, session: Session) -> None:
    name = _function_name(function)
    if name.startswith(_FILE_PREFIXES):
        _refuse_files(name, session)
    elif name.startswith(_INTERNAL_PREFIXES) or name in _INTERNAL_FUNCTIONS:
        raise UsageError(f"the local account does not know the function {name.upper()}")


def _function_name(function: exp.Func) -> str:
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    return "read_csv" if isinstance(function, exp.ReadCSV) else name.lower()


def _show_session(function: exp.Func, session: Session) -> None:
    """Let CURRENT_ROLE() and CURRENT_WAREHOUSE() be the names that the session was given."""
    is_role = isinstance(function, exp.CurrentRole)
    name: exp.Expr = exp.Literal.string(session.role if is_role else session.warehouse)
    if isinstance(function.parent, exp.Select):
        shown = "CURRENT_ROLE()" if is_role else "CURRENT_WAREHOUSE()"
        name = exp.alias_(name, shown, quoted=True)
    function.replace(name)


def _check_file(source: exp.Expr, session: Session) -> None:
    _refuse_files(source.sql(dialect="snowflake"), session)


def _refuse_files(name: str, session: Session) -> None:
    if not session.allow_files:
        raise UsageError(
            f"{name.upper()[:80]} reaches files: start the account with sp.local(allow_files=True) for that"
        )


def _is_of_with(table: exp.Table) -> bool:
    """Return whether a name is one that a WITH around it has defined before."""
    if len(table.parts) != 1 or not isinstance(table.this, exp.Identifier):
        return False
    node: exp.Expr = table
    while node.parent is not None:
        inside, node = node, node.parent
        defining = node if isinstance(node, exp.With) else node.args.get("with_")
        if defining is None or defining is inside:
            continue
        known = defining.expressions
        if defining is node and not defining.args.get("recursive"):
            known = known[: known.index(inside)]
        if any(cte.alias == table.name for cte in known):
            return True
    return False


def _next_value(column: exp.Column, session: Session) -> None:
    """Let `name.NEXTVAL` be the next number of a sequence."""
    if column.name.upper() != "NEXTVAL" or len(column.parts) < 2:
        return
    sequence = session.table(column.parts[:-1])
    column.replace(exp.Anonymous(this="nextval", expressions=[exp.Literal.string(sequence_path(sequence))]))


def sequence_path(name: ObjectName) -> str:
    """Return a sequence's name as the engine's `nextval` takes it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in (name.database, name.schema, name.name))
