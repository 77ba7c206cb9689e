"""Heartbeat latencies as a table of bars, in the terminal and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Upper ends of the bins in seconds; the last holds what is later than the master waits.
BINS_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, math.inf)
FULL, EMPTY = "█", "·"


@dataclass(frozen=True, slots=True)
class Row:
    """One policy: how many heartbeats fell into each bin, and the seconds of three of them."""

    policy: str
    counts: tuple[int, ...]
    unsent: int
    median_s: float
    p90_s: float
    worst_s: float


def row(policy: str, latencies_s: Sequence[float], unsent: int) -> Row:
    """The row of the measured latencies; `unsent` heartbeats never got out."""
    counts = [0] * len(BINS_S)
    for latency_s in latencies_s:
        counts[next(at for at, end_s in enumerate(BINS_S) if latency_s <= end_s)] += 1
    ordered = sorted(latencies_s)
    return Row(
        policy,
        tuple(counts),
        unsent,
        quantile(ordered, 0.5),
        quantile(ordered, 0.9),
        ordered[-1] if ordered else math.nan,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; nan of none."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def seconds(value_s: float) -> str:
    """A latency in the unit that fits: "0.6 ms", "1.01 s", "-" for none."""
    if math.isnan(value_s):
        return "-"
    return f"{value_s:.2f} s" if value_s >= 1 else f"{value_s * 1000:.3g} ms"


def bin_names() -> list[str]:
    """The columns: "≤ 1 ms", ... and "> 3 s"."""
    return [
        f"> {seconds_short(BINS_S[at - 1])}" if math.isinf(end_s) else f"≤ {seconds_short(end_s)}"
        for at, end_s in enumerate(BINS_S)
    ]


def seconds_short(value_s: float) -> str:
    """A bin's end: "30 ms", "3 s"."""
    return f"{value_s:g} s" if value_s >= 1 else f"{value_s * 1000:g} ms"


def bar(count: int, total: int, width: int = 5) -> str:
    """A bar of `width` characters; a count that is not 0 is never drawn empty."""
    filled = math.ceil(width * count / total) if total else 0
    return FULL * filled + EMPTY * (width - filled)


def svg(rows: Sequence[Row], title: str) -> str:
    """The picture: a row of bars a policy, one column a bin, and the worst in words."""
    left, cell, height, top = 230, 70, 46, 70
    wide, tall = left + cell * len(BINS_S) + 110, top + height * len(rows) + 20
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" '
        f'width="{wide}" height="{tall}" font-family="sans-serif" font-size="12">',
        f'<rect width="{wide}" height="{tall}" fill="white"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{_escaped(title)}</text>',
    ]
    for at, name in enumerate(bin_names()):
        x = left + cell * at + cell // 2
        out.append(f'<text x="{x}" y="52" text-anchor="middle" fill="#555">{_escaped(name)}</text>')
    out.append(f'<text x="{wide - 12}" y="52" text-anchor="end" fill="#555">worst</text>')
    for at, one in enumerate(rows):
        out += _bars(one, top + height * at, (left, cell, height, wide))
    return "\n".join([*out, "</svg>"]) + "\n"


def _bars(one: Row, y: int, measures: tuple[int, int, int, int]) -> list[str]:
    left, cell, height, wide = measures
    base, total = y + height - 10, sum(one.counts) + one.unsent
    out = [
        f'<text x="12" y="{y + 18}">{_escaped(one.policy)}</text>',
        f'<line x1="{left}" y1="{base}" x2="{wide - 110}" y2="{base}" stroke="#ccc"/>',
    ]
    for at, count in enumerate(one.counts):
        if count:
            tall = max(2, round((height - 18) * count / total))
            late = at == len(one.counts) - 1
            out.append(
                f'<rect x="{left + cell * at + 6}" y="{base - tall}" width="{cell - 12}" '
                f'height="{tall}" fill="{"#c0392b" if late else "#2c7fb8"}">'
                f"<title>{count} of {total}</title></rect>"
            )
    worst = f"{one.unsent} never" if one.unsent else seconds(one.worst_s)
    out.append(f'<text x="{wide - 12}" y="{base}" text-anchor="end">{_escaped(worst)}</text>')
    return out


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
