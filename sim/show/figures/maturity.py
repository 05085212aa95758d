"""The nearer a due date, the surer a position; what is overdue should have been settled already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.currency import minor_digits
from sim.show.dates import draw_dates, local
from sim.show.frame import figure, heading, headline, nothing, panels, same_scale
from sim.show.palette import INK, MATURITIES, QUIET, dress, in_millions
from sim.show.words import spelt

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.results.results import Results

_WORDS: Final = {
    "overdue": "overdue",
    "7d": "due within 7 days",
    "30d": "within 30",
    "90d": "within 90",
    "later": "later",
}


@figure(width=9, height=7.2, needs=lambda results: bool(results.scenario.sides))
def maturity(results: Results, ax: Axes) -> None:
    """Receivables (upwards) and payables (downwards) in foreign currency by time left to the due date.

    Those of the table `maturities`, all currencies together at mid in millions of the reporting currency; a panel
    per side, all on one scale.
    """
    sides = list(results.scenario.sides)
    axes = panels(ax, max(len(sides), 1), 1, hspace=0.09)
    headline(ax, f"Transaction exposure by time to the due date: {results.scenario.name}")
    table = results["maturities"]
    for side, panel in zip(sides, axes, strict=False):
        dress(panel, grid="y")
        home = results.scenario.sides[side].functional_currency
        heading(panel, f"Firms in {spelt(side)}, functional currency {home}")
        _draw_side(panel, results, table[table["side"] == side])
    same_scale([panel for panel in axes if panel.collections])
    for panel in axes[1:]:
        panel.sharex(ax)
    for panel in axes[:-1]:
        panel.tick_params(labelbottom=False)
    draw_dates(axes[-1], results)
    handles = axes[0].collections[: len(_WORDS)]
    if handles:
        axes[-1].legend(
            handles=handles,
            labels=list(_WORDS.values()),
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.16),
            ncols=len(_WORDS),
            fontsize=8.5,
            handlelength=1.2,
        )


def _draw_side(ax: Axes, results: Results, table: pd.DataFrame) -> None:
    ax.set_ylabel(f"{results.scenario.reporting_currency} m")
    if table.empty:
        nothing(ax, "no obligations in foreign currency")
        return
    scale = 1e6 * 10 ** minor_digits(results.scenario.reporting_currency)
    for column, sign in (("receivable_reporting", 1), ("payable_reporting", -1)):
        wide = table.pivot_table(index="at", columns="bucket", values=column, aggfunc="sum", observed=True)
        layers: NDArray[np.float64] = sign * wide[list(_WORDS)].to_numpy().T / scale
        days = local(results, wide.index.to_series())
        ax.stackplot(days, layers, colors=list(MATURITIES.values()), linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.margins(y=0.1)
    in_millions(ax)
    for height, edge, text in ((0.985, "top", "▲ receivables"), (0.015, "bottom", "▼ payables")):
        ax.text(0.006, height, text, transform=ax.transAxes, color=QUIET, va=edge, fontsize=8.5)
