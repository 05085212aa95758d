"""Whoever acts in a run, one file each: an actor puts on the agenda what it will do first when it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.actors.closings import build_closings
from sim.engine.actors.failures import Failures
from sim.engine.actors.fundings import Funding
from sim.engine.actors.lenders import Lenders
from sim.engine.actors.shifts import Shifts
from sim.engine.actors.treasuries import Treasury
from sim.engine.systems.opened import Systems

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.world.world import World


def build_actors(world: World, floor: Floor) -> None:
    """Open the systems, and build whoever moves money on their accounts beside the payments."""
    network, systems = world.network, Systems(world, floor)
    lenders = Lenders(network.lendings, floor, systems)

    def needed(account: int) -> int:
        """What an account needs beyond its target: for its queue, and to repay its loans."""
        return systems.waiting(account) + lenders.owes(account)

    funded: dict[int, list[int]] = {}
    for funding in network.session_funding:
        funded.setdefault(funding.source, []).append(funding.account)

    def away(account: int) -> int:
        """What an account would get back if the sessions that it funds ended now."""
        others = funded.get(account)
        return 0 if others is None else sum(max(floor.ledger.balance[other], 0) for other in others)

    for number, plan in enumerate(network.funding):
        Treasury(number, plan, floor, systems, needed, away)
    for funding in network.session_funding:
        Funding(funding, floor, systems)
    build_closings(world, floor, systems)
    Shifts(network, floor, systems)
    Failures(world, floor, systems)
