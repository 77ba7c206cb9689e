"""What is armed or stopped until the end of a ``with``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class UntilTheEnd(ABC):
    """Something that ``disarm`` ends; an exception that leaves the block is not complained over."""

    @abstractmethod
    def disarm(self, *, complain: bool = True) -> None:
        """Put everything back; ``complain`` when it was of no use."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.disarm(complain=kind is None)
