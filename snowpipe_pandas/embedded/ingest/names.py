"""The names of a batch: which column of the table a row's key means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..sql.declared import DeclaredColumn


class Names:
    """What keys mean: columns by their position in the table.

    Args:
        target: the table's columns.
        mapping: the keys of a pipe of its own and the columns they fill, spelled exactly so. None: keys mean
            columns by name, without regard to case unless a column has just this name.

    Attributes:
        ignores_others: whether keys that mean no column are left out; else they are a problem of their row.

    Raises:
        LookupError: the mapping names a column that the table does not have.
    """

    def __init__(self, target: Sequence[DeclaredColumn], mapping: Mapping[str, str] | None) -> None:
        positions = {column.name: position for position, column in enumerate(target)}
        self.ignores_others = mapping is not None
        self._folded: dict[str, int] = {}
        if mapping is None:
            self._exact = positions
            for name, position in positions.items():
                self._folded.setdefault(folded(name), position)
            return
        gone = sorted(set(mapping.values()) - set(positions))
        if gone:
            raise LookupError(f"the pipe fills the column {gone[0]}, which its table does not have")
        self._exact = {key: positions[name] for key, name in mapping.items()}

    def find(self, key: str) -> int | None:
        """Return the column that a key means, None where it means none."""
        found = self._exact.get(key)
        return self._folded.get(folded(key)) if found is None else found


def folded(name: str) -> str:
    """Return a name without its case; letters that have no single capital (`ß`) stay themselves."""
    upper = name.upper()
    if len(upper) == len(name):
        return upper
    return "".join(capital if len(capital := letter.upper()) == 1 else letter for letter in name)


class Spellings:
    """The one key by which each column's values are read; other spellings are brought to it first.

    Args:
        names: what keys mean.

    Attributes:
        keys: by column. A struct of DuckDB's has no field without a name, and no two that differ in case
            only: columns whose keys are such are read by another key, which no row has.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._own: dict[str, int] = {}
        self._taken: set[str] = set()
        self.keys: dict[int, str] = {}

    def learn(self, keys: Iterable[str]) -> None:
        """Learn the columns that keys mean; a column's first key is the one that stays."""
        for key in keys:
            column = self._names.find(key)
            if column is None or column in self.keys:
                continue
            if key and "\0" not in key and folded(key) not in self._taken:
                self._own[key] = column
                self.keys[column] = key
            else:
                self.keys[column] = self._free(column)
            self._taken.add(folded(self.keys[column]))

    def must_change(self, key: str) -> bool:
        """Return whether a row with this key can't be read as it is."""
        if key in self._own:
            return False
        return self._names.find(key) is not None or key in self.keys.values()

    def own_key(self, key: str) -> str | None:
        """Return the key by which the values are read that a row has for `key`; None: they are not read."""
        column = self._names.find(key)
        return None if column is None else self.keys[column]

    def usual(self) -> list[str]:
        """Return the keys that a row may have as they are."""
        return list(self._own)

    def _free(self, column: int) -> str:
        free = str(column)
        while free in self._taken or self._names.find(free) is not None:
            free += "_"
        return free


def most_usual(shapes: Iterable[list[str]]) -> tuple[list[str], list[str]]:
    """Return the most usual list of keys among rows', and all of their keys, the most usual ones first."""
    rows = Counter(tuple(keys) for keys in shapes)
    keys: Counter[str] = Counter()
    for shape, count in rows.most_common():
        for key in shape:
            keys[key] += count
    return list(rows.most_common(1)[0][0]) if rows else [], [key for key, _ in keys.most_common()]
