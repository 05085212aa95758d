"""An account is funded as a session of its system begins, out of an account in another system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.currency import to_minor
from sim.core.hours import joint_hours
from sim.scenario.topology import books

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.world.accounts import Accounts
    from sim.world.timing import Openings


@dataclass(frozen=True, slots=True)
class SessionFunding:
    """From which `source` an account is brought to which balance (minor units) at which openings of its system.

    `hours` are those in which money can move; `emptied_at` is when what is left goes back, nothing for a system that
    does not empty its accounts; `ends` is when sessions end, until which what was moved has its price, `rate` per year.
    """

    account: int
    source: int
    target: int
    openings: tuple[int, ...]
    emptied_at: tuple[int, ...]
    ends: tuple[int, ...]
    hours: OpeningHours
    rate: float


def session_fundings(
    scenario: Scenario,
    accounts: Accounts,
    hours: Sequence[OpeningHours],
    emptied: Sequence[tuple[int, ...]],
    openings: Openings,
) -> Iterator[SessionFunding]:
    """One for each account that states `funding`, in their order; `hours` and `emptied` are by system."""
    number = {name: place for place, name in enumerate(scenario.systems)}
    window = openings.window
    for account in scenario.accounts:
        stated = account.funding
        if stated is None:
            continue
        own, other = hours[number[account.system]], hours[number[stated.from_]]
        if stated.hours is not None:
            other = openings.hours(stated.hours, ("system", stated.from_))
        # An outage begins no session, but may put one off; where the run begins within a session, so does funding.
        begins = {own.opens_at(int(at)) for at in own.scheduled.starts if at >= window.start}
        if own.is_open_at(window.start):
            begins.add(window.start)
        emptied_at = emptied[number[account.system]]
        yield SessionFunding(
            account=accounts.number[account.holder, account.system],
            source=accounts.number[stated.through or account.holder, stated.from_],
            target=to_minor(stated.to, books(scenario)[account.system].currency),
            openings=tuple(sorted(at for at in begins if at < window.end)),
            emptied_at=emptied_at,
            ends=emptied_at or tuple(own.scheduled.ends.tolist()),
            hours=joint_hours(own, other),
            rate=float(stated.rate),
        )
