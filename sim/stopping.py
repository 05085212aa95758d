"""A process that is told to stop says so on one line, and leaves with 128 and the number of the signal.

Only the standard library's smallest modules are imported here: nothing else stands between the start of the
interpreter and `listen`.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
#: Seconds after which a stop that was lost inside a callback of the interpreter is told again.
_AGAIN = 0.05

_tidying = False


class Stopped(BaseException):
    """The process was told to stop by a signal, whose number is the argument; no `Exception`, so none takes it."""


def listen() -> None:
    """Stop on SIGINT, SIGTERM and SIGHUP from now on; what whoever started the process ignores stays ignored.

    The process leaves at once, from wherever it is: an exception would be lost, or told by a traceback, inside
    of a callback of the interpreter or the import of a library. Only in a stretch that is `Tidied` one is raised.
    """
    for name in _WORDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


class Tidied:
    """A stretch in which `Stopped` is raised, so that what was begun is tidied; a further signal does not disturb."""

    def __enter__(self) -> None:
        global _tidying  # noqa: PLW0603 - a process has one set of signals
        _tidying = True
        sys.unraisablehook = _unraisable

    def __exit__(self, *_: object) -> None:
        global _tidying  # noqa: PLW0603 - as above
        _tidying = False
        sys.unraisablehook = sys.__unraisablehook__


def leave(number: int) -> None:
    """Say that the process was stopped by a signal, and end it."""
    name = signal.Signals(number).name
    try:  # noqa: SIM105 - see the module
        os.write(2, f"{_WORDS.get(name, name)}\n".encode())
    except OSError:
        pass  # nobody listens
    os._exit(128 + number)


def _stop(number: int, _: FrameType | None) -> None:
    if not _tidying:
        leave(number)
    for name in _WORDS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise Stopped(number)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Stop again what was stopped inside a finalizer or another callback, where an exception is lost."""
    if not isinstance(lost.exc_value, Stopped):
        sys.__unraisablehook__(lost)
        return
    from threading import Timer  # noqa: PLC0415 - see the module

    (number,) = lost.exc_value.args
    signal.signal(number, _stop)
    again = Timer(_AGAIN, signal.raise_signal, [number])
    again.daemon = True
    again.start()
