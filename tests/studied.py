"""Small studies, as commands of their own, and what their folders hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

#: A scenario of few payments, of which replications take moments.
FEW = ("period.end=2024-01-06", "run_in=2d", "horizon=5d")
#: The same with a rate that so wild a walk takes beyond all counting in replication 2, and in no other of the first 4.
WILD = (
    *FEW,
    "fx=null",
    (
        "fx={kind: lognormal, start: {CNY: 7.1, RUB: 90, BYN: 3.2, EUR: 0.9}, "
        "volatility: {CNY: 4, RUB: 0.1, BYN: 0.1, EUR: 0.1}}"
    ),
)
JOURNAL = "replications.journal"


def options(overrides: tuple[str, ...] = FEW) -> list[str]:
    """The overrides as the command line takes them."""
    return [f"--set={override}" for override in overrides]


def started(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """The command, at work in a process of its own that leads a group."""
    return subprocess.Popen(
        [sys.executable, "-m", "sim", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))},
        start_new_session=True,
    )


def wait_for_lines(journal: Path, count: int, seconds: float = 60) -> None:
    """Wait until a journal has so many lines below its head."""
    until = monotonic() + seconds
    while not journal.exists() or journal.read_bytes().count(b"\n") <= count:
        assert monotonic() < until, "no replication was made"
        sleep(0.02)


def files(folder: Path) -> dict[str, bytes]:
    """All that stands in a folder and below."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
