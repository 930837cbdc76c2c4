"""What a statement runs with: names as the service stores them, None for the user's own defaults."""

from __future__ import annotations

from dataclasses import dataclass

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
    def of_settings(
        cls, database: str | None, schema: str | None, warehouse: str | None, role: str | None
    ) -> Context:
        """Return what a client's settings say; warehouse and role as SQL would read these names."""
        return cls(database, schema, warehouse and stored_part(warehouse), role and stored_part(role))
