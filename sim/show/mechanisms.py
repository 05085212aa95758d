"""A settlement mechanism trades money for time: what saves liquidity makes payments wait, unless it is a better one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sim.errors import ResultsError
from sim.results.results import believing
from sim.show.frame import headline, shown, styled
from sim.show.palette import AVAILABLE, QUIET, dress
from sim.show.save import replace_figure
from sim.show.words import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from sim.results.results import Results

_SIZE: Final = (8.6, 5.6)
#: Room beside the points, and what an axis spans at least, as a share of its largest value.
_MARGIN: Final = 0.12
_LEAST_EXTENT: Final = 0.2
#: Runs closer than this share of both axes share a label.
_CLOSE: Final = 0.025
#: Right of this share of the width, names stand to the left of their points.
_TURN: Final = 0.55
#: Names keep so far apart, as shares of the height, and stand so far beside, as a share of the width.
_LINE: Final = 0.055
_ASIDE: Final = 0.025


class _Point(NamedTuple):
    """Runs that need as much and wait as long."""

    money: float
    hours: float
    names: tuple[str, ...]


class _Label(NamedTuple):
    """A point to name, in shares of the axes' width and height."""

    x: float
    y: float
    name: str


def plot_mechanisms(results: Sequence[Results], ax: Axes | None = None) -> Axes:
    """Set runs side by side: liquidity used a day against the time that payments waited for money or a cycle.

    A point per run, named after its scenario. Down is faster, left is cheaper. The measures are
    `intraday_liquidity_usage_total` and the `liquidity` and `netting` parts of `delay_by_reason`. Returns the axes;
    `ResultsError` if there is no run, or if the runs report in different currencies.
    """
    with believing(*results):
        return _side_by_side(results, ax)


def _side_by_side(results: Sequence[Results], ax: Axes | None) -> Axes:
    currencies = {run.measures["intraday_liquidity_usage_total"].unit for run in results}
    if len(currencies) != 1:
        told = f"these runs report in {' and '.join(sorted(currencies))}" if currencies else "there is no run"
        raise ResultsError(f"runs that report in one currency can be set side by side; {told}")
    target = shown(*_SIZE) if ax is None else ax
    with styled(target):
        _draw(target, _points(results), currencies.pop())
    return target


def save_mechanisms(results: Sequence[Results], path: Path) -> Path:
    """Draw the runs side by side into a PNG file, and return its path; makes its folder."""
    return replace_figure(lambda ax: plot_mechanisms(results, ax), _SIZE, path)


def _points(results: Sequence[Results]) -> list[_Point]:
    """A point per run, in order; runs at nearly the same place are one."""
    names = [run.scenario.name for run in results]
    if len({*names}) < len(names):
        names = [f"{name}, seed {run.scenario.seed}" for name, run in zip(names, results, strict=True)]
    money = [run.measures["intraday_liquidity_usage_total"].value for run in results]
    waits = [run.measures["delay_by_reason"].value for run in results]
    hours = [reasons["liquidity"] + reasons["netting"] for reasons in waits]
    width, height = (_CLOSE * (max(values) - min(values)) for values in (money, hours))
    found: list[_Point] = []
    for point in map(_Point, money, hours, [(name,) for name in names]):
        for number, other in enumerate(found):
            if abs(other.money - point.money) <= width and abs(other.hours - point.hours) <= height:
                found[number] = other._replace(names=other.names + point.names)
                break
        else:
            found.append(point)
    return found


def _draw(ax: Axes, points: Sequence[_Point], currency: str) -> None:
    dress(ax, grid="y")
    scale = Scale.of(point.money for point in points)
    money, hours = [point.money / scale.size for point in points], [point.hours for point in points]
    ax.plot(money, hours, "o", color=AVAILABLE, markersize=8, clip_on=False)
    ax.set_xlim(_limits(money))
    ax.set_ylim(_limits(hours))
    if min(hours) < max(hours) / 2:
        ax.set_ylim(bottom=0)
    middle = min(money) + _TURN * (max(money) - min(money))
    labels = [
        _Label(*_fraction(ax, at, height), ", ".join(point.names))
        for at, height, point in zip(money, hours, points, strict=True)
    ]
    for side, chosen in ((1, [at <= middle for at in money]), (-1, [at > middle for at in money])):
        _name(ax, [label for label, here in zip(labels, chosen, strict=True) if here], side)
    headline(ax, "Mechanisms side by side: money or time", lines=0)
    unit = scale.unit(currency)
    ax.set_xlabel(f"liquidity used: largest net debits of a day, all accounts, mean over days, {unit}")
    ax.set_ylabel("mean wait for cover or a netting cycle,\nhours per payment")
    ax.text(0.01, 0.02, "◀ less money    ▼ less time", transform=ax.transAxes, color=QUIET, fontsize=8.5)


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis with some room beside the values, which look alike if they are nearly so."""
    low, high = min(values), max(values)
    extent = max(high - low, _LEAST_EXTENT * abs(high), 1e-9)
    middle, half = (low + high) / 2, extent * (0.5 + _MARGIN)
    return middle - half, middle + half


def _fraction(ax: Axes, x: float, y: float) -> tuple[float, float]:
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    return (x - left) / (right - left), (y - low) / (high - low)


def _name(ax: Axes, labels: Sequence[_Label], side: int) -> None:
    """Write names beside their points, to the right (1) or left (-1); crowded ones in a column of their own."""
    ordered = sorted(labels, key=lambda label: label.y)
    crowds: list[list[_Label]] = []
    for label in ordered:
        if crowds and label.y - crowds[-1][-1].y < _LINE:
            crowds[-1].append(label)
        else:
            crowds.append([label])
    for crowd in crowds:
        edge = max(label.x * side for label in crowd) * side + _ASIDE * side
        middle = sum(label.y for label in crowd) / len(crowd)
        lowest = max(middle - _LINE * (len(crowd) - 1) / 2, _LINE)
        for number, label in enumerate(crowd):
            ax.annotate(
                label.name,
                (label.x, label.y),
                xytext=(edge, label.y if len(crowd) == 1 else lowest + number * _LINE),
                xycoords="axes fraction",
                textcoords="axes fraction",
                ha="left" if side > 0 else "right",
                va="center",
                arrowprops={
                    "arrowstyle": "-",
                    "color": QUIET,
                    "linewidth": 0.6,
                    "shrinkB": 3,
                    "relpos": (0.0 if side > 0 else 1.0, 0.5),
                },
            )
