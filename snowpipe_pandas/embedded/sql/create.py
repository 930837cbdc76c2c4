"""CREATE TABLE and ALTER TABLE: columns, defaults, constraints and properties, as the account keeps them.

As on the service, PRIMARY KEY, UNIQUE and foreign keys are taken and not enforced; a primary key makes its
columns NOT NULL. What would have to be kept and can't be is refused by name.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from ...errors import UsageError
from .commands import (
    AddColumn,
    AlterTable,
    Change,
    ChangeColumn,
    CreateTable,
    DropColumn,
    RenameColumn,
    RenameTable,
    SetTable,
    SwapTable,
)
from .declared import DeclaredColumn
from .functions import rewritten
from .qualify import Session, qualify
from .types import declared_type

_NOT_ENFORCED = (
    exp.PrimaryKeyColumnConstraint,
    exp.UniqueColumnConstraint,
    exp.Reference,
    exp.CommentColumnConstraint,
)
_TABLE_CONSTRAINTS = (exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint)
_IDENTITIES = (exp.AutoIncrementColumnConstraint, exp.GeneratedAsIdentityColumnConstraint)
_HARMLESS = (
    exp.ClusterProperty,
    exp.CopyGrantsProperty,
    exp.TransientProperty,
    exp.LikeProperty,
)
_HARMLESS_NAMES = frozenset(
    ["DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS", "CHANGE_TRACKING", "COMMENT"]
)
_ALTER_TEXTS = ("PRIMARY KEY", "CLUSTERING KEY", "UNIQUE", "FOREIGN KEY", "CONSTRAINT")


def create_table(tree: exp.Create, session: Session) -> CreateTable:
    """Understand a CREATE TABLE.

    Raises:
        UsageError: names what the local account does not know.
    """
    properties = tree.args.get("properties")
    settings = _settings(properties.expressions if properties else [])
    query = tree.expression
    if query is not None:
        qualify(query, session)
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    columns, names = _columns(schema, session) if schema else ((), ())
    if columns and query is None and names:
        raise UsageError(f"column {names[0]} has no type")
    like = tree.args.get("clone") or (properties and properties.find(exp.LikeProperty))
    return CreateTable(
        session.table((schema or tree).this.parts),
        columns,
        query=None if query is None else to_duckdb(query),
        like=session.table(like.this.parts) if like else None,
        clone=isinstance(like, exp.Clone),
        names=names,
        replace=bool(tree.args.get("replace")),
        if_missing=bool(tree.args.get("exists")),
        error_logging=bool(settings.error_logging),
        evolves=bool(settings.evolves),
        comment=settings.comment or "",
    )


def to_duckdb(tree: exp.Expr) -> str:
    """Write a tree as SQL of DuckDB."""
    return str(rewritten(tree).sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE))


def _columns(schema: exp.Schema, session: Session) -> tuple[tuple[DeclaredColumn, ...], tuple[str, ...]]:
    """Return the declared columns; or the bare names, where a query gives the types."""
    keys: set[str] = set()
    declared: list[DeclaredColumn] = []
    names: list[str] = []
    for part in schema.expressions:
        if isinstance(part, exp.ColumnDef) and part.kind is not None:
            declared.append(_column(part, session))
        elif isinstance(part, exp.Identifier | exp.ColumnDef):
            names.append(part.name)
        else:
            keys |= _key_columns(part)
    _check_names([*(column.name for column in declared), *names])
    if keys:
        declared = [_not_null(column) if column.name in keys else column for column in declared]
    return tuple(declared), tuple(names)


def _not_null(column: DeclaredColumn) -> DeclaredColumn:
    return DeclaredColumn(
        column.name, column.type, False, column.default, column.written_default, column.identity
    )


def _check_names(names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name in seen.values():
            raise UsageError(f"column {name} is declared twice")
        other = seen.setdefault(name.upper(), name)
        if other != name:
            raise UsageError(
                f"the columns {other} and {name}: keys of rows are matched without regard to case, so the "
                "local account takes no two columns whose names differ in case only"
            )


def _key_columns(part: exp.Expr) -> set[str]:
    """Return the columns that a constraint of the table makes NOT NULL."""
    named = part.expressions if isinstance(part, exp.Constraint) else [part]
    for constraint in named:
        if not isinstance(constraint, _TABLE_CONSTRAINTS):
            raise UsageError(f"the local account does not know this constraint: {_shown(constraint)}")
    keys = [constraint for constraint in named if isinstance(constraint, exp.PrimaryKey)]
    return {name.name for key in keys for name in key.expressions}


def _column(part: exp.ColumnDef, session: Session) -> DeclaredColumn:
    name, nullable = part.name, True
    default: tuple[str, str] | None = None
    identity: tuple[int, int] | None = None
    for constraint in part.constraints:
        kind = constraint.kind
        if isinstance(kind, exp.NotNullColumnConstraint):
            nullable = nullable and bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.DefaultColumnConstraint):
            default = default_of(kind.this, session)
        elif isinstance(kind, _IDENTITIES):
            identity = _identity(kind, name)
        elif not isinstance(kind, _NOT_ENFORCED):
            raise UsageError(f"the local account does not know {_shown(kind)} of column {name}")
        nullable = nullable and not isinstance(kind, exp.PrimaryKeyColumnConstraint)
    if part.kind is None:
        raise UsageError(f"column {name} has no type")
    declared = declared_type(part.kind, name)
    if identity is not None and not declared.startswith("NUMBER"):
        raise UsageError(f"column {name}: AUTOINCREMENT and IDENTITY are for NUMBER, not for {declared}")
    computed, written = default or (None, None)
    return DeclaredColumn(name, declared, nullable, computed, written, identity)


def _identity(kind: exp.Expr, column: str) -> tuple[int, int]:
    try:
        start, step = (int(_text(kind.args.get(part)) or 1) for part in ("start", "increment"))
    except ValueError:
        raise UsageError(f"column {column}: START and INCREMENT are whole numbers") from None
    if step == 0:
        raise UsageError(f"column {column}: INCREMENT can't be 0")
    return start, step


def _text(part: exp.Expr | None) -> str:
    return "" if part is None else str(part.sql())


def default_of(tree: exp.Expr, session: Session) -> tuple[str, str]:
    """Return a DEFAULT as DuckDB's SQL, and as it was written.

    Raises:
        UsageError: the local account can't compute it.
    """
    written = _shown(tree)
    holder = exp.Paren(this=tree.copy())  # a column may be replaced as a whole
    qualify(holder, session)
    if holder.find(exp.Column, exp.Query, exp.Command):
        raise UsageError(f"the local account does not know the DEFAULT {written}")
    return to_duckdb(holder.this), written


def _settings(properties: list[exp.Expr]) -> SetTable:
    """Return what is set of what the account keeps; check the other properties."""
    error_logging = evolves = comment = None
    for setting in properties:
        name = setting.name.upper()
        if isinstance(setting, exp.SchemaCommentProperty):
            comment = str(setting.this.name)
            continue
        if isinstance(setting, _HARMLESS):
            continue
        if type(setting) is not exp.Property or name not in (  # its subclasses are other settings
            *_HARMLESS_NAMES,
            "ERROR_LOGGING",
            "ENABLE_SCHEMA_EVOLUTION",
        ):
            raise UsageError(f"the local account does not know {_property(setting)} of a table")
        value = setting.args["value"]
        on = isinstance(value, exp.Boolean) and bool(value.this)
        if name == "ERROR_LOGGING":
            error_logging = on
        elif name == "ENABLE_SCHEMA_EVOLUTION":
            evolves = on
    return SetTable(error_logging, evolves, comment)


def _property(setting: exp.Expr) -> str:
    if type(setting) is exp.Property:
        return setting.name.upper()
    return type(setting).__name__.removesuffix("Property").upper()


def _shown(tree: exp.Expr) -> str:
    return str(tree.sql(dialect="snowflake"))[:80]


def alter_table(tree: exp.Alter, session: Session) -> AlterTable:
    """Understand an ALTER TABLE.

    Raises:
        UsageError: names what the local account does not know.
    """
    changes: list[Change] = []
    for action in tree.args.get("actions") or []:
        changes += _changes(action, session)
    return AlterTable(session.table(tree.this.parts), tuple(changes), bool(tree.args.get("exists")))


def _changes(action: exp.Expr, session: Session) -> list[Change]:
    if isinstance(action, exp.ColumnDef):
        return [AddColumn(_column(action, session), bool(action.args.get("exists")))]
    if isinstance(action, exp.Drop) and action.args.get("kind") == "COLUMN":
        there = bool(action.args.get("exists"))
        return [DropColumn(column.name, there) for column in action.args.get("tables") or []]
    if isinstance(action, exp.RenameColumn):
        return [RenameColumn(action.this.name, action.args["to"].name)]
    if isinstance(action, exp.AlterRename | exp.SwapTable):
        other = session.table(action.this.parts)
        return [SwapTable(other) if isinstance(action, exp.SwapTable) else RenameTable(other)]
    if isinstance(action, exp.AlterColumn):
        return _column_changes(action, session)
    if isinstance(action, exp.AlterSet | exp.Set):
        return _set(action)
    if isinstance(action, exp.AddConstraint):
        for constraint in action.expressions:
            _key_columns(constraint)
        return []
    if _is_key(action):
        return []
    raise UsageError(f"the local account does not know this change of a table: {_shown(action)}")


def _is_key(action: exp.Expr) -> bool:
    """Return whether it is about a clustering key, or drops a constraint: nothing is kept of them."""
    if isinstance(action, exp.ClusterProperty):
        return True
    if isinstance(action, exp.Drop):
        return action.args.get("kind") == "CONSTRAINT"
    return isinstance(action, exp.Command) and str(action.expression).strip().upper().startswith(_ALTER_TEXTS)


def _column_changes(action: exp.AlterColumn, session: Session) -> list[Change]:
    name, arguments = action.this.name, action.args
    if arguments.get("dtype") is not None:
        return [ChangeColumn(name, type=declared_type(arguments["dtype"], name))]
    if arguments.get("allow_null") is not None:
        return [ChangeColumn(name, nullable=bool(arguments["allow_null"]))]
    if arguments.get("default") is not None:
        return [ChangeColumn(name, default=default_of(arguments["default"], session))]
    if arguments.get("drop"):
        return [ChangeColumn(name, drop_default=True)]
    if arguments.get("comment") is not None:
        return []
    raise UsageError(f"the local account does not know this change of a column: {_shown(action)}")


def _set(action: exp.AlterSet | exp.Set) -> list[Change]:
    if isinstance(action, exp.Set):
        unset = [part.name.upper() for part in action.expressions]
        unknown = [name for name in unset if name not in _HARMLESS_NAMES]
        if not action.args.get("unset") or unknown:
            raise UsageError(f"the local account does not know {', '.join(unknown) or 'this'} of a table")
        return [SetTable(comment="")] if "COMMENT" in unset else []
    settings = [part for group in action.expressions for part in (group.expressions or [group])]
    if not settings:
        raise UsageError(f"the local account does not know this change of a table: {_shown(action)}")
    return [_settings(settings)]
