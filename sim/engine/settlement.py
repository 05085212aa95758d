"""Simulate only what contends: submissions are sorted beforehand, and drained in a plain loop between events.

Most payments never wait. What depends on money (a treasury, a netting cycle, or a payment that waited and so
reaches its next system late) becomes an event; SimPy keeps those events and the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.closing import Squaring, ZeroBalance
from sim.engine.floor import Action, Floor, Phase
from sim.engine.liquidity import Borrowing
from sim.engine.records import Funding, Loans, Shifts, TreasuryDeal
from sim.engine.systems import KINDS
from sim.engine.systems.base import Place
from sim.engine.systems.gross import Gross
from sim.engine.systems.pvp import Link
from sim.engine.treasury import Deal, Desk
from sim.scenario.model.settlement import Clearing, Emptied, Pvp
from sim.scenario.topology import legs
from sim.world.accounts import MARKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sim.engine.closing import Closing, SquaringPayment
    from sim.engine.markets.trading import Trading
    from sim.engine.records import Offset
    from sim.engine.requests import Requests
    from sim.engine.systems.base import Facility, System
    from sim.world.build import World

#: How often a progress display is told the time, over the whole run.
_TICKS = 200


class Settlement:
    """Settles the transfers of a run; what happened is then on the `floor`."""

    def __init__(
        self,
        world: World,
        requests: Requests,
        rearrive: Callable[[int, int, int], int],
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """See `Floor` for `rearrive`; `progress` is told the simulated instant now and then."""
        self.floor = Floor(world, requests, rearrive)
        self._systems = _open_systems(world, self.floor)
        #: Whoever takes requests in, by number: the systems, and then the desks that review payments.
        self._facilities: list[Facility] = [*self._systems]
        #: The system of each account.
        self._home = [self._systems[number] for number in world.network.accounts.system_number]
        self._links = [system for system in self._systems if isinstance(system, Link)]
        self._next = 0
        #: The firms' dealing, where it depends on what settles.
        self.trading: Trading | None = None
        network, hours = world.network, world.network.system_hours
        self._desks = [Desk(plan, hours[plan.system]) for plan in network.funding]
        for number in range(len(self._desks)):
            self._await_decision(number)
        self._dealt: list[TreasuryDeal] = []
        self._borrowing = Borrowing(network.lendings, hours, self._home, self._waiting, self.floor)
        if network.lendings:
            self.floor.wanting = self._borrowing.want
        self._closings: dict[int, Closing] = dict(_closings(world))
        for number in self._closings:
            self._await_closing(number)
        self._network = network
        self._shifted: list[tuple[int, int, int, int]] = []
        for at, account, amount in network.shifts:
            self.floor.schedule(at, Action(Phase.DELIVERY, 0, account, -1, amount))
        self._hours = network.system_hours
        self._frozen_at: list[int] = network.frozen_at.tolist()
        for bank, at in enumerate(network.failed_at.tolist()):
            self.floor.schedule(max(at, world.window.start), Action(Phase.FAILURE, 0, bank, bank))
        if progress is not None:
            self.floor.remind(max((world.window.end - world.window.start) // _TICKS, 1), progress)

    def staff(self, desks: Iterable[Facility]) -> None:
        """Have payments reviewed, bank by bank."""
        self._facilities += desks

    def run(self) -> None:
        """Simulate until the end of the run; what has not settled by then stays where it waits."""
        floor = self.floor
        while True:
            self._drain(min(floor.next_event, floor.end))
            # Draining may itself have caused an earlier event.
            instant = floor.next_event
            if instant < floor.end:
                self._happen(int(instant))
            elif self._next == len(floor.planned) or floor.planned[self._next] >= floor.end:
                return

    def loans(self) -> Loans:
        """Every loan so far."""
        return self.floor.loans.columns()

    def funding(self) -> Funding:
        """Every deal of a treasury so far, by its number."""
        return Funding.of(self._dealt)

    def shifts(self) -> Shifts:
        """What was granted and withdrawn from outside."""
        return Shifts.of(self._shifted)

    def offsets(self) -> tuple[Offset, ...]:
        """Runs of offsetting so far, by system, then instant."""
        gross = [system for system in self._systems if isinstance(system, Gross)]
        return tuple(run for system in gross for run in system.offsets)

    def clearings(self) -> list[SquaringPayment]:
        """What agents of clearing accounts have paid each other, system by system."""
        squaring = [closing for closing in self._closings.values() if isinstance(closing, Squaring)]
        return [payment for closing in squaring for payment in closing.payments]

    def _drain(self, bound: float) -> None:
        """Submit the planned transfers that arrive before `bound`, and before any event that they cause."""
        floor, facilities = self.floor, self._facilities
        planned, late, facility, count = floor.planned, floor.late, floor.facility, len(floor.planned)
        number = self._next
        while number < count and planned[number] < bound:
            if not late[number]:
                facilities[facility[number]].submit(number, planned[number])
                if floor.eventful:
                    bound = min(bound, floor.next_event)
                    floor.eventful = False
            number += 1
        self._next = number

    def _happen(self, at: int) -> None:
        """Do everything that is due at the instant of the next event, in order."""
        floor = self.floor
        while True:
            first, planned = floor.due(at), self._planned_action(at)
            if planned is not None and (first is None or planned < first):
                self._next += 1
                if not floor.late[planned.subject]:
                    self._act(planned, at)
            elif first is not None:
                self._act(floor.take(), at)
            else:
                floor.eventful = False
                return

    def _planned_action(self, at: int) -> Action | None:
        """The next planned submission, if it is due now; looked at singly, for an earlier one may void it."""
        floor, number = self.floor, self._next
        if number == len(floor.planned) or floor.planned[number] != at:
            return None
        return Action(Phase.SUBMISSION, floor.haste[number], floor.payment[number], number)

    def _act(self, action: Action, at: int) -> None:
        match action.phase:
            case Phase.FAILURE:
                self._fail(action, at)
            case Phase.SUBMISSION:
                self._facilities[self.floor.facility[action.subject]].submit(action.subject, at)
            case Phase.EXCHANGE | Phase.SALE if self.trading is not None:
                self.trading.act(action, at)
            case Phase.DELIVERY:
                self._arrive(action, at)
            case Phase.LOAN:
                self._borrowing.turn(action.subject, at)
            case Phase.DRAWING:
                self._borrowing.draw(action.subject, action.order, at)
            case Phase.NETTING | Phase.LINK | Phase.REVIEW:
                self._facilities[action.subject].act(at)
            case Phase.TREASURY:
                self._decide(action.subject, at)
            case Phase.CLOSING:
                self._close(action.subject, at)

    def _close(self, number: int, at: int) -> None:
        for account in self._closings[number].close(self.floor.ledger, at):
            self._systems[number].credited(account, at)
        self._systems[number].emptied()
        for account in self._closings[number].accounts:
            self._borrowing.want(account, at)
        self._await_closing(number)

    def _fail(self, action: Action, at: int) -> None:
        """Freeze the accounts whose time has come; what waits for them or on them leaves the queues.

        An action without a bank looks after those who waited behind on one account.
        """
        if action.subject < 0:
            self._home[action.order].credited(action.order, at)
            return
        accounts = frozenset(number for number, since in enumerate(self._frozen_at) if since <= at)
        for account in sorted(accounts - self.floor.ledger.frozen):
            self.floor.ledger.freeze(account)
        for number, system in enumerate(self._systems):
            for account in system.withdraw(accounts, at):
                # Those behind go on when the system is open, which may be now.
                opens = self._hours[number].opens_at(at)
                self.floor.schedule(opens, Action(Phase.FAILURE, 0, account, -1))

    def _await_closing(self, number: int) -> None:
        self.floor.schedule(self._closings[number].next_instant(), Action(Phase.CLOSING, 0, number, number))

    def _await_decision(self, number: int) -> None:
        self.floor.schedule(self._desks[number].next_decision(), Action(Phase.TREASURY, 0, number, number))

    def _decide(self, number: int, at: int) -> None:
        """Deals that could only take place after the end of the run are left alone."""
        desk, floor = self._desks[number], self.floor
        dealt_at = desk.dealt_at(at)
        deals = desk.decide(floor.ledger.balance.__getitem__, self._needed) if dealt_at < floor.end else ()
        for deal in deals:
            if deal.account in floor.ledger.frozen:
                continue
            delivered_at = at
            if deal.amount < 0:
                floor.ledger.move(deal.account, desk.market, -deal.amount, at)
            else:
                delivered_at = desk.delivery(dealt_at)
                delivery = Action(Phase.DELIVERY, 0, deal.account, number, deal.amount)
                floor.schedule(delivered_at, delivery)
            self._dealt.append(TreasuryDeal(number, deal.account, at, dealt_at, delivered_at, deal.amount))
        self._await_decision(number)

    def _waiting(self, account: int) -> int:
        """Value that waits for cover on an account, in its own system and in links."""
        return self._home[account].waiting(account) + sum(link.waiting(account) for link in self._links)

    def _needed(self, account: int) -> int:
        """What an account needs beyond its target: for its queue, and to repay its loans."""
        return self._waiting(account) + self._borrowing.owes(account)

    def _arrive(self, action: Action, at: int) -> None:
        """Money comes that a treasury bought; without a treasury, it is granted or withdrawn from outside."""
        if action.subject >= 0:
            self._deliver(self._desks[action.subject], Deal(action.order, action.amount), at)
            return
        ledger, account, amount = self.floor.ledger, action.order, action.amount
        market = self._network.accounts.market(self._network.accounts.system[account])
        if account in ledger.frozen:
            moved = 0
        elif amount > 0:
            moved = amount
            ledger.move(market, account, moved, at)
            self._home[account].credited(account, at)
        else:
            moved = -min(-amount, max(ledger.available(account), 0))
            if moved:
                ledger.move(account, market, -moved, at)
                self._home[account].emptied()
        self._shifted.append((at, account, amount, moved))

    def _deliver(self, desk: Desk, deal: Deal, at: int) -> None:
        desk.receive(deal)
        if deal.account in self.floor.ledger.frozen:
            return
        self.floor.ledger.move(desk.market, deal.account, deal.amount, at)
        self._home[deal.account].credited(deal.account, at)


def _closings(world: World) -> Iterator[tuple[int, Closing]]:
    """What brings accounts to zero, by the number of their system."""
    network = world.network
    for number, system in enumerate(world.scenario.systems.values()):
        accounts, hours = network.accounts.of_system(number), network.system_hours[number]
        if isinstance(system, Clearing):
            yield number, Squaring(number, accounts, network.clearings[number])
        elif isinstance(system, Emptied) and system.zero_balance:
            market = network.accounts.number[MARKET, network.systems[number]]
            yield number, ZeroBalance(accounts, market, hours, world.window.start)


def _open_systems(world: World, floor: Floor) -> list[System]:
    """The systems of the scenario, by number; links after their legs."""
    opened: dict[int, System] = {}
    declared = list(world.scenario.systems.values())
    for number in sorted(range(len(declared)), key=lambda number: isinstance(declared[number], Pvp)):
        place = _place(number, world, opened)
        opened[number] = KINDS[declared[number].kind](declared[number], place, floor)
    return [opened[number] for number in range(len(declared))]


def _place(number: int, world: World, opened: dict[int, System]) -> Place:
    """Where a system stands; a link, on the accounts of its legs."""
    network = world.network
    books = [network.systems.index(leg) for leg in legs(world.scenario, network.systems[number])]
    accounts = tuple(account for leg in books for account in network.accounts.of_system(leg))
    home = network.accounts.system_number
    return Place(
        number=number,
        accounts=accounts,
        hours=network.system_hours[number],
        cycles=network.cycles[number],
        caps={k: network.caps[k] for k in accounts if k in network.caps},
        bounds={k: network.bounds[k] for k in accounts if k in network.bounds},
        paces=network.paces[number],
        legs={k: opened[home[k]] for k in accounts if home[k] != number},
    )
