"""An estimate stands beside its standard error, and what it cannot tell stands below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from sim.calibration import Calibration

_WIDTH: Final = 80


def print_calibration(found: Calibration, console: Console) -> None:
    """Print what was estimated over which window, in 80 columns or fewer if the console has fewer."""
    width = min(console.width, _WIDTH)
    counts = ", ".join(f"{code} {count:,}" for code, count in found.observations.items())
    console.print(Text.assemble((found.model, "bold"), f", {found.window.first} to {found.window.last}"))
    console.print(f"observations: {counts}", width=width)
    console.print()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("parameter")
    for name in ("estimate", "standard error"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    for name, value, error, unit in found.estimates:
        table.add_row(name, _told(value), "–" if error is None else _told(error), unit)
    console.print(Padding(table, (0, 0, 0, 2), expand=False), width=width)
    console.print()
    for note in found.notes:
        console.print(note, width=width)


def _told(value: float) -> str:
    """Four decimals, or four digits where they are more, with a true minus sign."""
    text = f"{value:,.4f}" if abs(value) < 10 else f"{value:,.1f}"  # noqa: PLR2004 - one digit before the point
    return text.replace("-", "−")
