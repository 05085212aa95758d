"""Repeats cases: `python -m fuzz KIND FIRST[-LAST] [FOLDER]`; with a folder, what they wrote stays there."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz import KINDS


def main(kind: str, numbers: str, kept: str | None = None) -> int:
    """Run the cases, print what is wrong with each, and return whether anything was."""
    first, _, last = numbers.partition("-")
    wrong = 0
    for number in range(int(first), int(last or first) + 1):
        with TemporaryDirectory() as temporary:
            folder = Path(kept) / f"{kind}-{number}" if kept else Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            found = KINDS[kind](number, folder)
        for fault in found:
            print(f"{kind} {number}: {fault}", flush=True)  # noqa: T201 - a command line
        wrong += bool(found)
    print(f"{wrong} cases with faults")  # noqa: T201 - a command line
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
