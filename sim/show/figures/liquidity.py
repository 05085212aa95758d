"""Money may be there and payments wait all the same, if it is with the wrong bank at the wrong hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import matplotlib.dates as mdates
import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.results.views import busiest_systems, course_of_day
from sim.scenario.topology import zone_of
from sim.show.frame import figure, heading, headline, label_ends, nothing, panels, same_scale
from sim.show.palette import ACCOUNTS, AVAILABLE, INK, OTHER_ACCOUNTS, WAITING, dress
from sim.show.words import Scale, day, spelt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results

#: Systems shown, and accounts told apart by colour.
_SYSTEMS: Final = 3
_NAMED: Final = len(ACCOUNTS) - 1
#: Names beside the day keep so far apart, as shares of a row's height.
_APART: Final = 0.115
#: From so many days on they are shown side by side.
_FEWEST_DAYS: Final = 3


class _System(NamedTuple):
    """A system to show: its days in the period, and the one looked at closely."""

    name: str
    currency: str
    days: pd.DataFrame
    chosen: pd.Series
    scale: Scale

    def major(self, minor: pd.Series) -> pd.Series:
        """Amounts in the unit shown."""
        return minor / (10.0 ** minor_digits(self.currency) * self.scale.size)

    @property
    def unit(self) -> str:
        """Currency and unit, as an axis has it."""
        return self.scale.unit(self.currency)


@figure(width=10.4, height=8.2)
def liquidity(results: Results, ax: Axes) -> None:
    """Money to spend and payments that wait: through the period, and on the day on which most waits.

    The busiest systems in which money can run out, a row each. On the left by day the least that all accounts
    together could spend, and below the axis the largest value that waited on any of them; money of one bank pays for
    no other, so there may be both. On the right the same by time of day, account by account: above the axis the
    money of each, below it, hatched in the same colour, those of its own payments that waited. Credit lines are part
    of what can be spent.
    """
    systems = [_look(results, name) for name in busiest_systems(results, _SYSTEMS)]
    columns = 2 if any(len(system.days) >= _FEWEST_DAYS for system in systems) else 1
    axes = panels(ax, max(len(systems), 1), columns, hspace=0.06, wspace=0.03)
    which = (
        f"the {len(systems)} busiest systems by value" if len(systems) > 1 else "the busiest system by value"
    )
    headline(ax, f"Liquidity, {which}: {results.scenario.name}", lines=2)
    if not systems:
        dress(ax, grid="y")
        nothing(ax, "no payments in a system in which money can run out")
        ax.set_xticks([])
    for number, system in enumerate(systems):
        row = axes[number * columns : (number + 1) * columns]
        if columns > 1:
            _draw_days(row[0], system)
        ends, colours = _draw_day(row[-1], results, system)
        if columns > 1:
            same_scale(row)
        names = {name: name.partition("@")[0] for name in ends}
        label_ends(row[-1], ends, names, colours, _APART, marks=True)
        for panel in row:
            panel.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.6g}")


def _look(results: Results, name: str) -> _System:
    days = results.system_days
    days = days[(days["system"] == name).to_numpy() & days["counted"].to_numpy()].reset_index(drop=True)
    by = "queue_peak_value" if days["queue_peak_value"].any() else "submitted"
    currency = str(results.systems.set_index("system").loc[name, "currency"])
    largest = days[["queue_peak_value", "available_lowest"]].max().max() / 10 ** minor_digits(currency)
    return _System(name, currency, days, days.loc[days[by].idxmax()], Scale.of([float(largest)]))


def _draw_days(ax: Axes, system: _System) -> None:
    dress(ax, grid="y")
    days = system.days
    heading(ax, f"{spelt(system.name)} by day, all accounts together:\n▲ least to spend   ▼ most that waited")
    ax.set_ylabel(f"waiting ▼   ▲ to spend, {system.unit}")
    # A value stands until the next business day, the last one for a day.
    dates = days["business_day"].tolist()
    dates.append(dates[-1] + pd.Timedelta(days=1))
    edges = mdates.date2num(dates)  # type: ignore[no-untyped-call]
    available, waiting = system.major(days["available_lowest"]), system.major(days["queue_peak_value"])
    ax.stairs(available, edges, fill=True, color=AVAILABLE, alpha=0.35, linewidth=0)
    ax.stairs(available, edges, baseline=None, color=AVAILABLE, linewidth=1.0)
    ax.stairs(-waiting, edges, fill=True, color=WAITING, linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xlim(edges[0], edges[-1])
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _draw_day(ax: Axes, results: Results, system: _System) -> tuple[dict[str, float], dict[str, str]]:
    """Draw it, and return where each account's share of the money ends at the right, and its colour."""
    dress(ax, grid="y")
    zone, chosen = zone_of(results.scenario, system.name), system.chosen
    what = "most waits" if chosen["queue_peak_value"] else "most is paid"
    heading(
        ax,
        f"{spelt(system.name)} on {day(chosen['business_day'])}, when {what}, account by account:\n"
        "▲ its money   ▼ hatched: its own payments that wait",
    )
    ax.set_ylabel(f"waiting ▼   ▲ to spend, {system.unit}")
    ax.set_xlabel(f"time of day ({zone})")
    course = course_of_day(results, system.name, chosen["opens_at"], chosen["closes_at"])
    clock = pd.DatetimeIndex(course.index).tz_convert(zone).tz_localize(None)
    edges = mdates.date2num(clock)  # type: ignore[no-untyped-call]
    parts = _told_apart(course)
    names = list(parts["waiting"].columns)
    ends, above, below = {}, np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    colours = dict(zip(names, ACCOUNTS, strict=False))
    if len(names) > _NAMED:
        colours[names[-1]] = OTHER_ACCOUNTS
    for name in names:
        filled = {"fill": True, "facecolor": colours[name], "edgecolor": "white"}
        top = above + system.major(parts["available", name]).to_numpy()[:-1]
        ax.stairs(top, edges, baseline=above, linewidth=0.4, **filled)
        bottom = below - system.major(parts["waiting", name]).to_numpy()[:-1]
        ax.stairs(bottom, edges, baseline=below, linewidth=0, hatch="////", **filled)
        ends[name] = float(above[-1] + top[-1]) / 2
        above, below = top, bottom
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xlim(edges[0], edges[-1])
    ax.margins(y=0.05)
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=4, maxticks=9))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    return ends, colours


def _told_apart(course: pd.DataFrame) -> pd.DataFrame:
    """Money and waiting payments of the accounts with most of both, most first, and the sums of all others."""
    waiting = pd.DataFrame(course["waiting"])
    # Who cannot run dry has nothing that is worth a mention.
    available = pd.DataFrame(course["available"]).reindex(columns=waiting.columns, fill_value=0)
    size = pd.Series((available + waiting).mean())
    order = size.sort_values(ascending=False, kind="stable").index.tolist()
    named, rest = (order, []) if len(order) <= _NAMED + 1 else (order[:_NAMED], order[_NAMED:])
    parts = {}
    for what, found in (("available", available), ("waiting", waiting)):
        parts[what] = found[named]
        if rest:
            parts[what] = parts[what].assign(**{f"{len(rest)} others": found[rest].sum(axis=1)})
    told: pd.DataFrame = pd.concat(parts, axis=1)
    return told
