"""What many runs show together: how far apart they may lie, and what a design changes beyond chance."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from sim.show.dates import draw_dates, local
from sim.show.frame import heading, headline, label_ends, nothing, panels, same_scale, shown, styled
from sim.show.palette import INK, WAITING, currency_colours, dress, in_millions
from sim.show.words import spelt
from sim.studies.plots import OF_ENSEMBLE
from sim.studies.series import IN_FLIGHT, NET_OPEN_POSITION

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

    from sim.studies.ensemble import Ensemble

#: Width and height of each figure in inches, of ensembles and of comparisons.
SIZES: Final[dict[str, tuple[float, float]]] = {}
#: Quantiles between which a fan is shaded, from light to dark.
_SHADES: Final = (("p05", "p95"), ("p25", "p75"))
_MILLION: Final = 1e6


def study_figure(
    figures: dict[str, Callable[..., Any]], width: float, height: float
) -> Callable[[Callable[..., None]], Callable[..., Axes]]:
    """Register a function that draws a study into axes among the `figures` of its kind, so many inches large."""

    def register(draw: Callable[..., None]) -> Callable[..., Axes]:
        @wraps(draw)
        def drawing(study: Any, ax: Axes | None = None, **options: Any) -> Axes:  # noqa: ANN401 - as declared
            target = shown(width, height) if ax is None else ax
            with styled(target):
                draw(study, target, **options)
            return target

        SIZES[draw.__name__] = (width, height)
        figures[draw.__name__] = drawing
        return drawing

    return register


@study_figure(OF_ENSEMBLE, 9, 6.6)
def fan(ensemble: Ensemble, ax: Axes) -> None:
    """Net open position of each side's firms by currency: median, and 50 and 90 % of the replications.

    In millions of the reporting currency; a panel per side, all on one scale.
    """
    sides = list(ensemble.scenario.sides)
    axes = panels(ax, max(len(sides), 1), 1, hspace=0.09)
    drawn = []
    bands = ensemble.bands[ensemble.bands["series"] == NET_OPEN_POSITION]
    reporting = ensemble.scenario.reporting_currency
    for side, panel in zip(sides, axes, strict=False):
        dress(panel, grid="y")
        home = ensemble.scenario.sides[side].functional_currency
        heading(
            panel, f"Firms in {spelt(side)}, functional currency {home}: median, 50 % and 90 % of the runs"
        )
        panel.set_ylabel(f"net open position, {reporting} m")
        by_currency = {
            str(of).partition(".")[2]: rows
            for of, rows in bands.groupby("of", observed=True)
            if str(of).partition(".")[0] == side
        }
        if not by_currency:
            nothing(panel, "no obligations in foreign currency")
            continue
        ends_of = {
            code: _draw_band(panel, ensemble, by_currency[code], colour, _MILLION)
            for code, colour in currency_colours(by_currency).items()
        }
        panel.axhline(0, color=INK, linewidth=0.8, zorder=1.5)
        panel.margins(y=0.1)
        in_millions(panel)
        drawn.append((panel, ends_of))
    same_scale([panel for panel, _ in drawn])
    for panel, ends in drawn:
        label_ends(panel, ends, {code: code for code in ends}, currency_colours(ends))
    for panel in axes[1:]:
        panel.sharex(ax)
    for panel in axes[:-1]:
        panel.tick_params(labelbottom=False)
    draw_dates(axes[-1], ensemble)
    headline(ax, f"FX exposure of firms, {ensemble.count:,} replications: {ensemble.scenario.name}")


@study_figure(OF_ENSEMBLE, 9, 4.2)
def in_flight(ensemble: Ensemble, ax: Axes) -> None:
    """Payments under way each midnight: median, and 50 and 90 % of the replications."""
    dress(ax, grid="y")
    rows = ensemble.bands[ensemble.bands["series"] == IN_FLIGHT]
    if len(rows):
        _draw_band(ax, ensemble, rows, WAITING, 1)
    else:
        nothing(ax, "no payments")
    heading(ax, "Payments under way at midnight: median, 50 % and 90 % of the runs")
    ax.set_ylabel("payments")
    ax.set_ylim(bottom=0)
    draw_dates(ax, ensemble)
    headline(ax, f"Payments in flight, {ensemble.count:,} replications: {ensemble.scenario.name}")


def _draw_band(ax: Axes, ensemble: Ensemble, rows: pd.DataFrame, colour: str, unit: float) -> float:
    """Shade quantiles, draw the median, and return where that ends."""
    days = local(ensemble, rows["at"])
    for low, high in _SHADES:
        ax.fill_between(days, rows[low] / unit, rows[high] / unit, color=colour, alpha=0.18, linewidth=0)
    ax.plot(days, rows["p50"] / unit, color=colour, linewidth=1.6)
    return float(rows["p50"].iloc[-1] / unit)
