"""Payments that block each other settle together: when a system looks for such, and what it does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.netting import allowed, bilateral, most, multilateral, shortness, value
from oracle.story import Run
from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.books import Transfer
    from oracle.gross import Gross
    from oracle.stage import Stage
    from sim.scenario.model.settlement import Offsetting as Declared

#: Up to so many payments all sets are tried for the best one.
_FEW = 8


class Offsetting:
    """Looks for them when somebody comes to wait, every so often from an opening on, or when so many wait."""

    def __init__(self, number: int, declared: Declared, system: Gross, stage: Stage) -> None:
        self._number = number
        self._declared = declared
        self._system = system
        self._stage = stage
        self._hours = stage.hours[number]
        #: The instant of the next run of those that take place every so often, if somebody has waited for it.
        self._next: int | None = None

    def entered(self) -> None:
        """Somebody has come to wait."""
        size = self._declared.size
        if self._declared.kind == "none":
            return
        if self._declared.every is not None:
            self._await_run()
        elif size is None or len(self._system.rows()) >= size:
            self._run()

    def tick(self) -> None:
        """Look for them if it is time."""
        if self._next == self._stage.env.now:
            self._next = None
            self._run()
            if self._system.rows():
                self._await_run()

    def _await_run(self) -> None:
        if self._next is None:
            now, every = self._stage.env.now, self._declared.every
            opened = self._hours.opened(now)
            run = opened + ((now - opened) // every + 1) * every
            self._next = self._hours.opening(run)
            self._stage.env.process(self._one_run(self._next))

    def _one_run(self, at: int | None) -> Iterator[simpy.Event]:
        yield from self._stage.turns.at(at, Turn.NETTING, self._number)
        self._system.act()

    def _run(self) -> None:
        rows = self._system.rows()
        if not rows:
            return
        chosen = self._chosen(rows)
        if chosen:
            told = Run(self._number, self._stage.env.now, self._declared.kind, len(rows), value(rows))
            self._stage.offsets.append(
                told._replace(settled_payments=len(chosen), settled_value=value(chosen))
            )
            self._system.settle_together(chosen)

    def _chosen(self, rows: list[Transfer]) -> list[Transfer]:
        short = shortness(self._stage.books.left, self._system.bounds)
        match self._declared.kind:
            case "bilateral":
                return bilateral(rows, short, by_pair=not self._system.in_order)
            case "multilateral":
                return multilateral(rows, short)
        # Several sets may be the best; which one was taken has to be told, and whether it could be is seen here.
        assert self._stage.optimum is not None
        chosen = self._stage.optimum(self._number, self._stage.env.now, rows)
        assert allowed(chosen, short)
        assert value(chosen) >= value(multilateral(rows, short))
        if len(rows) <= _FEW and not self._declared.tolerance:
            assert value(chosen) == most(rows, short)
        return chosen
