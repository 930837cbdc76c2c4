"""docs/notebooks.md names every event with all that it carries."""

import re
from dataclasses import fields
from pathlib import Path

from snowpipe_pandas import events

PAGE = Path(__file__).parents[2] / "docs" / "notebooks.md"


def test_the_page_has_every_event_and_its_fields():
    rows = re.findall(r"^\| `([A-Z]\w+)` \|[^|]*\|([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    named = {name: {word.strip() for word in members.split(",")} for name, members in rows}
    kinds = [k for k in vars(events).values() if isinstance(k, type) and issubclass(k, events.Event)]
    for kind in set(kinds) - {events.Event}:
        own = {f.name for f in fields(kind)} - {f.name for f in fields(events.Event)}
        assert own <= named[kind.__name__]
