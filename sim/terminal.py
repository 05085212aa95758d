"""Answers go to standard output and messages to standard error, whatever these streams are.

An encoding may lack signs, a reader may go away, a disk may be full, and a stream may not even be open.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sim.readable import FALLBACK, readable, visible

if TYPE_CHECKING:
    from typing import TextIO


def secure_streams() -> None:
    """Make standard output tell by `OutputError` that it cannot be written, and standard error keep quiet about it.

    A reader that goes away is no fault: what follows goes nowhere.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # A file that is opened next would take the number, and what a library prints would go into it.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _Stream.of(sys.stdout, 1)
    sys.stderr = _Stream.of(sys.stderr, 2)


def say(text: object = "") -> None:
    """Write lines for people to standard output."""
    print(_lines(text), flush=True)  # noqa: T201 - this is the place


def warn(text: object) -> None:
    """Write lines for people to standard error, if anybody listens there."""
    if sys.stderr is not None:
        print(_lines(text), file=sys.stderr, flush=True)  # noqa: T201 - this is the place


def give(data: str) -> None:
    """Write data to standard output as they are; see `takes_unicode`."""
    sys.stdout.write(data)
    sys.stdout.flush()


def takes_unicode() -> bool:
    """Whether data can be given in Unicode; in any other encoding all but ASCII is to be escaped.

    A file in a code page would be taken for UTF-8, which JSON and YAML are, when it is read again.
    """
    return codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name.startswith("utf")


def give_json(content: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write data as JSON; its numbers may be decimals, which JSON writes as any other."""
    text = json.dumps(content, indent=2, ensure_ascii=not takes_unicode(), default=float)
    give("".join(c if c == "\n" or visible(c) else json.dumps(c)[1:-1] for c in text) + "\n")


def _lines(text: object) -> str:
    return "\n".join(map(readable, str(text).split("\n")))


class _Stream(TextIOWrapper):
    """A standard stream that is never left in a state in which the end of the process could complain of it."""

    def __init__(self, buffer: BinaryIO, number: int, fault: str | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(buffer, errors=FALLBACK, **options)
        self._number = number
        self._fault = fault

    @classmethod
    def of(cls, stream: TextIO | None, number: int) -> _Stream:
        """The stream of a number, from what the interpreter made of it: nothing if it was closed."""
        if not isinstance(stream, TextIOWrapper):
            nowhere = open(os.devnull, "wb")  # noqa: PTH123, SIM115 - open as long as the process
            return cls(nowhere, number, "it is closed", encoding="utf-8")
        options: dict[str, Any] = {
            name: getattr(stream, name) for name in ("encoding", "line_buffering", "write_through")
        }
        return cls(cast("BinaryIO", stream.detach()), number, **options)

    def write(self, text: str) -> int:
        """As usual; `OutputError` if this is standard output and cannot be written, also at any later time."""
        try:
            super().write(text)
        except OSError as error:
            self._give_up(error)
        self._tell()
        return len(text)

    def flush(self) -> None:
        """As usual; `OutputError` if this is standard output and what was written is lost."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)
            self._tell()

    def _give_up(self, error: OSError) -> None:
        """Let what is written from now on, and what waits to be written, go nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._number)
        os.close(nowhere)
        # Windows tells of a reader that went away by EINVAL.
        if error.errno not in {errno.EPIPE, errno.EINVAL}:
            self._fault = error.strerror or str(error)

    def _tell(self) -> None:
        if self._number == 1 and self._fault is not None:
            from sim.errors import OutputError  # noqa: PLC0415 - loaded only where it is needed

            raise OutputError(f"standard output cannot be written: {self._fault}") from None
