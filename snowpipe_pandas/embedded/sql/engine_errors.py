"""The engine's refusals of a statement, in words of the local account."""

from __future__ import annotations

import re

import duckdb

from ..internal import HIDDEN, MARK

_KNOWN = (
    (r"(?:Table|View) with name \"?(?P<name>.+?)\"? does not exist", "table {name} does not exist"),
    (r"(?:Table|View|Sequence) with name \"?(?P<name>.+?)\"? already exists", "{name} exists already"),
    (r"Sequence with name (?P<name>.+?) does not exist", "sequence {name} does not exist"),
    (r"Schema with name (?P<name>.+?) does not exist", "schema {name} does not exist"),
    (r"Schema with name \"?(?P<name>.+?)\"? already exists", "schema {name} exists already"),
    (
        r"\w+ Function with name (?P<name>.+?) does not exist",
        "the local account does not know the function {name}",
    ),
    (r"Referenced column \"(?P<name>.+?)\" (?:was )?not found", "there is no column {name}"),
    (
        r"Table \"(?P<table>.+?)\" does not have a column (?:named|with name) \"(?P<name>.+?)\"",
        "there is no column {name}",
    ),
    (
        r"NOT NULL constraint (?:failed|violation): (?:\S+\.)?(?P<name>\S+)",
        "column {name} is NOT NULL and has no value",
    ),
    (r"Could not convert (?P<what>.+)", "can't convert {what}"),
    (r"Cannot drop entry \"(?P<name>.+?)\" because", "{name} is used by a table; drop that first"),
)


def in_our_words(error: duckdb.Error) -> str:
    """Return the message for a failed statement: no position, no hint, no name of the account's own.

    >>> in_our_words(duckdb.CatalogException("Catalog Error: Table with name X does not exist!"))
    'the SQL failed: table X does not exist'
    """
    text = str(error).partition("\n")[0]
    if isinstance(error, duckdb.ParserException | duckdb.NotImplementedException):
        near = re.search(r'at or near "(.+?)"', text)
        return "the local account does not know this SQL" + (f", near {near[1]!r}" if near else "")
    for pattern, ours in _KNOWN:
        if found := re.search(pattern, text):
            message = ours.format(**found.groupdict())
            break
    else:
        message = re.sub(r"^[A-Z]\w+(?: \w+)? Error: ", "", text)
    message = re.sub(rf"{MARK}[0-9a-f]*", "", message.replace(HIDDEN, ""))
    return f"the SQL failed: {message}"
