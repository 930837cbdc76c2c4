"""What has become of a load's rows, in words: rejected ones first, and only what is known."""

from __future__ import annotations

from ..shown import counted
from .counts import Counts

NOT_REPORTED = "the service does not report how many rows it rejected"


def outcome(counts: Counts) -> str:
    """Say in a clause what has become of the rows that the service has received.

    >>> outcome(Counts(rows_acknowledged=150, rows_in_table=147, rows_rejected=3))
    '3 of 150 rows REJECTED, 147 in the table'
    """
    received, there = counted(counts.rows_acknowledged, "row"), f"{counts.rows_in_table:,}"
    most = "" if counts.rejected_exact else "at most "
    if counts.rows_rejected:
        return f"{rejected(counts)} of {received} REJECTED, {most}{there} in the table"
    if counts.rows_waiting:
        in_table = f", {most}{there} in the table" if counts.rows_in_table else ""
        return f"{received} acknowledged{in_table}"
    return f"{most}{received} in the table"


def nothing_to_send(counts: Counts, load_id: str) -> str:
    """Say what has become of a load whose every row an earlier call has sent."""
    if counts.rows_acknowledged == counts.rows_in_table == 1 and counts.rejected_exact:
        return f"nothing to send: the only row of load {load_id!r} is in the table"
    all_of_them = f"{counted(counts.rows_acknowledged, 'row')} of load {load_id!r}"
    there = f"{counts.rows_in_table:,}"
    if counts.rows_rejected:
        most = "" if counts.rejected_exact else "at most "
        were = "was" if counts.rows_rejected == 1 else "were"
        words = f"of {all_of_them} {most}{there} are in the table, {rejected(counts)} {were} REJECTED"
    elif counts.rejected_exact:
        words = f"all {all_of_them} are in the table"
    else:
        words = f"at most {all_of_them} are in the table: {NOT_REPORTED}"
    return f"nothing to send: {words}"


def rejected(counts: Counts) -> str:
    """Write how many rows were rejected, as far as that is known."""
    return f"{'' if counts.rejected_exact else 'at least '}{counts.rows_rejected:,}"
