"""The parts of docs/performance.md that numbers make."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"


def renew(name: str, lines: list[str]) -> None:
    """Write lines between the marks of a part, which must be there."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, _, rest = PAGE.read_text().partition(begin)
    after = rest.partition(end)[2]
    if not after:
        raise LookupError(f"{PAGE.name} has no part {name!r}")
    PAGE.write_text("\n".join([before + begin, "", *lines, "", end + after]))
