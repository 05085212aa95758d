"""Where payments were and why, as tests ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.causes import PLACES, REASONS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.results.results import Results
    from sim.world.world import World


def by_reason(records: Records) -> NDArray[np.int64]:
    """Seconds by payment and reason."""
    found = np.zeros((len(records.settled_at), len(REASONS)), dtype=np.int64)
    np.add.at(found, records.stays.payment, records.stays.seconds)
    return found


def seconds(records: Records, reason: str) -> list[int]:
    """Seconds that each payment spent for a reason, wherever it was."""
    return by_reason(records)[:, list(REASONS).index(reason)].tolist()


def reasons(records: Records, payment: int = 0) -> dict[str, int]:
    """Seconds of a payment by reason, those of none left out."""
    found = dict(zip(REASONS, by_reason(records)[payment].tolist(), strict=True))
    return {reason: spent for reason, spent in found.items() if spent}


def spent(records: Records, payment: int = 0) -> dict[str, dict[str, int]]:
    """Seconds of a payment by place and reason, those of none left out."""
    found: dict[str, dict[str, int]] = {}
    mine = records.stays.payment == payment
    for place, row in zip(
        records.stays.place[mine].tolist(), records.stays.seconds[mine].tolist(), strict=True
    ):
        here = found.setdefault(list(PLACES)[place], {})
        for reason, more in zip(REASONS, row, strict=True):
            if more:
                here[reason] = here.get(reason, 0) + more
    return {place: here for place, here in found.items() if here}


def of_payments(results: Results, reason: str) -> pd.Series[int]:
    """Seconds that each payment of a run spent for a reason, in the order of the table `payments`."""
    steps, payments = results["steps"], results["payments"]
    total = steps.groupby("payment_id")[f"{reason}_seconds"].sum()
    return total.reindex(payments["payment_id"], fill_value=0).set_axis(payments.index)


def assert_accounted(world: World, records: Records) -> None:
    """All seconds from instruction to credit, or to the end, follow one upon the other, with a place and a reason."""
    at, until = world.payments.instructed_at.copy(), np.minimum(records.credited_at, world.window.end)
    rows = records.stays
    assert (rows.seconds >= 0).all()
    assert (rows.seconds.sum(axis=1) == rows.ended_at - rows.began_at).all()
    for payment, began, ended in zip(
        *(c.tolist() for c in (rows.payment, rows.began_at, rows.ended_at)), strict=True
    ):
        assert at[payment] == began
        at[payment] = ended
    assert at.tolist() == until.tolist()
