"""Snapshots to draw, and what reads the HTML that comes out."""

from dataclasses import replace
from html.parser import HTMLParser

from snowpipe_pandas.display import panel
from snowpipe_pandas.events import TokenLife
from snowpipe_pandas.streaming.history import Sample
from snowpipe_pandas.streaming.progress import Progress

GOOD = TokenLife(expires_in_s=3541.0, life_s=3600.0, margin_s=360.0, age_s=59.0, reason="first use")
DUE = TokenLife(expires_in_s=300.0, life_s=3600.0, margin_s=360.0, age_s=3300.0, reason="first use")
EXPIRED = TokenLife(expires_in_s=-4.0, life_s=3600.0, margin_s=360.0, age_s=3604.0, reason="first use")
ENDLESS = TokenLife(
    expires_in_s=float("inf"), life_s=float("inf"), margin_s=360.0, age_s=5.0, reason="first use"
)

ASSUMED = replace(GOOD, assumed=True)

HALF = Progress(
    target="DEMO.PUBLIC.FLIGHTS",
    load_id="flights-2013",
    channel="notebook-1",
    account="LOCAL",
    user="DEMO_USER",
    fingerprint="SHA256:lgoxN4WkLgW3ovixwVM4iMskyBgawGf8yQD78WgFKlA=",
    phase="sending",
    rows_total=1000,
    rows_skipped=100,
    rows_sent=400,
    rows_acknowledged=500,
    rows_in_table=300,
    raw_bytes=8_000_000,
    sent_bytes=2_000_000,
    requests=4,
    retries=1,
    token_sent="flights-2013:500:0123456789abcdef",
    token_committed="flights-2013:300:fedcba9876543210",
    seconds=2.0,
    recent_bytes_per_s=4_000_000.0,
    samples=(Sample(0.0, 0, 0), Sample(1.0, 5_000_000, 150), Sample(2.0, 8_000_000, 200)),
    tokens={"jwt": GOOD, "scoped": GOOD},
)

DONE = replace(
    HALF,
    phase="done",
    rows_sent=900,
    rows_acknowledged=1000,
    rows_in_table=1000,
    token_sent="flights-2013:1000:aaaa",
    token_committed="flights-2013:1000:aaaa",
)
REJECTED = replace(
    DONE, rows_in_table=993, rows_rejected=7, rejected_message="NULL result in a non-nullable column"
)
COUNT_UNKNOWN = replace(DONE, rejected_exact=False)
AGAIN = replace(DONE, rows_skipped=1000, rows_sent=0, raw_bytes=0, sent_bytes=0, requests=0, samples=())
AGAIN_REJECTED = replace(AGAIN, rows_in_table=993, rows_rejected=7)
NOT_WAITED_FOR = replace(DONE, rows_in_table=0, rows_skipped=0, rows_sent=1000, token_committed=None)
UNKNOWN = replace(HALF, rows_total=None)


def part(number, *, of=8, **changes):
    """A part of a load through several channels, as far as its number and the changes say."""
    rows = 50_000 + number
    there = rows * (20 + 7 * number % 60) // 100
    state = {
        "rows_total": rows,
        "rows_skipped": 0,
        "rows_sent": there + 1000,
        "rows_acknowledged": there + 1000,
        "rows_in_table": there,
        "raw_bytes": 1_000_000 * number,
        "recent_bytes_per_s": 100_000.0 * number,
        "retries": 0,
        "token_sent": None,
        "token_committed": None,
        "samples": (),
        "channel": f"flights-2013/{number}-of-{of}",
    }
    return replace(HALF, **(state | changes))


def in_parts(*parts, **changes):
    """A load through several channels, with the totals of its parts."""
    counts = {
        name: sum(getattr(part, name) for part in parts)
        for name in (
            *("rows_total", "rows_sent", "rows_acknowledged", "rows_in_table", "rows_rejected"),
            *("raw_bytes", "requests", "retries", "throttles", "reopens", "recent_bytes_per_s"),
        )
    }
    own = {"rows_skipped": 0, "token_sent": None, "token_committed": None, "channel": parts[0].channel}
    return replace(HALF, parts=parts, **(own | counts | changes))


def all_in_table(progress):
    """A part, or a load, as it is when it is done."""
    rows = progress.rows_total
    return replace(progress, phase="done", rows_sent=rows, rows_acknowledged=rows, rows_in_table=rows)


NOTHING_YET = {
    "rows_sent": 0,
    "rows_acknowledged": 0,
    "rows_in_table": 0,
    "raw_bytes": 0,
    "recent_bytes_per_s": 0.0,
}
EIGHT = in_parts(
    all_in_table(part(1)),
    part(2, throttles=3, retries=2),
    part(3, phase="failed", message="the channel was opened by another writer"),
    part(4),
    part(5, rows_rejected=7, rejected_message="column NAME is NOT NULL and has no value"),
    part(6, reopens=1),
    part(7, phase="committing"),
    part(
        8,
        phase="preparing",
        rows_sent=0,
        rows_acknowledged=0,
        rows_in_table=0,
        raw_bytes=0,
        recent_bytes_per_s=0.0,
    ),
    rejected_message="column NAME is NOT NULL and has no value",
)
MANY = in_parts(
    *(all_in_table(part(n, of=32)) for n in range(1, 6)),
    part(6, of=32, phase="failed", message="the disk is full"),
    *(part(n, of=32) for n in range(7, 33)),
)
MANY_DONE = replace(all_in_table(MANY), parts=tuple(map(all_in_table, MANY.parts)))
EIGHT_DONE = replace(all_in_table(EIGHT), rows_rejected=0, parts=tuple(map(all_in_table, MANY.parts[:8])))

_VOID = {"br", "col", "img"}


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.elements, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    """Return a page's elements and its text; every element must be closed."""
    reader = _Reader()
    reader.feed(html.replace("<wbr>", ""))  # a possible line break is not a space
    reader.close()
    assert reader.open == []
    return reader.elements, " ".join(" ".join(reader.text).split())


def with_role(html, role):
    """The attributes of the elements that have a role."""
    return [attributes for _, attributes in read(html)[0] if attributes.get("role") == role]


def whole(progress):
    """A load as it is drawn while it runs: its first line, what needs attention, and everything else."""
    return panel.line(progress) + panel.notes(progress) + panel.details(progress)
