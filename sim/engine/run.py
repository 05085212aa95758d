"""From a drawn world to the record of what happened in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.causes import Delays
from sim.engine.markets.exchange import Exchange
from sim.engine.markets.trading import Trading
from sim.engine.records import Clearings, Log, Records, Submissions
from sim.engine.routes import build_walks, payers_orders, reached
from sim.engine.settlement import Settlement
from sim.engine.steps.settle import Waits
from sim.engine.transfers import plan_transfers
from sim.errors import PromiseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.floor import Floor
    from sim.engine.routes import Walk
    from sim.engine.transfers import Transfers
    from sim.world.build import World


def simulate(world: World, progress: Callable[[int], None] | None = None) -> Records:
    """Run the world to its end and record every fact; nothing here is random.

    `progress` is told the simulated instant now and then. `PromiseError` if the simulated course of a
    payment and the course told afterwards differ.
    """
    exchange = Exchange(world)
    walks = build_walks(world, exchange)
    buying_at = reached(exchange, walks)
    orders = payers_orders(exchange, buying_at)
    if not exchange.live:
        for obligation, at in zip(orders.obligation.tolist(), orders.at.tolist(), strict=True):
            exchange.buy(obligation, at)
    transfers = plan_transfers(world, walks)
    payment: list[int] = transfers.payment.tolist()
    step: list[int] = transfers.step.tolist()
    route: list[int] = world.payments.route.tolist()

    def rearrive(number: int, settled_at: int, following: int) -> int:
        walk = walks[route[payment[number]]]
        return walk.arrival(payment[number], step[number], settled_at, step[following])

    settlement = Settlement(world, transfers, rearrive, progress)
    if exchange.live:
        settlement.trading = Trading(exchange, (orders, buying_at), settlement.floor, walks, transfers)
    settlement.run()
    return _record(exchange, walks, transfers, settlement)


def _record(exchange: Exchange, walks: list[Walk], transfers: Transfers, settlement: Settlement) -> Records:
    world, floor = exchange.world, settlement.floor
    count, end = len(world.payments), world.window.end
    delays = Delays(count, end)
    log = Log(delays, end)
    settled_at, credited_at = np.full(count, NEVER), np.full(count, NEVER)
    arrival, settled = np.array(floor.arrival, dtype=np.int64), np.array(floor.settled, dtype=np.int64)
    settled = np.where(settled < 0, NEVER, settled)
    # Counter-movements arrive with what they answer to, and their amounts have come about.
    arrival = arrival[transfers.first_part] if len(floor.planned) < transfers.rows else arrival
    transfers = transfers._replace(amount=np.array(floor.amount, dtype=np.int64))
    accepted, cycle = _cycles(floor, settled)
    for walk in walks:
        waits = {
            number: Waits(
                *(_by_payment(transfers, column, number, count) for column in (settled, accepted, cycle))
            )
            for number in walk.settling
        }
        settled_at[walk.rows], credited_at[walk.rows], arrivals = walk.trace(waits, log, end)
        for number, told in arrivals.items():
            _compare(walk, told, _by_payment(transfers, arrival, number, count)[walk.rows], end)
    exchange.report(log)
    return Records(
        settled_at=settled_at,
        credited_at=credited_at,
        delays=delays,
        conversions=log.conversions(),
        fees=log.fees(),
        journal=floor.ledger.journal(transfers),
        submissions=_submissions(transfers, arrival, settled, end),
        standstills=settlement.standstills(),
        loans=settlement.loans(),
        funding=settlement.funding(),
        shifts=settlement.shifts(),
        offsets=settlement.offsets(),
        clearings=Clearings(*np.array(settlement.clearings(), dtype=np.int64).reshape(-1, 5).T),
        closing=np.array(floor.ledger.balance, dtype=np.int64),
    )


def _submissions(transfers: Transfers, arrival: Seconds, settled: Seconds, end: int) -> Submissions:
    """The transfers that were really submitted before the end: those after an unsettled one never were."""
    first = transfers.first_part
    void = np.zeros(transfers.rows, dtype=np.bool_)
    unsettled = (transfers.following >= 0) & (settled == NEVER)
    void[transfers.following[unsettled]] = True
    rows = np.flatnonzero(~void[first] & (arrival < end))
    order = (rows, transfers.part[rows], transfers.step[rows], transfers.payment[rows], arrival[rows])
    rows = rows[np.lexsort(order)]
    return Submissions(
        payment=transfers.payment[rows],
        step=transfers.step[rows],
        part=transfers.part[rows],
        system=transfers.system[rows],
        debit=transfers.debit[rows],
        credit=transfers.credit[rows],
        amount=transfers.amount[rows],
        submitted_at=arrival[rows],
        settled_at=settled[rows],
    )


def _cycles(floor: Floor, settled: Seconds) -> tuple[Seconds, Seconds]:
    """Instants of acceptance for a cycle and of that cycle by transfer; those of settlement where there is none."""
    accepted, cycle = settled.copy(), settled.copy()
    for number, (accepted_at, cycle_at) in floor.cycles.items():
        accepted[number], cycle[number] = accepted_at, cycle_at
    return accepted, cycle


def _by_payment(transfers: Transfers, instants: Seconds, step: int, count: int) -> Seconds:
    """Instants of the transfers of one step by payment number, −1 for payments without one.

    Of several parts it is the latest.
    """
    found = np.full(count, -1, dtype=np.int64)
    here = transfers.step == step
    np.maximum.at(found, transfers.payment[here], instants[here])
    return found


def _compare(walk: Walk, told: Seconds, simulated: NDArray[np.int64], end: int) -> None:
    differs = (simulated >= 0) & (told < end) & (told != simulated)
    if differs.any():
        payment = int(walk.rows[np.flatnonzero(differs)[0]])
        raise PromiseError(f"payment {payment}: the submission told afterwards is not the one simulated")
