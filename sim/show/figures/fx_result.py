"""What exchange rates took or gave is a sum of steps: the contract's term, slow clearing, the market, the hedge."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from sim.core.kinds import complete
from sim.results.derived.fx_causes import RATE_CAUSES
from sim.show.frame import figure, heading, headline, nothing, panels, same_scale
from sim.show.palette import GAIN, INK, LOSS, QUIET, dress, in_millions
from sim.show.words import spelt, told_fx_causes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

    from sim.results.results import Results

#: What the rate does while a cause lasts.
_TERMS: Final = {
    "contract": "invoice to due date",
    "instruction": "due date to order",
    "returned": "up to the last order, and cancelled",
    "clearing": "{} to exchange",
}
complete(RATE_CAUSES, _TERMS, of="cause of the FX result", what="words for the time that it lasts")
#: What a label takes beyond a bar, as a share of the extent of all bars.
_LABEL: Final = 0.09


@figure(width=9.6, height=4.8, needs=lambda results: bool(results.scenario.sides))
def fx_result(results: Results, ax: Axes) -> None:
    """Realised FX result of each side's firms as a waterfall of its causes, gains upwards.

    Those of the measure `fx_result`, in millions of the reporting currency; a panel per side, all on one scale.
    """
    found = results.measures["fx_result"].value
    sides = [side for side in results.scenario.sides if side in found]
    axes = panels(ax, 1, max(len(sides), 1), wspace=0.04)
    headline(ax, f"Realised FX result by cause: {results.scenario.name}")
    for panel in axes:
        dress(panel, grid="y")
        panel.set_ylabel(f"{results.scenario.reporting_currency} m, gains positive")
    if not sides:
        nothing(ax, "no foreign currency was exchanged")
        ax.set_xticks([])
        return
    bars = told_fx_causes(found)
    begins = "last order" if "returned" in bars else "order" if "instruction" in bars else "due date"
    terms = "\n".join(f"{cause}: {_TERMS[cause].format(begins)}" for cause in bars if cause in _TERMS)
    told = {side: {cause: found[side][cause] for cause in bars} for side in sides}
    extent = _extent(told.values())
    for side, panel in zip(sides, axes, strict=True):
        home = results.scenario.sides[side].functional_currency
        heading(panel, f"Firms in {spelt(side)}, functional currency {home}")
        _draw_side(panel, told[side], extent)
        panel.set_xlabel(terms, fontsize=8.5)
    same_scale(axes)


def _extent(sides: Iterable[dict[str, float]]) -> float:
    """From the lowest to the highest end of any bar, in millions."""
    ends = [0.0]
    for parts in sides:
        ends += accumulate(part / 1e6 for cause, part in parts.items() if cause != "total")
    return (max(ends) - min(ends)) or 1.0


def _draw_side(ax: Axes, parts: dict[str, float], extent: float) -> None:
    """Draw a waterfall; labels have room as in the panel with the largest bars."""
    level, ends, bars = 0.0, [0.0], []
    for place, (cause, part) in enumerate(parts.items()):
        height = part / 1e6
        bottom = 0.0 if cause == "total" else level
        colour = INK if cause == "total" else GAIN if height >= 0 else LOSS
        bars += ax.bar(place, height, 0.62, bottom, color=colour, linewidth=0).patches
        end = bottom + height
        ends.append(end)
        if cause != "total":
            ax.plot([place + 0.31, place + 0.69], [end, end], color=QUIET, linewidth=0.8)
            level = end
    ax.axhline(0, color=INK, linewidth=0.8, zorder=1.5)
    for bar, part in zip(bars, parts.values(), strict=True):
        _tell(ax, bar, part / 1e6, _LABEL * extent)
    ax.set_ylim(min(ends) - _LABEL * extent, max(ends) + _LABEL * extent)
    in_millions(ax)
    ax.set_xticks(range(len(parts)), labels=list(parts))
    ax.tick_params(axis="x", length=0)


def _tell(ax: Axes, bar: Rectangle, height: float, room: float) -> None:
    """Write a bar's value beyond its end, or beyond the zero line where that would run through it."""
    low, high = sorted((bar.get_y(), bar.get_y() + bar.get_height()))
    up = height >= 0
    if up and -room < high < 0:
        high = 0.0
    elif not up and 0 < low < room:
        low = 0.0
    ax.annotate(
        _signed(height),
        (bar.get_x() + bar.get_width() / 2, high if up else low),
        xytext=(0, 3 if up else -3),
        textcoords="offset points",
        ha="center",
        va="bottom" if up else "top",
        fontsize=8.5,
    )


def _signed(value: float) -> str:
    """Two decimals with a sign; what rounds to nothing has none."""
    text = f"{value:+,.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text.replace("-", "−")
