"""A finding as text: one column per task, switches marked, who waits for whom, how to replay it."""

from __future__ import annotations

from pytest_racecheck.diagnosis.curve import chart
from pytest_racecheck.diagnosis.sightings import IMPOSSIBLE
from pytest_racecheck.diagnosis.timeline import ellipsis, printable, timeline
from pytest_racecheck.diagnosis.verdict import Explanation, Finding, Verdict
from pytest_racecheck.diagnosis.wrapping import wrap

#: Of the first line of the message of an exception.
MAX_MESSAGE = 500
_TITLES = {
    Verdict.REPRODUCED: "REPRODUCED",
    Verdict.RULED_OUT: "RULED OUT",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
}


def report(finding: Finding, width: int = 80, replay_command: str | None = None) -> str:
    """The whole report; no line is longer than ``width``, except the replay command."""
    lines = _headline(finding, width)
    if finding.odds is not None:
        lines += [
            line for text in finding.odds.sentences() for line in wrap(text, width, "    ", "  ")
        ]
    if finding.failure is not None:
        lines += _failure_lines(finding, width)
    if finding.explanation is not None:
        lines += _explained(finding.explanation, width)
    if finding.story is not None and finding.story.steps:
        lines += ["", *timeline(finding.story, width)]
    if finding.explanation is not None and finding.explanation.curve is not None:
        drawn = chart(finding.explanation.curve, width - 2)
        lines += ["", *(piece for line in drawn for piece in _indented(line, width))]
    lines += _rode_along(finding, width)
    for warning in finding.warnings:
        lines += ["", *wrap(f"warning: {warning}", width, "  ")]
    if finding.schedule is not None:
        command = replay_command or f"replay(body, {finding.schedule!r})"
        lines += ["", f"replay: {command}"]
    return "\n".join(printable(line.rstrip()) for line in lines)


def _explained(why: Explanation, width: int) -> list[str]:
    said = [f"{why.pattern}: {why.sentence}"] if why.pattern else []
    said += [order.sentence for order in why.orders]
    return [line for text in said for line in wrap(text, width, "    ", "  ")]


def _rode_along(finding: Finding, width: int) -> list[str]:
    """The lock order where it may matter, the data races, and what was not confirmed."""
    graph, why, lines = finding.lock_order, finding.explanation, []
    # The report of a body that passes is read by who wants to know everything.
    asked = finding.failure is None or (why is not None and why.curve is not None)
    if graph is not None and (asked or any(c.outcome != IMPOSSIBLE for c in graph.cycles)):
        lines += ["", *(piece for line in graph.drawing() for piece in wrap(line, width, "    "))]
    for race in finding.races:
        lines += ["", *(piece for line in race.told() for piece in wrap(line, width, "      "))]
    for number, one in enumerate(finding.injected):
        lines += [*([] if number else [""]), *wrap(f"injected: {one.told()}", width, "  ")]
    for remark in finding.remarks:
        lines += ["", *wrap(f"remark: {remark}", width, "  ")]
    return lines


def _indented(line: str, width: int) -> list[str]:
    return [f"  {line}"] if len(line) <= width - 2 else wrap(line, width, "    ", "  ")


def _headline(finding: Finding, width: int) -> list[str]:
    title = _TITLES[finding.verdict]
    if finding.verdict is Verdict.REPRODUCED and finding.near_misses is None:
        plural = "" if finding.first_failure == 1 else "s"
        agree = f"{finding.replays[0]} of {finding.replays[1]} replays agree"
        switches = _count(finding.preemptions or 0, "preemption")
        text = f"after {finding.first_failure} execution{plural}, {agree}, {switches}"
    else:
        unit = "execution" if finding.near_misses is None else "run"
        text = f"{finding.reason} [{_count(finding.executions, unit)}]"
    return wrap(f"{title}  {text}", width, "  ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _failure_lines(finding: Finding, width: int) -> list[str]:
    failure = finding.failure
    assert failure is not None
    who = "" if failure.task == "main" else f" in {_named(finding, failure.task)}"
    named = failure.kind if failure.type in ("Deadlock", "Livelock", "Hang") else failure.type
    lines = wrap(f"{named}{who} at {failure.where}", width, "  ")
    if failure.message != failure.type:
        first = failure.message.splitlines()[0]
        text = first if len(first) <= MAX_MESSAGE else first[:MAX_MESSAGE] + ellipsis()
        lines += wrap(printable(text), width, "    ", "  ")
    for wait in failure.waits:
        lines += wrap(f"- {wait}", width - 2, "    ", "  ")
    told = () if finding.near_misses is None else finding.near_misses.told()
    return lines + [piece for line in told for piece in wrap(f"  {line}", width, "      ")]


def _named(finding: Finding, path: str) -> str:
    story = finding.story
    names = {} if story is None else dict(zip(story.paths, story.names, strict=True))
    return f"{path} ({names[path]})" if path in names else path
