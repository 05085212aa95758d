"""A bar in simulated time, on standard error, and only where a person can see it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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


@contextmanager
def counting(name: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar of things that are done one after the other, likewise; each call moves it by one."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda: bar.update(task, advance=1)
