"""The role and the warehouse of a session; reading them needs no warehouse."""

from __future__ import annotations

from dataclasses import dataclass

from ..rest.of_client import Door
from .catalogue import like_literal


@dataclass(frozen=True, slots=True)
class Session:
    """The role and the warehouse that statements run with, None where there is none."""

    role: str | None
    warehouse: str | None


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A warehouse that a role may see.

    Attributes:
        name: as it is stored.
        state: STARTED, SUSPENDED, or on the way to one of them.
        resumes: whether a statement resumes it.
    """

    name: str
    state: str
    resumes: bool


def current_session(door: Door) -> Session:
    """Return what a statement of this door runs with.

    Raises:
        SqlPrivilegeError: the role that the door requests is not one of its user's.
    """
    found = door.sql("SELECT CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE").to_dict("records")
    names = [found[0].get(name) if found else None for name in ("ROLE", "WAREHOUSE")]
    role, warehouse = (name if isinstance(name, str) and name else None for name in names)
    return Session(role, warehouse)


def find_warehouse(door: Door, name: str) -> Warehouse | None:
    """Return a warehouse by its stored name; None if it does not exist, or not for the door's role."""
    for row in door.sql(f"SHOW WAREHOUSES LIKE {like_literal(name)}").to_dict("records"):
        if row.get("name") == name:
            resumes = str(row.get("auto_resume")).lower() in ("true", "y")
            return Warehouse(name, str(row.get("state")).upper(), resumes)
    return None
