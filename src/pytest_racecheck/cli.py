"""The command `racecheck`: reads the command line, calls who knows, makes errors a sentence."""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pytest_racecheck import __version__
from pytest_racecheck.catalogue import scenario as words
from pytest_racecheck.catalogue.claims import read_claims
from pytest_racecheck.catalogue.find import read_all, scenarios_folder
from pytest_racecheck.catalogue.jobs import Wishes
from pytest_racecheck.catalogue.names import did_you_mean
from pytest_racecheck.catalogue.own import check_form
from pytest_racecheck.catalogue.requirements import DRAFT_SITE_VARIABLE
from pytest_racecheck.catalogue.show import claim_lines, scenario_lines
from pytest_racecheck.errors import RacecheckError, UsageError

STATUSES = """exit status:
  0  every variant kept its promise; every guard holds
  1  one did not; a race is back
  2  misuse: one sentence on stderr says what and what to do
  3  something could not be run here; the report names the command that would enable it
  4  a guard cannot tell: nothing to guard was found, or the code has moved too far
  130, 143  interrupted (Ctrl-C, SIGTERM); what was judged until then is reported"""
BROKEN_PIPE_STATUS = 141
LONGEST_SCHEDULE = 1_000_000
REPLAY_MODES = ("exact", "tolerant", "prefix", "around")  # the engine has them; it is loaded late


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (that of the process when None) and give its exit status."""
    if os.environ.get(DRAFT_SITE_VARIABLE):  # before anything can import zmq
        sys.path.insert(0, os.environ[DRAFT_SITE_VARIABLE])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a quotation mark must not end it in ASCII
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = _read(list(sys.argv[1:] if argv is None else argv))
        status = int(arguments.action(arguments))
        sys.stdout.flush()
        return status
    except RacecheckError as problem:
        print(f"racecheck: {problem}", file=sys.stderr)
        return problem.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `racecheck list | head`: whoever reads has had enough
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_STATUS


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, raised and not printed."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{message} (racecheck {self.prog.partition(' ')[2]} --help)".replace("  ", " ")
        )


def _read(argv: list[str]) -> argparse.Namespace:
    parser, commands = _parser()
    first = next((word for word in argv if not word.startswith("-")), None)
    if first is not None and first not in commands:
        raise UsageError(f"unknown command {first!r}: {did_you_mean(first, commands)}")
    arguments, foreign = parser.parse_known_args(argv)
    if arguments.command is None:
        raise UsageError(f"name a command: {', '.join(commands)} (racecheck --help)")
    if foreign:
        options = commands[arguments.command]._option_string_actions
        near = did_you_mean(foreign[0], [name for name in options if name.startswith("--")])
        raise UsageError(f"{arguments.command}: unknown argument {foreign[0]!r}: {near}")
    return arguments


def _parser() -> tuple[_Parser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(
        prog="racecheck",
        description="Explores the thread schedules of documented systems and judges the findings.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"racecheck {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (add_options, sentence) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=sentence,
            description=sentence[0].upper() + sentence[1:] + ".",
            epilog=STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add_options(command)
    return parser, dict(commands.choices)


def _list_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_list)
    command.add_argument(
        "--anomaly", metavar="X", type=_word(words.ANOMALIES), help="only scenarios of this anomaly"
    )
    command.add_argument("-v", "--verbose", action="store_true", help="with story and source")
    _scenarios_option(command)


def _run_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_run)
    command.add_argument(
        "names", metavar="SCENARIO[/VARIANT]", nargs="*", help="what to run (default: everything)"
    )
    command.add_argument(
        "--mode", type=_word(words.MODES), metavar="MODE", help="controlled or free (default: both)"
    )
    command.add_argument("--executions", metavar="N", type=_whole(1),
                         help="executions of a search; runs in free mode")  # fmt: skip
    command.add_argument("--seconds", metavar="S", type=_seconds, help="budget of one search")
    command.add_argument("--strategy", metavar="NAME", type=_word(words.STRATEGIES),
                         help="instead of the declared one")  # fmt: skip
    command.add_argument("-v", "--verbose", action="store_true",
                         help="tell every finding, not only the broken promises")  # fmt: skip
    _search_options(command)
    _work_options(command)
    _system_option(command)
    _scenarios_option(command)


def _replay_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_replay)
    command.add_argument("name", metavar="SCENARIO/VARIANT")
    command.add_argument("schedule", metavar="SCHEDULE", help="the text from the report")
    command.add_argument("--mode", metavar="MODE", type=_word(REPLAY_MODES),
                         help="exact (default), tolerant, prefix or around")  # fmt: skip
    command.add_argument("--upto", metavar="N", type=_whole(0),
                         help="how many choices the mode prefix follows")  # fmt: skip
    _search_options(command)
    _system_option(command)
    _scenarios_option(command)


def _explain_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_explain)
    command.add_argument("name", metavar="TEST|SCENARIO/VARIANT")
    command.add_argument("schedule", metavar="SCHEDULE", nargs="?", help="the text from a report")
    command.add_argument("--json", action="store_true", help="the finding as JSON instead")
    _search_options(command)
    _scenarios_option(command)


def _guard_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_guard)
    command.add_argument(
        "names", metavar="TEST|FILE", nargs="*", help="the test to guard; with --check: guard files"
    )
    command.add_argument(
        "--check", action="store_true", help="check guards (default: all in tests/guards)"
    )
    command.add_argument(
        "--before", metavar="REV", help="record the race at this revision; it must be gone here"
    )
    command.add_argument(
        "--output", metavar="FILE", help="where the guard goes (default: tests/guards/NAME.json)"
    )


def _claims_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_claims)
    command.add_argument(
        "--run", action="store_true", help="judge the variants that back the claims, too"
    )
    _work_options(command)
    _scenarios_option(command)


def _doctor_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_doctor)
    command.add_argument("--enable", metavar="WHAT", help="zmq-draft")
    command.add_argument("--source", metavar="S", help="a file or URL with the sources")


_COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "list": (_list_options, "show the scenarios, their variants and what they promise"),
    "run": (_run_options, "run variants and compare what is found with what they promise"),
    "replay": (_replay_options, "follow one recorded schedule of a variant once more"),
    "explain": (_explain_options, "say why a test or a variant fails, and where that was decided"),
    "guard": (_guard_options, "keep a race that a test found, and check that it stays away"),
    "claims": (_claims_options, "show what the documents claim, and our verdict on each claim"),
    "doctor": (_doctor_options, "say what is missing here, and enable it"),
}


def _system_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--system", metavar="MODULE:NAME",
                         help="a system of your own in the place of the fixed variant")  # fmt: skip


def _own_system(arguments: argparse.Namespace) -> str | None:
    """The user's system, which is found as `python -m` would find it."""
    system: str | None = arguments.system
    if system is not None:
        check_form(system)
        if not getattr(arguments, "names", True):
            raise UsageError("--system: name the scenario that it is to be run in")
        sys.path.insert(0, os.getcwd())
    return system


def _scenarios_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--scenarios", metavar="DIR", help="a folder of scenarios of your own")


def _search_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--transport", metavar="T", type=_word(words.TRANSPORTS),
                         help="inproc, tcp or ipc instead of the declared ones")  # fmt: skip
    command.add_argument("--points", metavar="P", type=_word(words.POINTS),
                         help="sync or access")  # fmt: skip
    command.add_argument("--seed", metavar="N", type=_whole(0), default=0)


def _work_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", metavar="FILE", help='write the findings there ("-": stdout)')
    command.add_argument("-n", dest="workers", metavar="WORKERS", type=_whole(1),
                         default=_workers(), help="how many variants at a time")  # fmt: skip


def _word(known: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"unknown {text!r}: {did_you_mean(text, known)}")
        return text

    return read


def _whole(minimum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < minimum:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected a whole number, {minimum} or more"
            )
        return int(text)

    return read


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        number = float(text)
        if math.isfinite(number) and number > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r}: expected a number of seconds above 0")


def _workers() -> int:
    """Two for each processor that this process may use: half of the runs wait for a deadline."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(2 * cpus, 8)


def _list(arguments: argparse.Namespace) -> int:
    scenarios = read_all(scenarios_folder(arguments.scenarios))
    chosen = [one for one in scenarios if arguments.anomaly in (None, one.anomaly)]
    for scenario in chosen:
        print("\n".join(scenario_lines(scenario, verbose=arguments.verbose)) + "\n")
    variants = sum(len(scenario.variants) for scenario in chosen)
    print(f"{len(chosen)} scenarios, {variants} variants")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from pytest_racecheck import cli_run  # late: `list` and `doctor` do without it

    wishes = Wishes(
        mode=arguments.mode,
        transport=arguments.transport,
        executions=arguments.executions,
        seconds=arguments.seconds,
        strategy=arguments.strategy,
        points=arguments.points,
        seed=arguments.seed,
        scenarios=arguments.scenarios,
        system=_own_system(arguments),
    )
    one_variant = any("/" in name for name in arguments.names)
    output = cli_run.Output(arguments.workers, arguments.json, arguments.verbose or one_variant)
    return cli_run.run(scenarios_folder(arguments.scenarios), arguments.names, wishes, output)


def _replay(arguments: argparse.Namespace) -> int:
    from pytest_racecheck import cli_run

    if len(arguments.schedule) > LONGEST_SCHEDULE:
        raise UsageError(
            f"the schedule has {len(arguments.schedule)} characters: that is no replay text"
        )
    wishes = Wishes(
        mode="controlled",
        transport=arguments.transport,
        points=arguments.points,
        seed=arguments.seed,
        scenarios=arguments.scenarios,
        system=_own_system(arguments),
    )
    folder = scenarios_folder(arguments.scenarios)
    how = {"mode": arguments.mode, "upto": arguments.upto}
    return cli_run.replay(folder, arguments.name, arguments.schedule, wishes, how)


def _explain(arguments: argparse.Namespace) -> int:
    from pytest_racecheck import cli_explain

    if arguments.schedule is not None and len(arguments.schedule) > LONGEST_SCHEDULE:
        raise UsageError("the schedule is longer than any replay text")
    if "::" in arguments.name or arguments.name.partition("[")[0].endswith(".py"):
        if arguments.transport or arguments.points or arguments.seed or arguments.scenarios:
            raise UsageError("explain TEST takes no options of scenarios: set them at the test")
        return cli_explain.explain_test(arguments.name, arguments.schedule, arguments.json)
    wishes = Wishes(
        mode="controlled",
        transport=arguments.transport,
        points=arguments.points,
        seed=arguments.seed,
        scenarios=arguments.scenarios,
    )
    folder = scenarios_folder(arguments.scenarios)
    return cli_explain.explain_variant(
        folder, arguments.name, arguments.schedule, wishes, arguments.json
    )


def _guard(arguments: argparse.Namespace) -> int:
    from pytest_racecheck import cli_guard

    if arguments.check:
        if arguments.before or arguments.output:
            raise UsageError("guard --check writes nothing: leave --before and --output out")
        return cli_guard.check_guards(arguments.names)
    if len(arguments.names) != 1:
        raise UsageError("guard: name one test, as pytest does (file.py::test), or give --check")
    return cli_guard.write_guard(arguments.names[0], arguments.before, arguments.output)


def _claims(arguments: argparse.Namespace) -> int:
    folder = scenarios_folder(arguments.scenarios)
    claims = read_claims(folder)
    if arguments.run:
        from pytest_racecheck import cli_run

        output = cli_run.Output(arguments.workers, arguments.json)
        return cli_run.run_claims(folder, claims, output)
    for claim in claims:
        print("\n".join(claim_lines(claim, None)) + "\n")
    print(f"{len(claims)} claims; racecheck claims --run judges the variants that back them")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from pytest_racecheck import doctor

    status: int = doctor.run(arguments.enable, arguments.source)
    return status
