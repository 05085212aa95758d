"""A bank that fails stands still: what it holds and what it keeps for others stays where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER, Seconds, to_instant
from sim.scenario.model.timeline import FailedBank, numbered
from sim.world.effects import gives_effect_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario
    from sim.world.accounts import Accounts


@gives_effect_to(FailedBank)
def failures(scenario: Scenario, zone: ZoneInfo) -> dict[str, int]:
    """Instants of failure by bank."""
    return {entry.bank: to_instant(entry.at, zone) for _, entry in numbered(scenario.timeline, FailedBank)}


def failed_at(banks: Sequence[str], failed: dict[str, int]) -> Seconds:
    """Instants of failure by bank number, NEVER for those that do not fail."""
    return np.array([failed.get(bank, NEVER) for bank in banks], dtype=np.int64)


def frozen_at(accounts: Accounts, failed: dict[str, int]) -> Seconds:
    """Instants from which accounts are frozen, by account number, NEVER for those that are not.

    These are the accounts that a failed bank holds, and those of others in its books.
    """
    return np.array(
        [
            min(failed.get(holder, NEVER), NEVER if servicer is None else failed.get(servicer, NEVER))
            for holder, servicer in zip(accounts.holder, accounts.servicer, strict=True)
        ],
        dtype=np.int64,
    )
