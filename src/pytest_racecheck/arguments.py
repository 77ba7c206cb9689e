"""What the command lines of the programs share: a mistake is one sentence, a number has bounds."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from pytest_racecheck.errors import UsageError


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is our error with one sentence instead of a usage dump."""

    help_option = "--help"

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} {self.help_option}")


def number(
    read: type[int] | type[float], least: float, most: float
) -> Callable[[str], int | float]:
    """A converter for argparse: a number from `least` to `most`."""
    word = "number" if read is float else "whole number"

    def convert(text: str) -> int | float:
        try:
            value = read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a {word}, got {text!r}") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected {least:g} to {most:g}, got {text}")
        return value

    return convert
