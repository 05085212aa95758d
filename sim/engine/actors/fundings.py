"""As a session begins an account gets what it lacks from its source, and the rest once the source is credited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.clock import NEVER
from sim.engine.agenda import Phase
from sim.engine.records import FundingMove

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.engine.systems.opened import Systems
    from sim.world.session_funding import SessionFunding


class Funding:
    """Brings one account to its balance; money moves while both systems are open, and neither account is frozen.

    At the opening it is there before payments ask for it. What comes later comes after everything else of an instant:
    those who wait on the source are before it.
    """

    def __init__(self, plan: SessionFunding, floor: Floor, systems: Systems) -> None:
        self._plan = plan
        self._floor = floor
        self._systems = systems
        self._instants = iter(plan.openings)
        self._ends = frozenset(plan.emptied_at)
        #: What the account was to be given at its latest opening and has not been.
        self._missing = 0
        #: When it will be looked at next for what is missing; NEVER if at the next credit.
        self._looks_at = NEVER
        floor.ledger.listen(plan.source, self._credited)
        self._await_opening()

    def _await_opening(self) -> None:
        at = next(self._instants, NEVER)
        # Where one session ends as another begins, the account is emptied first.
        phase = Phase.FUNDING if at in self._ends else Phase.DELIVERY
        self._floor.agenda.schedule(at, phase, self._open, self._plan.account, -1)

    def _open(self, at: int) -> None:
        self._missing = max(self._plan.target - self._floor.ledger.balance[self._plan.account], 0)
        self._move(at)
        self._await_opening()

    def _move(self, at: int) -> None:
        """Move what the source covers; wait for its next credit, or for an opening, with the rest."""
        plan, ledger = self._plan, self._floor.ledger
        if not ledger.frozen.isdisjoint((plan.account, plan.source)):
            self._missing = 0
        opens_at = plan.hours.opens_at(at)
        amount = min(self._missing, max(ledger.available(plan.source), 0)) if opens_at == at else 0
        if amount:
            self._missing -= amount
            posting = ledger.move(plan.source, plan.account, amount, at)
            self._floor.funded.append(FundingMove(plan.account, plan.source, at, amount))
            self._systems.emptied(plan.source)
            self._systems.credited(plan.account, at, [posting])
        if self._missing and opens_at > at:
            self._look(opens_at)

    def _credited(self, _source: int, at: int) -> None:
        if self._missing:
            self._look(self._plan.hours.opens_at(at))

    def _look(self, at: int) -> None:
        if self._looks_at != at:
            self._looks_at = at
            self._floor.agenda.schedule(at, Phase.FUNDING, self._again, self._plan.account)

    def _again(self, at: int) -> None:
        self._looks_at = NEVER
        self._move(at)
