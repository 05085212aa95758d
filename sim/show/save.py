"""A saved figure is a function of the results: the same tables give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg

from sim.results.results import FIGURES
from sim.show.frame import SIZES, blank
from sim.show.palette import STYLE

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

_DOTS_PER_INCH: Final = 150


def save_figures(results: Results, folder: Path) -> list[Path]:
    """Draw every figure as `folder/<name>.png` and return the paths, in order of name; makes the folder.

    The reader's own matplotlib settings change nothing, and no window opens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_save(results, name, folder / f"{name}.png") for name in sorted(SIZES)]


def _save(results: Results, name: str, path: Path) -> Path:
    # The backend is a choice about windows, and none is opened here.
    settings: Any = {key: value for key, value in mpl.rcParamsDefault.items() if "backend" not in key}
    with mpl.rc_context({**settings, **STYLE}):
        figure = blank(name)
        canvas = FigureCanvasAgg(figure)
        FIGURES[name](results, figure.add_subplot())
        canvas.print_figure(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return path
