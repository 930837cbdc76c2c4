"""docs/reliability.md has every rule of a load's protocol: its name, its states, the states that follow."""

import re
from pathlib import Path

from snowpipe_pandas.streaming.protocol import RULES, State

DOCS = Path(__file__).parent.parent / "docs"


def states(found):
    """State names in the order in which a load passes them."""
    return ", ".join(state.name.lower() for state in State if state in found)


def test_the_page_has_every_rule_with_its_states():
    section = (DOCS / "reliability.md").read_text().split("## The rules of a load")[1]
    listed = dict(
        re.findall(r"^\| ([a-z ]+) \| ([a-z, ]+ → [a-z, ]+) \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
    )
    rules = {}
    for name in dict.fromkeys(rule.name for rule in RULES):
        named = [rule for rule in RULES if rule.name == name]
        before = {state for rule in named for state in rule.states}
        rules[name] = f"{states(before)} → {states({rule.to for rule in named})}"
    assert listed == rules


def test_the_catalogue_of_failures_is_whole_and_tested():
    numbers = [
        int(number) for number in re.findall(r"^(\d+)\. ", (DOCS / "faults.md").read_text(), re.MULTILINE)
    ]
    assert numbers == list(range(1, 55))
    tests = "".join(path.read_text() for path in (Path(__file__).parent / "faults").glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_(\d\d)_", tests, re.MULTILINE)}
    assert tested == set(numbers)
