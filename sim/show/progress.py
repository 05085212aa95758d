"""How far a run is in simulated time, and a study in runs: on standard error, and only where a person can see it."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sim.core.clock import from_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.world.world import World


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, World], None] | None]:
    """What to tell the simulated instant; None where standard error is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[day]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None, day="drawing the world")

        def tell(at: int, world: World) -> None:
            window = world.window
            bar.update(
                task,
                total=window.end - window.start,
                completed=at - window.start,
                day=f"{from_instant(at, window.zone):%d %b %Y}",
            )

        yield tell


class _Rate(ProgressColumn):
    """How many are made in a minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{60 * speed:,.3g} a minute")


@contextmanager
def study_progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """What to tell how many replications are done, of how many: a bar with the rate and the time that is left.

    Nothing is shown where there is neither a terminal nor a notebook that can show it.
    """
    console = Console(stderr=True)
    # Without these widgets rich puts a warning into the notebook, and no bar.
    drawn = console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
    if not drawn:
        yield lambda _done, _total: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: list[TaskID] = []

        def tell(done: int, total: int) -> None:
            # What was done before this command says nothing about how fast it is.
            if not tasks:
                tasks.append(bar.add_task(name, total=total, completed=done))
            bar.update(tasks[0], total=total, completed=done)

        yield tell
