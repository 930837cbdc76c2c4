"""What users may see of the catalogue: INFORMATION_SCHEMA and SHOW, without the account's own tables."""

from __future__ import annotations

from ...errors import UsageError
from ...names import DEFAULT_PIPE_SUFFIX, ObjectName
from ..internal import HIDDEN, MARK
from .quoting import literal, quoted

INFORMATION_SCHEMA = "INFORMATION_SCHEMA"

_SHOWN = f"split_part(table_name, {literal(MARK)}, 1)"
_IS_OWN = f"contains(schema_name, {literal(MARK)})"
_ERRORS = "concat('errors of ', length(schema_name), ' ', schema_name, '.', table_name)"
"""The name of a table's error table, as `internal.error_table` makes it."""

_TABLES = """
SELECT database_name AS "TABLE_CATALOG", schema_name AS "TABLE_SCHEMA", {shown} AS "TABLE_NAME",
    kind AS "TABLE_TYPE"
FROM (SELECT database_name, schema_name, table_name, 'BASE TABLE' AS kind FROM duckdb_tables()
    UNION ALL SELECT database_name, schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE NOT internal)
WHERE database_name = {database} AND NOT {is_own}
"""

_SHOW_TABLES = """
SELECT {shown} AS "name", database_name AS "database_name", schema_name AS "schema_name", 'TABLE' AS "kind",
    coalesce(comment, '') AS "comment", estimated_size AS "rows",
    CASE WHEN (schema_name, table_name) IN (SELECT (table_schema, table_name) FROM {hidden}.evolving)
        THEN 'Y' ELSE 'N' END AS "enable_schema_evolution",
    CASE WHEN {errors} IN (SELECT table_name FROM duckdb_tables() WHERE database_name = {database})
        THEN 'Y' ELSE 'N' END AS "error_logging"
FROM duckdb_tables() WHERE database_name = {database} AND NOT {is_own} ORDER BY 3, 1
"""

_COLUMNS = """
SELECT c.database_name AS "TABLE_CATALOG", c.schema_name AS "TABLE_SCHEMA",
    split_part(c.table_name, {mark}, 1) AS "TABLE_NAME", c.column_name AS "COLUMN_NAME",
    c.column_index AS "ORDINAL_POSITION",
    coalesce(d.written_default, CASE WHEN d.sequence IS NULL THEN nullif(c.column_default, 'NULL') END)
        AS "COLUMN_DEFAULT",
    CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS "IS_NULLABLE",
    coalesce(d.declared, c.data_type) AS "DATA_TYPE",
    CASE WHEN d.sequence IS NULL THEN 'NO' ELSE 'YES' END AS "IS_IDENTITY",
    CAST(d.first_number AS VARCHAR) AS "IDENTITY_START", CAST(d.step AS VARCHAR) AS "IDENTITY_INCREMENT"
FROM duckdb_columns() AS c LEFT JOIN {hidden}.columns AS d ON d.table_schema = c.schema_name
    AND d.table_name = c.table_name AND d.column_name = c.column_name
WHERE c.database_name = {database} AND NOT c.internal AND NOT contains(c.schema_name, {mark})
"""

_SCHEMATA = """
SELECT database_name AS "CATALOG_NAME", schema_name AS "SCHEMA_NAME" FROM duckdb_schemas()
WHERE database_name = {database} AND NOT internal AND NOT {is_own} AND schema_name <> 'main'
"""

_VIEWS = {"TABLES": _TABLES, "COLUMNS": _COLUMNS, "SCHEMATA": _SCHEMATA}


def information_view(name: ObjectName) -> str:
    """Return DuckDB's SQL of one view of a database's INFORMATION_SCHEMA.

    Raises:
        UsageError: the local account does not have this view.
    """
    view = _VIEWS.get(name.name.upper())
    if view is None:
        known = ", ".join(_VIEWS)
        raise UsageError(f"the local account's INFORMATION_SCHEMA has {known}, but no {name.name}")
    return _filled(view, name.database)


def _filled(view: str, database: str) -> str:
    return view.format(
        database=literal(database),
        hidden=quoted(database, HIDDEN),
        shown=_SHOWN,
        is_own=_IS_OWN,
        mark=literal(MARK),
        errors=_ERRORS,
    )


def show_tables(database: str, schema: str | None) -> str:
    """Return the SQL of SHOW TABLES."""
    return f"SELECT * FROM ({_filled(_SHOW_TABLES, database)}) WHERE {_within('schema_name', schema)}"  # noqa: S608


def show_schemas(database: str) -> str:
    """Return the SQL of SHOW SCHEMAS."""
    return (
        'SELECT "SCHEMA_NAME" AS "name", "CATALOG_NAME" AS "database_name" '  # noqa: S608
        f"FROM ({_filled(_SCHEMATA, database)}) ORDER BY 1"
    )


def show_columns(database: str, schema: str | None, table: str | None) -> str:
    """Return the SQL of SHOW COLUMNS."""
    return (
        'SELECT "TABLE_NAME" AS "table_name", "TABLE_SCHEMA" AS "schema_name", '  # noqa: S608
        '"COLUMN_NAME" AS "column_name", '
        '"DATA_TYPE" AS "data_type", "IS_NULLABLE" = \'YES\' AS "null?", "COLUMN_DEFAULT" AS "default", '
        f'"TABLE_CATALOG" AS "database_name" FROM ({_filled(_COLUMNS, database)}) '
        f"WHERE {_within('TABLE_SCHEMA', schema)} AND {_within('TABLE_NAME', table)} "
        'ORDER BY 2, 1, "ORDINAL_POSITION"'
    )


def describe_table(table: ObjectName) -> str:
    """Return the SQL of DESCRIBE TABLE; `table` by its shown name."""
    return (
        'SELECT "COLUMN_NAME" AS "name", "DATA_TYPE" AS "type", \'COLUMN\' AS "kind", '  # noqa: S608
        "CASE \"IS_NULLABLE\" WHEN 'YES' THEN 'Y' ELSE 'N' END AS \"null?\", "
        "CASE \"IS_IDENTITY\" WHEN 'YES' THEN "
        "'IDENTITY START ' || \"IDENTITY_START\" || ' INCREMENT ' || \"IDENTITY_INCREMENT\" || ' NOORDER' "
        'ELSE "COLUMN_DEFAULT" END AS "default" '
        f"FROM ({_filled(_COLUMNS, table.database)}) WHERE {_within('TABLE_SCHEMA', table.schema)} "
        f'AND {_within("TABLE_NAME", table.name)} ORDER BY "ORDINAL_POSITION"'
    )


def show_pipes(database: str, schema: str | None) -> str:
    """Return the SQL of SHOW PIPES: the users' own ones."""
    return (
        'SELECT pipe_name AS "name", pipe_schema AS "schema_name", definition AS "definition", '  # noqa: S608
        "CASE WHEN NOT valid THEN 'the table was dropped, made again or renamed' END AS \"invalid_reason\" "
        f"FROM {quoted(database, HIDDEN)}.pipes WHERE {_within('pipe_schema', schema)} ORDER BY 2, 1"
    )


_CHANNELS = """
SELECT make_timestamp(c.created_on_ms * 1000) AT TIME ZONE 'UTC' AS "created_on", c.channel AS "name",
    {database} AS "database_name", c.pipe_schema AS "schema_name",
    coalesce(split_part(p.table_name, {mark}, 1), left(c.pipe_name, -{suffix})) AS "table_name",
    c.client_sequencer AS "client_sequencer", CAST(NULL AS BIGINT) AS "row_sequencer",
    c.committed_token AS "offset_token", 'PIPE' AS "parent_domain", c.pipe_name AS "parent_name"
FROM {hidden}.channels AS c LEFT JOIN {hidden}.pipes AS p
    ON p.pipe_schema = c.pipe_schema AND p.pipe_name = c.pipe_name
"""
"""A default pipe is not among the pipes that are kept: its name is its table's, with a suffix."""


def show_channels(
    database: str, schema: str | None, *, pipe: str | None = None, table: str | None = None
) -> str:
    """Return the SQL of SHOW CHANNELS; the names as users know them."""
    found = _CHANNELS.format(
        database=literal(database),
        hidden=quoted(database, HIDDEN),
        mark=literal(MARK),
        suffix=len(DEFAULT_PIPE_SUFFIX),
    )
    return (
        f"SELECT * FROM ({found}) WHERE {_within('schema_name', schema)} "  # noqa: S608
        f"AND {_within('parent_name', pipe)} AND {_within('table_name', table)} "
        'ORDER BY "schema_name", "parent_name", "name"'
    )


def _within(column: str, value: str | None) -> str:
    return "true" if value is None else f'"{column}" = {literal(value)}'
