"""A command is tried inside this process, with limits of time and memory, and judged by what it says."""

from __future__ import annotations

import faulthandler
import gc
import io
import os
import re
import resource
import signal
import sys
import traceback
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

#: Seconds of processor time, which other work on the machine does not use up, and of the clock.
SECONDS, AT_MOST = 20.0, 240.0
#: Bytes that a command may take beyond what the process had before.
MEMORY: Final = 2 * 10**9
#: `file:line:column: `, or an override in the place of a file.
LOCATED: Final = re.compile(r"--set |.*\.yaml:\d+:\d+: ")
#: A payments file and perhaps a line or row of it, or something said of a whole scenario file.
OF_A_FILE: Final = re.compile(r"payments\.\w+(:(row )?\d+)?: |.*\.yaml: ")
#: What a terminal obeys instead of showing it.
CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Told(NamedTuple):
    """How a command ended, and what it said; `fault` is empty unless it broke a rule for all commands."""

    code: int
    out: str
    err: str
    fault: str


class TimeIsUpError(BaseException):
    """Not an `Exception`, so that nobody takes it for one of its own."""


def command(*arguments: str) -> Told:
    """What `sim` with these arguments does in the current folder."""
    from sim.cli import main  # noqa: PLC0415 - a child process that only opens folders need not load it

    # The command takes the streams apart; what it wrote stays here.
    out, err = io.BytesIO(), io.BytesIO()
    code, fault = 0, ""
    with (
        mock.patch.object(sys, "argv", ["sim", *arguments]),
        mock.patch("sim.cli.listen"),
        mock.patch.dict(os.environ),
        warnings.catch_warnings(record=True) as warned,
        redirect_stdout(io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace")),
        redirect_stderr(io.TextIOWrapper(err, encoding="utf-8", errors="backslashreplace")),
    ):
        warnings.simplefilter("default")
        with _limits() as peak:
            try:
                main()
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else int(left.code is not None)
            except TimeIsUpError:
                fault = f"more than {SECONDS:g} s of processor time" + _innermost()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it must not come here
                fault = f"{type(error).__name__}: {str(error)[:200]}" + _innermost()
        told, said = (_written(stream, buffer) for stream, buffer in ((sys.stdout, out), (sys.stderr, err)))
    raw = [f"{w.category.__name__}: {w.message}" for w in warned if not issubclass(w.category, _LATER)]
    if not fault and code not in (0, 2):
        fault = f"exit code {code}: {said[-200:]}"
    elif not fault and raw:
        fault = f"a raw warning: {raw[0][:200]}"
    elif not fault and (found := CONTROL.search(told + said)):
        fault = f"control character U+{ord(found.group()):04X} on a stream"
    elif not fault and peak() > MEMORY:
        fault = f"{peak() / 1e9:.1f} GB of memory"
    elif not fault and code and not said.strip():
        fault = f"exit code {code} without a word"
    return Told(code, told, said, fault and f"sim {_short(arguments)}: {fault}")


_LATER: Final = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


def unplaced(told: Told) -> str:
    """The first line of a refusal that does not say where, if there is one."""
    for line in told.err.splitlines():
        if not (LOCATED.match(line) or OF_A_FILE.match(line) or line.startswith("warning: ")):
            return f"a refusal without its place: {line[:200]}"
    return ""


def _short(arguments: tuple[str, ...]) -> str:
    return " ".join(repr(argument) if not argument.isprintable() else argument for argument in arguments)[
        :300
    ]


def _written(stream: TextIO, buffer: io.BytesIO) -> str:
    with suppress(ValueError):
        stream.flush()
    return "" if buffer.closed else buffer.getvalue().decode("utf-8", "replace")


def _innermost() -> str:
    """Where in this package the exception at hand came from."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    ours = [frame for frame in frames if f"{os.sep}sim{os.sep}" in frame.filename]
    return f" (at {Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else ""


@contextmanager
def _limits() -> Iterator[_Peak]:
    """Time and memory for one command; what it yields tells the bytes that were taken at most."""

    def up(_signal: int, _frame: object) -> None:
        raise TimeIsUpError

    gc.collect()
    peak = _Peak()
    timers = ((signal.SIGPROF, signal.ITIMER_PROF, SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, AT_MOST))
    before = [signal.signal(number, up) for number, _, _ in timers]
    data = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_status("VmData") + 2 * MEMORY, data[1]))
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    # What does not come back from C in time takes the process with it, and the log says from where.
    faulthandler.dump_traceback_later(2 * AT_MOST, exit=True, file=sys.__stderr__)
    try:
        yield peak
    finally:
        faulthandler.cancel_dump_traceback_later()
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_DATA, data)


class _Peak:
    """Bytes taken at most since it was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._before = _status("VmRSS")

    def __call__(self) -> int:
        return _status("VmHWM") - self._before


def _status(name: str) -> int:
    (line,) = [
        line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith(name)
    ]
    return int(line.split()[1]) * 1024
