"""Nobody knows what rates will do; several paths show how far apart positions may end up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.show.dates import draw_dates, local
from sim.show.frame import heading, headline, label_ends, nothing, panels, same_scale, shown, styled
from sim.show.palette import INK, currency_colours, dress, in_millions
from sim.show.words import spelt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.results.results import Results

#: Quantiles between which the fan is shaded, from light to dark.
_BANDS = ((0.05, 0.95), (0.25, 0.75))


def exposure_fan(runs: Sequence[Results], ax: Axes | None = None) -> Axes:
    """Net open position of each side's firms by currency over several runs: median, and 50 and 90 % of the runs.

    In millions of the reporting currency; a panel per side, all on one scale. The runs are replications of one
    scenario. ValueError if there is none, or if they differ in their days, sides or currencies.
    """
    if not runs:
        raise ValueError("a fan needs at least one run")
    first = runs[0]
    cases = pd.concat([run.exposure.assign(run=number) for number, run in enumerate(runs)])
    keys = ["side", "currency", "at"]
    if len(cases) != len(runs) * len(first.exposure) or len(cases[keys].drop_duplicates()) != len(
        first.exposure
    ):
        raise ValueError("the runs differ in their days, sides or currencies")
    target = shown(9, 6.6) if ax is None else ax
    with styled(target):
        _draw(first, cases, len(runs), target)
    return target


def _draw(first: Results, cases: pd.DataFrame, count: int, ax: Axes) -> None:
    sides = list(first.scenario.sides)
    axes = panels(ax, max(len(sides), 1), 1, hspace=0.09)
    drawn: list[tuple[Axes, dict[str, float]]] = []
    for side, panel in zip(sides, axes, strict=False):
        dress(panel, grid="y")
        mine = cases[cases["side"] == side]
        if ends := _draw_side(panel, first, side, mine):
            drawn.append((panel, ends))
    same_scale([panel for panel, _ in drawn])
    for panel, ends in drawn:
        label_ends(panel, ends, {code: code for code in ends}, currency_colours(ends))
    for panel in axes[1:]:
        panel.sharex(ax)
    for panel in axes[:-1]:
        panel.tick_params(labelbottom=False)
    draw_dates(axes[-1], first)
    headline(ax, f"FX exposure of firms, {count} runs: {first.scenario.name}")


def _draw_side(ax: Axes, first: Results, side: str, cases: pd.DataFrame) -> dict[str, float]:
    """Draw it, and return where the median of each currency ends; none where there is nothing to draw."""
    reporting, home = first.scenario.reporting_currency, first.scenario.sides[side].functional_currency
    heading(ax, f"Firms in {spelt(side)}, functional currency {home}: median, 50 % and 90 % of the runs")
    ax.set_ylabel(f"net open position, {reporting} m")
    if cases.empty:
        nothing(ax, "no obligations in foreign currency")
        return {}
    colours = currency_colours(cases["currency"].astype(str))
    ends = {}
    for code, colour in colours.items():
        rows = cases[cases["currency"] == code]
        wide = rows.pivot_table(
            index="at", columns="run", values="net_open_position_reporting", observed=True
        )
        values = wide.to_numpy() / (1e6 * 10 ** minor_digits(reporting))
        days = local(first, wide.index.to_series())
        for low, high in _BANDS:
            bounds = np.quantile(values, (low, high), axis=1)
            ax.fill_between(days, *bounds, color=colour, alpha=0.18, linewidth=0)
        middle = np.median(values, axis=1)
        ax.plot(days, middle, color=colour, linewidth=1.6, label=code)
        ends[code] = float(middle[-1])
    ax.axhline(0, color=INK, linewidth=0.8, zorder=1.5)
    ax.margins(y=0.1)
    in_millions(ax)
    return ends
