"""Text for people goes to a console that knows the width of their terminal, and the signs that it has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from sim.readable import encodable, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

#: Width where there is no terminal to ask, as in a pipe or a log; and the least in which a table can be read.
_WIDTH = 80
_NARROWEST = 40


class _Plain(Console):
    """A console on which text is text: no part of it is markup, commands the terminal or has no sign there."""

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - rich's own
        """The text as it is, with escapes for what should not or cannot be shown."""
        lines = "\n".join(map(readable, text.split("\n")))
        return super().render_str(encodable(lines, self.encoding), **options)


def output() -> Console:
    """Standard output. What is printed as `str`, in cells of tables too, is shown as it is; `Text` is not checked."""
    watched = sys.stdout is not None and sys.stdout.isatty()
    console = _Plain(highlight=False, markup=False, emoji=False, width=None if watched else _WIDTH)
    console.width = max(console.width, _NARROWEST)
    return console


def print_library(named: Sequence[tuple[str, str]], console: Console) -> None:
    """Print names of scenarios or changes, each with the sentence that it is about."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, sentence in named:
        table.add_row(name, " ".join(sentence.split()))
    console.print(table, highlight=False)
