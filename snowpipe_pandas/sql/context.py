"""What a statement runs with: names as the service stores them, None for the user's own defaults."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Settings
from ..names import stored_part


@dataclass(frozen=True, slots=True)
class Context:
    """Database and schema that names leave out, the warehouse and the role."""

    database: str | None = None
    schema: str | None = None
    warehouse: str | None = None
    role: str | None = None

    def fields(self) -> dict[str, str]:
        """Return the fields of a request that have a value."""
        named = {
            "database": self.database,
            "schema": self.schema,
            "warehouse": self.warehouse,
            "role": self.role,
        }
        return {name: value for name, value in named.items() if value}

    @classmethod
    def of(cls, settings: Settings) -> Context:
        """Return what a client's settings say; warehouse and role as SQL would read them there."""
        return cls(
            settings.database,
            settings.schema,
            settings.warehouse and stored_part(settings.warehouse),
            settings.role and stored_part(settings.role),
        )
