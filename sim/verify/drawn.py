"""Payments of a case that come by chance are drawn from streams of their own, and handed over as any others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import LONGEST
from sim.world.draws import durations, stream

if TYPE_CHECKING:
    from datetime import datetime

    from sim.verify.model import Drawn


def drawn_rows(drawn: Drawn, start: datetime) -> str:
    """The rows of a CSV file, its header first, of payments `1`, `2`, … in the order of their instants."""

    def uniform(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return stream(drawn.seed, 0, f"case/{name}").random(drawn.count)

    if drawn.gap is not None:
        at = np.cumsum(durations(drawn.gap, uniform("gap")))
    else:
        at = np.sort((uniform("during") * (drawn.during or 0)).astype(np.int64))
    pairs = [(payer, payee) for payer in drawn.payers for payee in drawn.payees if payer != payee]
    chosen = (uniform("banks") * len(pairs)).astype(np.int64)
    least, most = drawn.amount
    amount = least + (uniform("amount") * (most - least + 1)).astype(np.int64)
    first = drawn.start or start
    lines = ["payment_id,instructed_at,payer_bank,payee_bank,amount"]
    # What lies beyond every run is refused with its row; no calendar need reach further.
    at = np.minimum(at, LONGEST)
    rows = zip(at.tolist(), (pairs[row] for row in chosen.tolist()), amount.tolist(), strict=True)
    lines += [
        f"{number},{(first + timedelta(seconds=second)).isoformat()},{one},{other},{units}"
        for number, (second, (one, other), units) in enumerate(rows, start=1)
    ]
    return "\n".join(lines) + "\n"
