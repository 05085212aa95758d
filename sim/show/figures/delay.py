"""A payee waits for the slowest day of a route, and its cause, not for the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.ticker import NullLocator

from sim.core.causes import CAUSES
from sim.core.causes import WORDS as CAUSE_WORDS
from sim.core.clock import DAY, HOUR, MINUTE
from sim.show.frame import figure, heading, headline, nothing, panels
from sim.show.palette import CAUSES as CAUSE_COLOURS
from sim.show.palette import INK, SHAPE, dress
from sim.show.words import duration, percent, spelt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.results.results import Results

    Floats = NDArray[np.float64]

#: Bins of the distribution per factor of ten in time.
_BINS: Final = 14
#: A distribution stands so far below the middle of its row, and is at most so high.
_BASE: Final = 0.34
_TALLEST: Final = 0.62
#: Rows that a panel has room for at least, lest the bars of one route fill it.
_FEWEST_ROWS: Final = 3

_MARKS: Final = {"p50": (0.5, "median", "solid"), "p95": (0.95, "95th percentile", (0, (2, 1.2)))}

_TICKS: Final = {
    10 / HOUR: "10 s",
    MINUTE / HOUR: "1 min",
    10 * MINUTE / HOUR: "10 min",
    1: "1 h",
    4: "4 h",
    DAY / HOUR: "1 d",
    3 * DAY / HOUR: "3 d",
    10 * DAY / HOUR: "10 d",
    30 * DAY / HOUR: "30 d",
    90 * DAY / HOUR: "90 d",
    365 * DAY / HOUR: "1 yr",
}


@figure(width=9.6, height=6.2)
def delay(results: Results, ax: Axes) -> None:
    """How long payments of each route take from instruction to credit, and why.

    Payments due in the period, a row per route. On the left the distribution in hours, its area the share
    credited; the median and the 95th percentile are those of the measures, which count a payment that was
    not credited with the time until the end. On the right the mean hours by cause.
    """
    payments = results.payments[results.payments["counted"]]
    groups = {str(route): group for route, group in payments.groupby("route", observed=True)}
    profiles = results.measures["delay_by_route"].value
    routes = [route for route in profiles if route in groups]
    left, right = panels(ax, 1, 2, width_ratios=[1.2, 1.0], wspace=0.03)
    headline(left, f"Clearing delay from instruction to credit: {results.scenario.name}")
    heading(left, "How long: distribution over payments")
    heading(right, "Why: mean by cause")
    left.set_xlabel("delay in hours (h) and days (d), logarithmic scale")
    right.set_xlabel("mean delay, hours per payment")
    left.set_ylabel("route, number of payments")
    for panel in (left, right):
        dress(panel, grid="x")
        panel.set_ylim(max(len(routes), _FEWEST_ROWS) - 0.5, -0.75)
        panel.set_yticks([])
    left.spines["left"].set_visible(False)
    if not routes:
        for panel in (left, right):
            nothing(panel, "no payments fell due")
            panel.set_xticks([])
        return
    left.set_yticks(range(len(routes)), labels=[_row_name(route, groups[route]) for route in routes])
    _draw_distributions(left, [groups[route] for route in routes], [profiles[route] for route in routes])
    _draw_causes(right, [groups[route] for route in routes])


def _draw_distributions(ax: Axes, groups: list[pd.DataFrame], profiles: list[dict[str, float]]) -> None:
    hours = [_hours(group) for group in groups]
    edges = _edges(np.concatenate([*hours, [profile[key] for profile in profiles for key in _MARKS]]))
    shares = [np.histogram(h, edges)[0] / len(group) for h, group in zip(hours, groups, strict=True)]
    highest = max(share.max() for share in shares) or 1.0
    for row, (group, profile) in enumerate(zip(groups, profiles, strict=True)):
        base = row + _BASE
        bins = base - shares[row] * _TALLEST / highest
        ax.stairs(bins, edges, baseline=base, fill=True, color=SHAPE, linewidth=0)
        for key, (quantile, name, style) in _MARKS.items():
            # Below the smallest bin there is only a delay of nothing, which a logarithm does not show.
            at = max(profile[key], edges[0])
            ax.plot([at, at], [base, base - _TALLEST], color=INK, linewidth=1.4, linestyle=style, label=name)
            # The time until the end is but a lower bound where too few payments were credited to know better.
            bound = "≥ " if len(hours[row]) < quantile * len(group) else ""
            _note(
                ax, bound + duration(profile[key]), (at, base - _TALLEST), (0, 1.5), ha="center", va="bottom"
            )
    ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    ticks = {at: text for at, text in _TICKS.items() if edges[0] <= at <= edges[-1]}
    ax.set_xticks(list(ticks), labels=list(ticks.values()))
    ax.xaxis.set_minor_locator(NullLocator())
    _explain(ax, ax.get_lines()[: len(_MARKS)])


def _draw_causes(ax: Axes, groups: list[pd.DataFrame]) -> None:
    ends = np.zeros(len(groups))
    bars = []
    for cause in CAUSES:
        hours = np.array([group[f"{cause}_seconds"].mean() for group in groups]) / HOUR
        if hours.any():
            name, colour = CAUSE_WORDS[cause], CAUSE_COLOURS[cause]
            rows = range(len(groups))
            bars.append(ax.barh(rows, hours, 0.56, ends, color=colour, ec="white", lw=0.5, label=name))
            ends = ends + hours
    for row, end in enumerate(ends):
        _note(ax, f"{end:.1f} h", (end, row), (4, 0), ha="left", va="center")
    ax.set_xlim(0, max(ends.max() * 1.17, 0.1))
    _explain(ax, bars)


def _edges(hours: Floats) -> Floats:
    """Bin limits, equally wide as factors, around all delays of a second or more."""
    seen = np.log10(hours[hours >= 1 / HOUR]) * _BINS
    first, last = (np.floor(seen.min()), np.floor(seen.max()) + 1) if len(seen) else (0.0, float(_BINS))
    return np.asarray(10 ** (np.arange(first, last + 1) / _BINS))


def _hours(group: pd.DataFrame) -> Floats:
    """Delays of the payments that were credited."""
    taken = (group["credited_at"] - group["instructed_at"]).dropna()
    return np.asarray(taken.dt.total_seconds() / HOUR)


def _row_name(route: str, group: pd.DataFrame) -> str:
    missing = f"\n{percent(1 - len(_hours(group)) / len(group))} not credited"
    return f"{spelt(route)}\n{len(group):,}{missing if group['credited_at'].hasnans else ''}"


def _note(ax: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **align: str) -> None:
    ax.annotate(text, at, xytext=shift, textcoords="offset points", fontsize=8.5, **align)  # type: ignore[arg-type]


def _explain(ax: Axes, handles: Sequence[Any]) -> None:
    """Say below the axis what marks and colours mean."""
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.1),
        ncols=3,
        fontsize=8.5,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
    )
