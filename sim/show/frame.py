"""A figure draws into the axes it is given, and opens a window or a notebook cell only if given none."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from sim.results.results import FIGURES
from sim.show.palette import INK, QUIET, STYLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.gridspec import SubplotSpec

    from sim.results.results import Results

#: Width and height of each figure in inches.
SIZES: dict[str, tuple[float, float]] = {}


class Drawing(Protocol):
    """A figure of a run."""

    def __call__(self, results: Results, ax: Axes | None = None) -> Axes:
        """Draw into the place of `ax`, or into a new pyplot figure, and return the first of its axes."""
        ...


def figure(width: float, height: float) -> Callable[[Callable[[Results, Axes], None]], Drawing]:
    """Register a function that draws into axes as the figure of its name, so many inches wide and high."""

    def register(draw: Callable[[Results, Axes], None]) -> Drawing:
        @wraps(draw)
        def drawing(results: Results, ax: Axes | None = None) -> Axes:
            target = _shown(width, height) if ax is None else ax
            with mpl.rc_context(STYLE):
                draw(results, target)
            return target

        name = draw.__name__
        SIZES[name] = (width, height)
        FIGURES[name] = drawing
        return drawing

    return register


def blank(name: str) -> Figure:
    """An empty figure of the size that `name` needs; pyplot does not know of it, so none stays open."""
    return Figure(figsize=SIZES[name], layout="constrained")


def panels(ax: Axes, rows: int, columns: int, **grid: Any) -> list[Axes]:  # noqa: ANN401 - matplotlib's own
    """Divide the place of `ax` among itself, top left, and further axes, row by row.

    `grid` holds further options of a matplotlib grid, such as `height_ratios`.
    """
    inner = _place(ax).subgridspec(rows, columns, **grid)
    ax.set_subplotspec(inner[0, 0])
    places = [inner[row, column] for row in range(rows) for column in range(columns)]
    return [ax, *(ax.figure.add_subplot(place) for place in places[1:])]


def headline(ax: Axes, title: str, lines: int = 1) -> None:
    """Put the title of a figure above its first panel, leaving room for `lines` of heading."""
    ax.set_title(title, pad=10 + 14 * lines)


def heading(ax: Axes, text: str) -> None:
    """Say above a panel what it shows."""
    ax.annotate(
        text,
        (0, 1),
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        color=INK,
        va="bottom",
    )


def nothing(ax: Axes, text: str) -> None:
    """Say in an empty panel why it is empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=QUIET)
    ax.set_yticks([])


def _shown(width: float, height: float) -> Axes:
    # Pyplot chooses a backend and changes settings for good when it is first used, and keeps figures until
    # they are closed: so it is imported only where a figure is to be seen, and outside of our settings.
    from matplotlib import pyplot  # noqa: PLC0415, ICN001 - see above

    return pyplot.figure(figsize=(width, height), layout="constrained", facecolor="white").add_subplot()


def _place(ax: Axes) -> SubplotSpec:
    found = ax.get_subplotspec()
    if found is not None:
        return found
    box = ax.get_position()
    return GridSpec(1, 1, ax.figure.figure, left=box.x0, right=box.x1, bottom=box.y0, top=box.y1)[0]
