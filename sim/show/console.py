"""Text for people goes to a console that knows the width of their terminal."""

from __future__ import annotations

import sys

from rich.console import Console

#: Width where there is no terminal to ask, as in a pipe or a log.
_WIDTH = 80


def output() -> Console:
    """Standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
