"""What many runs show together: how far apart they may lie, and what a design changes beyond chance."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from matplotlib.ticker import FuncFormatter

from sim.show.dates import draw_dates, local
from sim.show.frame import as_figure, heading, headline, label_ends, nothing, panels, same_scale
from sim.show.palette import GAIN, INK, LOSS, QUIET, SHAPE, WAITING, currency_colours, dress, in_millions
from sim.show.study_tables import sums_up
from sim.show.words import spelt
from sim.studies.comparison import OF_COMPARISON
from sim.studies.ensemble import OF_ENSEMBLE
from sim.studies.series import IN_FLIGHT, NET_OPEN_POSITION

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from sim.studies.comparison import Comparison
    from sim.studies.ensemble import Ensemble

#: Width and height of each figure in inches, of ensembles and of comparisons.
SIZES: Final[dict[str, tuple[float, float]]] = {}
#: Quantiles between which a fan is shaded, from light to dark.
_SHADES: Final = (("p05", "p95"), ("p25", "p75"))
_MILLION: Final = 1e6
_PERCENT: Final = 100
_TWO: Final = 2
#: Where differences are so many per cent, only up to so many are drawn to scale.
_WIDE: Final = 100
_LINEAR: Final = 10
#: So many decades of an axis are named on each side, at most.
_DECADES: Final = 5
#: Names at the left are so large at most, and all together so high, in points.
_LARGEST: Final = 9.0
_ROOM: Final = 260
#: What the colours of differences say.
_COLOURS: Final = "Blue: better; orange: worse; grey: open, or neither is better"
#: Signs of a line of a title.
_TITLE: Final = 56
#: Names below bars are broken into lines of so many signs.
_NAME: Final = 14


def study_figure(
    figures: dict[str, Callable[..., Any]], width: float, height: float
) -> Callable[[Callable[..., None]], Callable[..., Axes]]:
    """Register a function that draws a study into axes among the `figures` of its kind, so many inches large."""

    def register(draw: Callable[..., None]) -> Callable[..., Axes]:
        drawing = as_figure(draw, width, height)
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


class _Row(dict[Any, Any]):
    """A row of a table, whose columns are attributes."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever stands in the table
        return self[name]


@study_figure(OF_COMPARISON, 8.6, 5.2)
def differences(comparison: Comparison, ax: Axes) -> None:
    """Differences from today with their 95 % intervals, in units of today's value: what sums each measure up.

    Blue where the design is better, orange where today is, grey where neither is better or the interval holds zero.
    """
    dress(ax, grid="x")
    table = comparison.differences
    rows = table[table["of"].map(sums_up) & (table["over"] == "all") & (table["today"] != 0)]
    rows = rows[rows["difference"].notna()]
    # What is the same in all replications needs no room.
    differs = (rows[["difference", "low", "high"]] != 0).any(axis=1)
    rows = (rows[differs] if differs.any() else rows).iloc[::-1].reset_index(drop=True)
    if rows.empty:
        nothing(ax, "no number is told by both")
    several = len(comparison.scenarios) > _TWO
    names = []
    for place, row in enumerate(map(_Row, rows.to_dict("records"))):
        unit = abs(row.today) / _PERCENT
        clear = row.low > 0 or row.high < 0
        colour = QUIET if not clear or not row.winner else LOSS if row.winner == comparison.today else GAIN
        ax.plot([row.low / unit, row.high / unit], [place] * 2, color=colour, linewidth=2)
        ax.plot(row.difference / unit, place, "o", color=colour, markersize=5)
        name = f"{row.measure}.{row.of}" if row.of else row.measure
        names.append(f"{row.scenario}: {name}" if several else name)
    ax.set_yticks(range(len(names)), names, fontsize=min(_LARGEST, _ROOM / max(len(names), 1)))
    ax.axvline(0, color=INK, linewidth=0.8, zorder=1.5)
    label = "difference with its 95 % interval, % of today's value"
    if max(map(abs, ax.get_xlim())) > _WIDE:
        # What hardly varies is to be seen beside what is not known at all.
        ends = ax.get_xlim()
        ax.set_xscale("symlog", linthresh=_LINEAR)
        ax.set_xticks(_ticks(*ends))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace("-", "−")))
        ax.set_xlim(ends)
        label += f"\n(beyond {_LINEAR} % logarithmic)"
    ax.set_xlabel(label)
    designs = ", ".join(scenario.name for scenario in comparison.scenarios[1:])
    heading(ax, _COLOURS)
    told = f"{designs} against {comparison.today}, {comparison.count:,} replications"
    headline(ax, fill(told, _TITLE))


@study_figure(OF_COMPARISON, 8.6, 4.6)
def waterfall(comparison: Comparison, ax: Axes, measure: str = "", of: str = "") -> None:
    """From today to the design, change by change where it was taken apart, each with its 95 % interval.

    Of a number such as `measure="delay", of="mean"`; by default of the first that sums a measure up, differs and has a
    better.
    """
    dress(ax, grid="y")
    table = comparison.differences
    design = comparison.scenarios[1].name
    rows = table[(table["over"] == "all") & (table["scenario"] == design) & table["difference"].notna()]
    if measure:
        rows = rows[(rows["measure"] == measure) & (rows["of"] == of)]
    else:
        rows = rows[rows["of"].map(sums_up)]
        telling = (rows["better"] != "neither") & (rows["difference"] != 0)
        rows = pd.concat([rows[telling], rows[~telling]])
    if rows.empty:
        nothing(ax, "no such number is told by both")
        return
    row = _Row(rows.iloc[0].to_dict())
    steps = pd.DataFrame([{"change": "the design", "part": row.difference, "low": row.low, "high": row.high}])
    if comparison.decomposition is not None:
        parts = comparison.decomposition
        steps = parts[(parts["measure"] == row.measure) & (parts["of"] == row.of)]
    better = -1 if row.better == "lower" else 1
    names, level = ["today"], row.today
    ax.bar(0, row.today, color=SHAPE, width=0.7)
    for place, step in enumerate(map(_Row, steps.to_dict("records")), 1):
        is_open = row.better == "neither" or step.low <= 0 <= step.high
        colour = QUIET if is_open else GAIN if better * step.part >= 0 else LOSS
        ax.bar(place, step.part, bottom=level, color=colour, width=0.7)
        ends = [[step.part - step.low], [step.high - step.part]]
        ax.errorbar(place, level + step.part, yerr=ends, color=INK, linewidth=1.2, capsize=3)
        ax.plot([place - 0.65, place + 0.35], [level, level], color=QUIET, linewidth=0.6)
        level += step.part
        names.append(step.change)
    ax.plot([len(names) - 0.65, len(names) + 0.35], [level, level], color=QUIET, linewidth=0.6)
    ax.bar(len(names), row.design, color=SHAPE, width=0.7)
    names.append(design)
    ax.set_xticks(range(len(names)), [fill(name, _NAME) for name in names], fontsize=8)
    _zoom(ax, [row.today, *(row.today + steps["part"].cumsum())], steps)
    name = f"{row.measure}.{row.of}" if row.of else row.measure
    ax.set_ylabel(f"{name}, {row.unit}")
    does = "it does" if comparison.decomposition is None else "each change does"
    heading(ax, f"What {does}, with its 95 % interval. {_COLOURS}")
    headline(ax, f"From {comparison.today} to {design}, {comparison.count:,} replications")


def _ticks(low: float, high: float) -> list[float]:
    """Values between both that divide an axis which is logarithmic beyond `_LINEAR`: decades, and parts of few ones."""
    decades = [float(_LINEAR * 10**power) for power in range(16) if _LINEAR * 10**power <= max(-low, high)]
    parts = (0.5, 1.0, 2.0, 5.0) if len(decades) <= _TWO else (1.0,)
    few = decades[:: -(-len(decades) // _DECADES) or 1]
    sizes = sorted({decade * part for decade in few for part in parts})
    return [value for value in (*(-size for size in reversed(sizes)), 0.0, *sizes) if low <= value <= high]


def _zoom(ax: Axes, levels: list[float], steps: pd.DataFrame) -> None:
    """Show the stretch in which something happens, for steps are small beside what they start from."""
    wide = max(*levels, (max(levels) + (steps["high"] - steps["part"]).max()))
    narrow = min(*levels, (min(levels) - (steps["part"] - steps["low"]).max()))
    room = 0.15 * (wide - narrow) or abs(wide) or 1.0
    ax.set_ylim(narrow - room, wide + room)
    ax.annotate(
        "the axis does not begin at zero" if (narrow - room) * (wide + room) > 0 else "",
        (1, 1), xycoords="axes fraction", ha="right", va="top", color=QUIET, fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip
