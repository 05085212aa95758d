"""A step may cost the payer or the payee a flat charge and a share of the value, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.currency import Amounts, minor_digits, round_half_even
from sim.engine.records import Fees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.scenario.model.steps import Fee
    from sim.world.world import World


def charge(
    fee: Fee, step: int, owed: tuple[NDArray[np.int64], Seconds, Amounts], world: World, log: Log
) -> None:
    """Charge payments at step number `step`, if they reach it before the run ends.

    `owed` are the payments, when they are charged, and the amounts (of the payments' currency) on which.
    Firms of sides that the fee does not name owe nothing.
    """
    reached = owed[1] < log.end
    parties = world.obligations.payer if fee.bearer == "payer" else world.obligations.payee
    firms = parties[world.payments.obligation[owed[0]]]
    if fee.sides is not None:
        groups = [group.side in fee.sides for group in world.scenario.firms.values()]
        reached &= np.array(groups, dtype=np.bool_)[world.firms.group[firms]]
    rows, at, amount = (column[reached] for column in owed)
    currency = world.fx.index(fee.currency)
    value = world.fx.convert(amount, world.payments.currency[rows], currency, at)
    log.charge(
        Fees(
            payment=rows,
            attempt=world.journeys.attempt[rows],
            step=np.full(len(rows), step, dtype=np.int64),
            firm=firms[reached],
            at=at,
            currency=np.full(len(rows), currency, dtype=np.int64),
            amount=fee_amounts(fee, value),
        )
    )


def fee_amounts(fee: Fee, value: Amounts) -> Amounts:
    """Minor units charged on payments of `value` minor units of the fee's currency.

    flat + share · value, not less than the minimum and not more than the maximum.
    """
    scale = 10.0 ** minor_digits(fee.currency)
    amount = float(fee.flat) * scale + float(fee.share) * value
    amount = np.maximum(amount, float(fee.minimum) * scale)
    if fee.maximum is not None:
        amount = np.minimum(amount, float(fee.maximum) * scale)
    return round_half_even(amount)
