"""Names of Snowflake objects: the one parser and the one way to quote.

Unquoted parts fold to upper case, quoted ones stay as they are and double their inner quotes,
as in Snowflake's SQL. The `-` of a default pipe (`FLIGHTS-STREAMING`) needs no quotes here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from . import arguments
from .errors import ConfigError

DEFAULT_PIPE_SUFFIX = "-STREAMING"
_PART = re.compile(r'"((?:[^"]|"")+)"|([\w$-]+)')
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*")
_RESERVED = frozenset(
    [
        "ACCOUNT",
        "ALL",
        "ALTER",
        "AND",
        "ANY",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CAST",
        "CHECK",
        "COLUMN",
        "CONNECT",
        "CONNECTION",
        "CONSTRAINT",
        "CREATE",
        "CROSS",
        "CURRENT",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "DATABASE",
        "DELETE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "EXISTS",
        "FALSE",
        "FOLLOWING",
        "FOR",
        "FROM",
        "FULL",
        "GRANT",
        "GROUP",
        "GSCLUSTER",
        "HAVING",
        "ILIKE",
        "IN",
        "INCREMENT",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "ISSUE",
        "JOIN",
        "LATERAL",
        "LEFT",
        "LIKE",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "MINUS",
        "NATURAL",
        "NOT",
        "NULL",
        "OF",
        "ON",
        "OR",
        "ORDER",
        "ORGANIZATION",
        "QUALIFY",
        "REGEXP",
        "REVOKE",
        "RIGHT",
        "RLIKE",
        "ROW",
        "ROWS",
        "SAMPLE",
        "SCHEMA",
        "SELECT",
        "SET",
        "SOME",
        "START",
        "TABLE",
        "TABLESAMPLE",
        "THEN",
        "TO",
        "TRIGGER",
        "TRUE",
        "TRY_CAST",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "USING",
        "VALUES",
        "VIEW",
        "WHEN",
        "WHENEVER",
        "WHERE",
        "WITH",
    ]
)
"""Words that Snowflake takes as names only in quotes (its page of reserved keywords)."""


@lru_cache(maxsize=1024)  # each load writes the same names several times
def quote_identifier(name: str) -> str:
    """Return `name` as it must be written in SQL: plain upper-case names unchanged, others in quotes.

    >>> quote_identifier("FLIGHTS"), quote_identifier("flight no")
    ('FLIGHTS', '"flight no"')
    """
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_column(name: str) -> str:
    """Return a column's name for SQL: folded to upper case if it is plain, else quoted as it is.

    >>> quote_column("year"), quote_column("flight no")
    ('YEAR', '"flight no"')
    """
    folded = name.upper()
    plain = name.isascii() and _PLAIN.fullmatch(folded) is not None
    return quote_identifier(folded if plain else name)


def stored_part(text: str) -> str:
    """Return a single name as the service stores it: folded if it is plain, else without its quotes.

    >>> stored_part("compute_wh"), stored_part('"my wh"')
    ('COMPUTE_WH', 'my wh')
    """
    match = _PART.fullmatch(text)
    if match is None:
        return text
    quoted, plain = match.groups()
    return plain.upper() if quoted is None else quoted.replace('""', '"')


@dataclass(frozen=True, slots=True)
class ObjectName:
    """A table or pipe by its three parts, each as the service stores it (folded, without quotes)."""

    database: str
    schema: str
    name: str

    @classmethod
    def parse(
        cls, text: str, *, database: str | None = None, schema: str | None = None, argument: str = "table"
    ) -> ObjectName:
        """Read `DB.SCHEMA.NAME`; missing parts come from `database` and `schema`.

        Args:
            text: the name, quoted as in SQL.
            database, schema: the parts that it may leave out, as the service stores them.
            argument: the text's name in errors.

        Raises:
            ConfigError: the text is not an object name, or a missing part has no default.

        >>> ObjectName.parse('demo.public."my table"').name
        'my table'
        >>> str(ObjectName.parse("flights", database="DEMO", schema="PUBLIC"))
        'DEMO.PUBLIC.FLIGHTS'
        """
        example = f'{argument}="DEMO.PUBLIC.FLIGHTS"'
        text = arguments.text(argument, text, example=example, setting="table")
        parts = _split(text)
        database = arguments.optional_text(
            "database", database, example='database="DEMO"', setting="database"
        )
        schema = arguments.optional_text("schema", schema, example='schema="PUBLIC"', setting="schema")
        defaults = [part for part in (database, schema) if part]
        if len(parts) == 1 and len(defaults) == 2:
            parts = defaults + parts
        elif len(parts) == 2 and database:
            parts = [database, *parts]
        if len(parts) != 3:
            raise ConfigError(
                f"{text!r} does not name an object: write DATABASE.SCHEMA.NAME, "
                "or give database= and schema= to connect()",
                setting="table",
            )
        return cls(*parts)

    def default_pipe(self) -> ObjectName:
        """Return the pipe that the service keeps for this table (created on first use)."""
        return replace(self, name=self.name + DEFAULT_PIPE_SUFFIX)

    @property
    def quoted_name(self) -> str:
        """The last part, quoted as SQL needs it."""
        return quote_identifier(self.name)

    def __str__(self) -> str:
        return ".".join(quote_identifier(part) for part in (self.database, self.schema, self.name))


@dataclass(frozen=True, slots=True)
class TargetName:
    """The target of rows: a table through its default pipe, or a named pipe.

    Attributes:
        pipe: the pipe that takes the rows.
        table: the table, None where a pipe was named: the pipe then decides which table it fills.
    """

    pipe: ObjectName
    table: ObjectName | None

    @classmethod
    def of_table(cls, table: ObjectName) -> TargetName:
        """Return a table as a target, through its default pipe."""
        return cls(table.default_pipe(), table)

    @classmethod
    def of_pipe(cls, pipe: ObjectName) -> TargetName:
        """Return a pipe as a target."""
        return cls(pipe, None)

    def __str__(self) -> str:
        return f"pipe {self.pipe}" if self.table is None else str(self.table)


def _split(text: str) -> list[str]:
    parts: list[str] = []
    position = 0
    while match := _PART.match(text, position):
        parts.append(stored_part(match[0]))
        position = match.end()
        if position == len(text):
            return parts
        if text[position] != ".":
            break
        position += 1
    raise ConfigError(
        f"{text!r} is not a name: parts are separated by single dots, and a part with other characters "
        'than letters, digits, _, $ and - must be in double quotes (DB.SCHEMA."my table")',
        setting="table",
    )
