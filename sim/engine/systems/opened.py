"""All systems of a run, and which of them keeps an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.systems import KINDS
from sim.engine.systems.base import Setup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.engine.floor import Floor
    from sim.engine.systems.base import System
    from sim.world.world import World


class Systems:
    """Tells the systems concerned what happens to an account beside payments."""

    def __init__(self, world: World, floor: Floor) -> None:
        """Opened systems take in what is asked of them on the `floor`."""
        network = world.network
        self.hours = network.system_hours
        self.every: list[System] = []
        #: The systems in which payments may wait on an account: the one that keeps it, and links.
        self._queueing: list[list[System]] = [[] for _ in range(len(network.accounts))]
        opened: dict[int, System] = {}
        # Links come after their legs.
        for number in sorted(
            range(len(network.systems)), key=lambda number: len(network.system_plans[number].legs)
        ):
            setup = _setup(number, world, opened)
            plan = network.system_plans[number]
            opened[number] = KINDS[plan.kind](plan, setup, floor)
            for account in setup.accounts:
                self._queueing[account].append(opened[number])
        self.every += [opened[number] for number in range(len(opened))]
        self._number = network.accounts.system_number
        self._home = [opened[number] for number in self._number]
        floor.serve(self.every, floor.requests.system)

    def credited(self, account: int, at: int, changes: Sequence[int]) -> None:
        """Money has come to an account: what that allows settles; see `System` for the changes."""
        self._home[account].credited(account, at, changes)

    def opens_at(self, account: int, at: int) -> int:
        """When the system that keeps an account is open next; `at`, if it is."""
        return self.hours[self._number[account]].opens_at(at)

    def emptied(self, account: int) -> None:
        """Money has left an account."""
        self._home[account].emptied()

    def waiting(self, account: int) -> int:
        """Value that waits for cover on an account, in its own system and in links."""
        value = 0
        for system in self._queueing[account]:
            value += system.waiting(account)
        return value

    def held(self, account: int) -> int:
        """The part of it that its bank holds back of its own will."""
        return self._home[account].held(account)


def _setup(number: int, world: World, opened: dict[int, System]) -> Setup:
    """Where a system stands; a link, on the accounts of its legs."""
    network = world.network
    accounts = tuple(
        account for leg in network.system_plans[number].legs for account in network.accounts.of_system(leg)
    )
    home = network.accounts.system_number
    return Setup(
        number=number,
        accounts=accounts,
        hours=network.system_hours[number],
        cycles=network.cycles[number],
        caps={k: network.caps[k] for k in accounts if k in network.caps},
        bounds={k: network.bounds[k] for k in accounts if k in network.bounds},
        paces=network.paces[number],
        legs={k: opened[home[k]] for k in accounts if home[k] != number},
    )
