"""What is submitted early and settles late has waited: the area between two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, PercentFormatter

from sim.core.clock import HOUR
from sim.results.measures.systems import clock, throughput_rules
from sim.results.views import busiest_systems
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.topology import zone_of
from sim.show.frame import figure, heading, headline, nothing, panels
from sim.show.palette import AVAILABLE, INK, WAITING, dress
from sim.show.words import percent, spelt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results

#: Systems shown, in two columns, and ticks of an hour axis at most.
_SYSTEMS: Final = 4
_TICKS: Final = 8
#: How a point of a throughput rule looks.
_POINT: Final[dict[str, Any]] = {"color": INK, "marker": "D", "markersize": 5, "linestyle": "none"}


@figure(width=9.6, height=6.4)
def throughput(results: Results, ax: Axes) -> None:
    """How much of a day's value was submitted, and how much had settled, by the hours of each system's clock.

    The busiest systems in which money can run out; means over the days of the period on which something was
    submitted. The area between the lines is value that waits; points are those of a throughput rule.
    """
    systems = busiest_systems(results, _SYSTEMS)
    columns = min(len(systems), 2) or 1
    rows = -(-len(systems) // columns) or 1
    axes = panels(ax, rows, columns, hspace=0.08, wspace=0.05)
    headline(ax, f"Throughput of a day: {results.scenario.name}")
    if not systems:
        dress(ax, grid="y")
        nothing(ax, "no payments in a system in which money can run out")
        ax.set_xticks([])
    for panel, system in zip(axes, systems, strict=False):
        _draw(panel, results, system)
    for panel in axes[max(len(systems), 1) :]:
        panel.remove()
    if systems:
        if any(system in throughput_rules(results.scenario) for system in systems):
            axes[0].plot([], [], label="throughput rule", **_POINT)
        axes[0].legend(loc="upper left", fontsize=8.5, handlelength=1.4)


def _draw(ax: Axes, results: Results, system: str) -> None:
    dress(ax, grid="y")
    table = results.throughput
    rows = table[(table["system"] == system).to_numpy() & table["account"].isna().to_numpy()]
    hours, settled = rows["hour"].to_numpy(), rows["settled_share"].to_numpy()
    submitted = rows["submitted_share"].to_numpy()
    ax.fill_between(hours, settled, submitted, color=WAITING, alpha=0.25, linewidth=0, label="waiting")
    ax.plot(hours, submitted, color=INK, linewidth=1.1, linestyle=(0, (3, 1.5)), label="submitted")
    ax.plot(hours, settled, color=AVAILABLE, linewidth=1.8, label="settled")
    # Without points there must be nothing at all: an empty line that may not be cut off spoils the layout.
    for point in throughput_rules(results.scenario).get(system, ()):
        by = seconds_after_midnight(point.by) / HOUR
        ax.plot(by, float(point.share), clip_on=False, zorder=3, **_POINT)
    left = 1 - settled[-1]
    heading(ax, f"{spelt(system)}: {percent(left)} not settled that day" if left > 0 else spelt(system))
    ax.set_xlim(hours[0], max(hours[-1], hours[0] + 1))
    ax.set_ylim(0, 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.set_ylabel("share of the day's value")
    step = max(int(np.ceil((hours[-1] - hours[0]) / _TICKS)), 1)
    ax.xaxis.set_major_locator(FixedLocator(np.arange(hours[0], hours[-1] + 1, step).tolist()))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda hour, _: clock(round(hour)).replace(" ", "\n")))
    ax.set_xlabel(f"by this time of day ({zone_of(results.scenario, system)})")
