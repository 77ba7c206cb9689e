"""Two ways to read on from where a reader stopped: by time of creation, and by what is settled.

The first loses what was created before and committed after.  The second reads only rows whose
transaction is older than every one that runs (``pg_snapshot_xmin``), in the order of these.
"""

from __future__ import annotations

from typing import Any

_CREATED_AT = """
select created_at, id, payload from message where (created_at, id) > (%s, %s)
order by created_at, id
"""
_XID_HORIZON = """
select xid::text::bigint, id, payload from message
where (xid::text::bigint, id) > (%s, %s) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid::text::bigint, id
"""
#: The query of each, and the place before all messages.
CURSORS: dict[str, tuple[str, tuple[Any, int]]] = {
    "created_at": (_CREATED_AT, ("-infinity", 0)),
    "xid_horizon": (_XID_HORIZON, (0, 0)),
}


def deliver(
    connection: Any, cursor: str, place: tuple[Any, int] | None = None
) -> tuple[list[str], tuple[Any, int]]:
    """The payloads after ``place`` (None: all there are), and the place to go on from."""
    query, start = CURSORS[cursor]
    here = place or start
    rows = connection.execute(query, here).fetchall()
    connection.commit()
    if rows:
        here = (rows[-1][0], rows[-1][1])
    return [payload for _, _, payload in rows], here
