"""One table, as loads reach it by SQL: its properties, how it is created, and how it is replaced."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..names import ObjectName
from ..rest.of_client import Door
from ..target_column import TargetColumn
from .catalogue import create_table_if_missing, describe_table, records

LOOK_S = 15.0
"""How long a statement about a table may take."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What SHOW TABLES shows of a table.

    Attributes:
        comment: its comment, "" for none.
        evolves: whether it has ENABLE_SCHEMA_EVOLUTION, None where that is not shown.
        kind: "TABLE", "TRANSIENT" or another word of the service.
    """

    comment: str
    evolves: bool | None
    kind: str


class Table:
    """A table; nothing is sent before a method is called.

    Args:
        door: runs the statements. Only `count` needs a warehouse.
        name: the table's name.

    Every method raises SnowpipeError where its statement fails.
    """

    def __init__(self, door: Door, name: ObjectName) -> None:
        self.name = name
        self._door = door

    def __str__(self) -> str:
        return str(self.name)

    def columns(self) -> tuple[TargetColumn, ...]:
        """Return its columns in order."""
        return describe_table(self._door, self.name, timeout_s=LOOK_S)

    def facts(self) -> TableFacts | None:
        """Return its properties, None if it does not exist or the role may not see it."""
        name = self.name
        like = _text(re.sub(r"([\\%_])", r"\\\1", name.name))
        schema = str(replace(name, name="X")).rpartition(".")[0]
        shown = f"SHOW TABLES LIKE {like} IN SCHEMA {schema}"
        for row in records(self._door, shown, ("name", "comment", "kind"), timeout_s=LOOK_S):
            if row["name"] == name.name:  # the service's LIKE ignores case
                evolves = row.get("enable_schema_evolution")
                return TableFacts(
                    row["comment"] if isinstance(row["comment"], str) else "",
                    evolves == "Y" if isinstance(evolves, str) else None,
                    str(row["kind"]),
                )
        return None

    def make(self, ddl: str) -> None:
        """Create it if it is missing; an existing one stays as it is."""
        create_table_if_missing(self._door, ddl)

    def make_like(self, other: ObjectName, *, comment: str, transient: bool) -> None:
        """Create it with the columns, defaults and grants of another table, without its rows."""
        kind = "TRANSIENT TABLE" if transient else "TABLE"
        self._door.sql(f"CREATE {kind} {self.name} LIKE {other} COPY GRANTS COMMENT = {_text(comment)}")

    def set_comment(self, comment: str) -> None:
        """Set its comment."""
        self._door.sql(f"ALTER TABLE {self.name} SET COMMENT = {_text(comment)}")

    def keep_rejected(self, *, evolves: bool) -> None:
        """Set it to keep rejected rows in its error table, and to evolve if `evolves`."""
        also = " ENABLE_SCHEMA_EVOLUTION = TRUE" if evolves else ""
        self._door.sql(f"ALTER TABLE {self.name} SET ERROR_LOGGING = TRUE{also}")

    def count(self) -> int:
        """Count its rows."""
        return int(self._door.sql(f"SELECT COUNT(*) AS N FROM {self.name}")["N"][0])  # noqa: S608

    def swap_with(self, other: ObjectName) -> None:
        """Swap the names of the two tables, in one transaction."""
        self._door.sql(f"ALTER TABLE {self.name} SWAP WITH {other}")

    def drop(self) -> None:
        """Drop it, if it exists."""
        self._door.sql(f"DROP TABLE IF EXISTS {self.name}")


def _text(value: str) -> str:
    """Return a text as a SQL literal, in which a backslash escapes."""
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
