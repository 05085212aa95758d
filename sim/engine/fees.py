"""A step may cost the payer or the payee a flat charge and a share of the value, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.currency import Amounts, round_half_even
from sim.engine.records import Fees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.world.steps import FeePlan
    from sim.world.world import World


def charge(
    fee: FeePlan, step: int, owed: tuple[NDArray[np.int64], Seconds, Amounts], world: World, log: Log
) -> None:
    """Charge payments at step number `step`, if they reach it before the run ends.

    `owed` are the payments, when they are charged, and the amounts (of the payments' currency) on which.
    Firms of other groups than those of the fee owe nothing.
    """
    reached = owed[1] < log.end
    parties = world.obligations.payer if fee.bearer == "payer" else world.obligations.payee
    firms = parties[world.payments.obligation[owed[0]]]
    reached &= fee.groups[world.firms.group[firms]]
    rows, at, amount = (column[reached] for column in owed)
    value = world.fx.convert(amount, world.payments.currency[rows], fee.currency, at)
    log.charge(
        Fees(
            payment=rows,
            attempt=world.journeys.attempt[rows],
            step=np.full(len(rows), step, dtype=np.int64),
            firm=firms[reached],
            at=at,
            currency=np.full(len(rows), fee.currency, dtype=np.int64),
            amount=fee_amounts(fee, value),
        )
    )


def fee_amounts(fee: FeePlan, value: Amounts) -> Amounts:
    """Minor units charged on payments of `value` minor units of the fee's currency.

    flat + share · value, not less than the minimum and not more than the maximum.
    """
    amount = np.maximum(fee.flat + fee.share * value, fee.minimum)
    if fee.maximum is not None:
        amount = np.minimum(amount, fee.maximum)
    return round_half_even(amount)
