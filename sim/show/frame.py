"""A figure draws into the axes it is given, and opens a window or a notebook cell only if given none."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, Protocol

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from sim.results.plots import FIGURES
from sim.results.results import believing
from sim.show.fonts import draw_all_scripts
from sim.show.palette import INK, QUIET, STYLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.gridspec import SubplotSpec

    from sim.results.results import Results

#: Labels at the ends of lines keep so far apart, as shares of a panel's height.
APART: Final = 0.085
#: Width and height of each figure in inches.
SIZES: dict[str, tuple[float, float]] = {}
#: What a run must have for a figure to be saved.
NEEDS: dict[str, Callable[[Results], bool]] = {}


class Drawing(Protocol):
    """A figure of a run."""

    def __call__(self, results: Results, ax: Axes | None = None) -> Axes:
        """Draw into the place of `ax`, or into a new pyplot figure, and return the first of its axes."""
        ...


def figure(
    width: float, height: float, needs: Callable[[Results], bool] = lambda _: True
) -> Callable[[Callable[[Results, Axes], None]], Drawing]:
    """Register a function that draws into axes as the figure of its name, so many inches wide and high.

    `needs` tells of which runs it is saved: it would show nothing of the others.
    """

    def register(draw: Callable[[Results, Axes], None]) -> Drawing:
        @wraps(draw)
        def believed(results: Results, ax: Axes) -> None:
            with believing(results):
                draw(results, ax)

        drawing = as_figure(believed, width, height)
        name = draw.__name__
        SIZES[name] = (width, height)
        NEEDS[name] = needs
        FIGURES[name] = drawing
        return drawing

    return register


def as_figure(draw: Callable[..., None], width: float, height: float) -> Callable[..., Axes]:
    """A function that draws into axes as one that opens so large a figure if it is given none, and returns the axes.

    Beyond what it shows and the axes it takes its options by name; its signature and its docstring say so.
    """

    @wraps(draw)
    def drawing(subject: Any, ax: Axes | None = None, **options: Any) -> Axes:  # noqa: ANN401 - as `draw` has them
        target = shown(width, height) if ax is None else ax
        with styled(target):
            draw(subject, target, **options)
        return target

    declared = inspect.signature(draw)
    subject, ax, *options = declared.parameters.values()
    by_name = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    drawing.__signature__ = declared.replace(  # type: ignore[attr-defined]  # what `inspect` and `help` look for
        parameters=[subject, ax.replace(default=None, annotation="Axes | None"), *by_name],
        return_annotation="Axes",
    )
    return drawing


@contextmanager
def styled(ax: Axes) -> Iterator[None]:
    """Draw within in our style, and see to it that names in any script can be read."""
    with mpl.rc_context(STYLE):
        yield
    draw_all_scripts(ax.figure)


def blank(width: float, height: float) -> Figure:
    """An empty figure of a size in inches; pyplot does not know of it, so none stays open."""
    return Figure(figsize=(width, height), layout="constrained")


def panels(ax: Axes, rows: int, columns: int, **grid: Any) -> list[Axes]:  # noqa: ANN401 - matplotlib's own
    """Divide the place of `ax` among itself, top left, and further axes, row by row.

    `grid` holds further options of a matplotlib grid, such as `height_ratios`.
    """
    inner = _place(ax).subgridspec(rows, columns, **grid)
    ax.set_subplotspec(inner[0, 0])
    places = [inner[row, column] for row in range(rows) for column in range(columns)]
    return [ax, *(ax.figure.add_subplot(place) for place in places[1:])]


def same_scale(axes: Sequence[Axes]) -> None:
    """Let panels that are compared show the same stretch of values, all that any of them shows."""
    if axes:
        low, high = zip(*(ax.get_ylim() for ax in axes), strict=True)
        for ax in axes:
            ax.set_ylim(min(low), max(high))


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


def label_ends(
    ax: Axes,
    ends: dict[str, float],
    texts: dict[str, str],
    colours: dict[str, str],
    apart: float = APART,
    *,
    marks: bool = False,
) -> None:
    """Name each line at its right end, moving names apart where the lines end close together.

    `marks` gives a square of its colour to each name, which is then written in ink.
    """
    low, high = ax.get_ylim()
    ax.set_ylim(low, high)
    gap = apart * (high - low)
    order = sorted(ends, key=ends.__getitem__)
    # Neighbours push each other apart by halves, so a crowd stays where its lines end on average.
    heights = [ends[code] for code in order]
    for _ in range(100):
        for lower in range(len(heights) - 1):
            short = gap - (heights[lower + 1] - heights[lower])
            if short > 0:
                heights[lower] -= short / 2
                heights[lower + 1] += short / 2
    # A crowd at the bottom moves up rather than into the labels of the axis.
    raised = max(low - heights[0], 0.0) if heights else 0.0
    for code, height in zip(order, [height + raised for height in heights], strict=True):
        shift = 5
        if marks:
            _write(ax, "■", height, shift, colours[code])
            shift += 10
        _write(ax, texts[code], height, shift, INK if marks else colours[code])


def _write(ax: Axes, text: str, height: float, shift: int, colour: str) -> None:
    """Write so many points to the right of the axes."""
    ax.annotate(
        text,
        (1, height),
        xytext=(shift, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        color=colour,
        va="center",
        fontweight="bold",
        fontsize=9,
        annotation_clip=False,
    )


def shown(width: float, height: float) -> Axes:
    """Axes of a new figure that is to be seen, in a window or a notebook."""
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
