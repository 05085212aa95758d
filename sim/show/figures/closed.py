"""Who is shut, and on which kind of day: what longer hours could save is not what a common calendar could."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.causes import CLOSED
from sim.show.figures.delay import draw_reasons, explain
from sim.show.frame import figure, heading, headline, nothing
from sim.show.palette import dress
from sim.show.words import place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results


@figure(width=9.6, height=4.6)
def closed(results: Results, ax: Axes) -> None:
    """How long payments due in the period wait for each place to open, by the kind of day on which it is shut.

    Mean hours of the measure `delay_matrix`: out of hours on a day that is worked, on a weekend, on a holiday; the
    longest first.
    """
    matrix = results.measures["delay_matrix"].value
    shut = {
        key: found
        for key, reasons in matrix.items()
        if (found := {reason: reasons[reason] for reason in CLOSED.values() if reason in reasons})
    }
    keys = sorted(shut, key=lambda key: -sum(shut[key].values()))
    headline(ax, f"Who is shut, and when: {results.scenario.name}")
    heading(ax, "Mean wait for an opening, by place and kind of the local day")
    dress(ax, grid="x")
    ax.set_xlabel("hours per payment")
    if not keys:
        nothing(ax, "no payment waited for an opening")
        ax.set_xticks([])
        return
    ax.set_ylim(len(keys) - 0.4, -0.6)
    ax.set_yticks(range(len(keys)), labels=[place(key) for key in keys])
    explain(ax, draw_reasons(ax, [shut[key] for key in keys]))
