"""A saved figure is a function of the results: the same tables give the same bytes."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg

import sim.show.figures  # noqa: F401 - all that can be drawn
from sim.errors import ResultsError, RunError
from sim.results.folder import FIGURES_FOLDER
from sim.results.plots import FIGURES
from sim.results.saving import new_file
from sim.show.frame import NEEDS, SIZES, blank
from sim.show.palette import STYLE
from sim.show.study_figures import SIZES as STUDY_SIZES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from matplotlib.axes import Axes

    from sim.results.results import Results
    from sim.studies.comparison import Comparison
    from sim.studies.ensemble import Ensemble

_DOTS_PER_INCH: Final = 150
#: What our figures say in themselves, so that a file by another hand is told from them.
_SOFTWARE: Final = "local-currency-settlement"
_BEGINNING: Final = 1000


def save_figures(results: Results, folder: Path) -> list[Path]:
    """Draw every figure as `folder/<name>.png` and return the paths, in order of name; makes the folder.

    A figure that would show nothing of this run is left out.
    The reader's own matplotlib settings change nothing, and no window opens.
    """
    return [
        write_figure(partial(FIGURES[name], results), SIZES[name], folder / f"{name}.png")
        for name in sorted(SIZES)
        if NEEDS[name](results)
    ]


def save_study_figures(study: Ensemble | Comparison, folder: Path) -> list[Path]:
    """Draw every figure of a study as `folder/figures/<name>.png` and return the paths."""
    return [
        write_figure(partial(draw, study), STUDY_SIZES[name], folder / FIGURES_FOLDER / f"{name}.png")
        for name, draw in sorted(study.figures.items())
    ]


def replace_figure(draw: Callable[[Axes], object], size: tuple[float, float], path: Path) -> Path:
    """As `write_figure`, in the place of an earlier figure of ours or of none; `ResultsError` for another file."""
    try:
        with path.open("rb") as file:
            ours = _SOFTWARE.encode() in file.read(_BEGINNING)
    except FileNotFoundError:
        ours = True
    except OSError as error:
        raise RunError(f"{path}: the figure cannot be written ({error.strerror or error})") from None
    if not ours:
        raise ResultsError(f"{path}: exists and is not a figure of ours; choose another file with -o")
    with new_file(path) as temporary:
        write_figure(draw, size, temporary)
    return path


def write_figure(draw: Callable[[Axes], object], size: tuple[float, float], path: Path) -> Path:
    """Draw into a figure of a size in inches and write it as PNG; makes the folder. `RunError` if it cannot."""
    # The backend is a choice about windows, and none is opened here.
    settings: Any = {key: value for key, value in mpl.rcParamsDefault.items() if "backend" not in key}
    drawn = BytesIO()
    with mpl.rc_context({**settings, **STYLE}), _quiet():
        figure = blank(*size)
        canvas = FigureCanvasAgg(figure)
        draw(figure.add_subplot())
        canvas.print_figure(drawn, dpi=_DOTS_PER_INCH, format="png", metadata={"Software": _SOFTWARE})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn.getvalue())
    except OSError as error:
        raise RunError(f"{path}: the figure cannot be written ({error.strerror or error})") from None
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what matplotlib tells its programmers of fonts and room.

    What no font draws is told in a sentence before; a name too long for its place is cut off there.
    """
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    fonts.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")
            warnings.filterwarnings("ignore", "constrained_layout not applied")
            yield
    finally:
        fonts.setLevel(level)
