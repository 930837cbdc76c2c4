"""The privileges that a load needs, and whether a role holds them; SHOW GRANTS needs no warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SqlError, SqlUnknownError
from ..names import ObjectName, quote_identifier
from ..rest.of_client import Door

EVERYBODYS = ("ROLE", "PUBLIC")
MOST_ROLES = 50
"""How many roles are looked at, with one statement each."""


@dataclass(frozen=True, slots=True)
class Privilege:
    """A privilege on an object.

    Attributes:
        name: such as INSERT.
        kind: TABLE, SCHEMA, DATABASE or PIPE.
        on: the object's full name, as SQL writes it.
    """

    name: str
    kind: str
    on: str

    def __str__(self) -> str:
        return f"{self.name} on {self.kind.lower()} {self.on}"

    def grant(self, role: str) -> str:
        """Return the statement that gives it to a role.

        >>> Privilege("INSERT", "TABLE", "A.B.C").grant("LOADER")
        'GRANT INSERT ON TABLE A.B.C TO ROLE LOADER;'
        """
        return f"GRANT {self.name} ON {self.kind} {self.on} TO ROLE {quote_identifier(role)};"


@dataclass(frozen=True, slots=True)
class Standing:
    """Which privileges a role holds, by itself or through roles granted to it, and which it lacks.

    Attributes:
        unknown: those that it may hold or lack: the role may not see who holds them.
    """

    held: tuple[Privilege, ...]
    missing: tuple[Privilege, ...]
    unknown: tuple[Privilege, ...]


def needed(name: ObjectName, *, pipe: bool = False, evolves: bool = False) -> tuple[Privilege, ...]:
    """Return the privileges needed to stream into a table, or through a pipe of one's own.

    Args:
        name: of the table or pipe.
        pipe: whether it is a pipe.
        evolves: whether the table has ENABLE_SCHEMA_EVOLUTION.
    """
    own = [Privilege("OPERATE", "PIPE", str(name))] if pipe else [Privilege("INSERT", "TABLE", str(name))]
    if evolves:
        own.append(Privilege("EVOLVE SCHEMA", "TABLE", str(name)))
    database = quote_identifier(name.database)
    schema = f"{database}.{quote_identifier(name.schema)}"
    return (*own, Privilege("USAGE", "SCHEMA", schema), Privilege("USAGE", "DATABASE", database))


def standing(door: Door, role: str, privileges: Sequence[Privilege]) -> Standing:
    """Look up who holds privileges, and whether a role is among them.

    Raises:
        SnowpipeError: the service can't be reached, or does not answer.
    """
    roles = _Roles(door, role)
    found = {privilege: _is_held(door, roles, privilege) for privilege in privileges}

    def those(wanted: bool | None) -> tuple[Privilege, ...]:
        return tuple(privilege for privilege, held in found.items() if held is wanted)

    return Standing(those(True), those(False), those(None))


def _is_held(door: Door, roles: _Roles, privilege: Privilege) -> bool | None:
    """Return whether one of the roles holds a privilege, or owns its object; None where that is hidden."""
    try:
        grants = door.sql(f"SHOW GRANTS ON {privilege.kind} {privilege.on}").to_dict("records")
    except SqlUnknownError:
        raise
    except SqlError:
        return None
    holders = {
        _role(row, "granted_to", "grantee_name")
        for row in grants
        if row.get("privilege") in (privilege.name, "OWNERSHIP", "ALL", "ALL PRIVILEGES")
    }
    if any(role in holders for role in roles.all()):
        return True
    return False if roles.complete else None


class _Roles:
    """A role, PUBLIC, and those granted to them; looked up only as far as they are needed.

    Attributes:
        complete: whether `all()` has given all of them.
    """

    def __init__(self, door: Door, role: str) -> None:
        self.complete = False
        self._door = door
        self._known = {("ROLE", role): quote_identifier(role), EVERYBODYS: "PUBLIC"}
        self._asked = 0
        self._hidden = False

    def all(self) -> Iterator[tuple[str, str]]:
        """Yield the roles, each as its kind, ROLE or DATABASE_ROLE, and its name."""
        for number in range(MOST_ROLES):
            if number == len(self._known) and not self._found_more():
                self.complete = not self._hidden
                return
            yield list(self._known)[number]

    def _found_more(self) -> bool:
        """Look up what is granted to the roles that were not looked at yet, until there is one more."""
        before = list(self._known.items())
        for (kind, name), as_sql in before[self._asked :]:
            self._asked += 1
            try:
                grants = self._door.sql(f"SHOW GRANTS TO {kind.replace('_', ' ')} {as_sql}").to_dict(
                    "records"
                )
            except SqlUnknownError:
                raise
            except SqlError:
                self._hidden = self._hidden or (kind, name) != EVERYBODYS
                continue
            for row in grants:
                granted = _role(row, "granted_on", "name")
                if granted[0] in ("ROLE", "DATABASE_ROLE"):
                    self._known.setdefault(granted, _as_sql(granted[0], str(row.get("name"))))
            if len(self._known) > len(before):
                return True
        return False


def _role(row: Mapping[Any, Any], kind_in: str, name_in: str) -> tuple[str, str]:
    """Return the kind and the stored name of a row's role; a database role follows its database's name."""
    kind, name = str(row.get(kind_in)), str(row.get(name_in))
    last = name.rpartition(".")[2] if kind == "DATABASE_ROLE" else name
    return kind, last[1:-1].replace('""', '"') if last.startswith('"') else last


def _as_sql(kind: str, name: str) -> str:
    if name.startswith('"'):
        return name
    return (
        ".".join(map(quote_identifier, name.split(".")))
        if kind == "DATABASE_ROLE"
        else quote_identifier(name)
    )
