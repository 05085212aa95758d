"""How a command tells what went wrong: a sentence for each problem, an exit code of design, and no traceback."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from sim.terminal import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

_NOWHERE = "the current folder has been deleted; change into another one"


def tell_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print the package's own errors, one line per problem, and leave with their exit code.

    So is told what the system refuses, wherever it does; what libraries warn of is told in a sentence.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with errors_told(), _in_sentences():
            return command(*args, **kwargs)

    return guarded


@contextmanager
def errors_told() -> Iterator[None]:
    """Within, what the package and the system refuse is told in a line, and the process leaves with its code."""
    from sim.errors import SettlementError  # noqa: PLC0415 - so that `sim --help` answers at once

    try:
        yield
    except SettlementError as error:
        if error.exit_code == 1 and _is_nowhere():
            warn(_NOWHERE)
            sys.exit(2)
        warn(error)
        sys.exit(error.exit_code)
    except MemoryError:
        warn("there is not enough memory for this")
        sys.exit(1)
    except OSError as error:
        if _is_nowhere():
            warn(_NOWHERE)
            sys.exit(2)
        place = f"{error.filename}: " if error.filename is not None else ""
        warn(f"{place}{error.strerror or error}")
        sys.exit(1)


@contextmanager
def _in_sentences() -> Iterator[None]:
    """Tell warnings of libraries, and what they log, as our own: a sentence each, once, and no line of code."""
    import logging  # noqa: PLC0415 - so that `sim --help` answers at once
    import warnings  # noqa: PLC0415

    from sim.errors import ResultsWarning  # noqa: PLC0415

    told: set[str] = set()

    def tell(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in told:
            told.add(str(message))
            tell_warnings([str(message)])

    class Sentences(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(record.getMessage())

    earlier = logging.lastResort
    with warnings.catch_warnings():
        warnings.simplefilter("always", ResultsWarning)
        warnings.showwarning = tell
        logging.lastResort = Sentences(logging.WARNING)
        try:
            yield
        finally:
            logging.lastResort = earlier


def _is_nowhere() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def tell_warnings(warnings: Iterable[str]) -> None:
    """Print what a run or a library warns of, each in one line."""
    for warning in warnings:
        warn(f"warning: {' '.join(warning.split())}")
