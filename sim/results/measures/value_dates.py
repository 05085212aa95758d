"""Value dates.

A route may promise on which day money has value (`value`). Payments that it carries have an `accepted_at`, a `value_date`
and `value_missed` in the table `payments`; `same_day` marks those that were accepted in time on a day on which all the
calendars of the promise work, where that day itself was promised. What is told is of the last instruction of a payment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.results.measures.sums import ratio
from sim.results.registry import measure
from sim.scenario.topology import legs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sim.results.run import Run


@measure("payments", "lower", ("payments",))
def value_missed(run: Run) -> int:
    """How many counted payments were ready to settle only after the business day of their value date had ended.

    They settle on the next joint day whose business day has not ended.
    """
    payments = run["payments"]
    return int((payments["counted"] & payments["value_missed"]).sum())


@measure("share of payments", "higher", ("payments", "sessions"))
def same_day_share(run: Run) -> float | None:
    """Of the counted payments that were promised value on the day of their acceptance, those that settled on it.

    They have done so if their last settlement falls into that business day of its system, of a link that of its first
    leg. Null if nobody was promised that.
    """
    promised, kept = same_day(run)
    return ratio(float(kept.sum()), len(kept)) if len(promised) else None


def same_day(run: Run) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The counted payments that were promised the same day, and which of them settled on it."""
    payments, sessions = run["payments"], run["sessions"]
    promised = payments[payments["counted"] & payments["same_day"]]
    kept = np.zeros(len(promised), dtype=np.bool_)
    for name in promised["system"].unique():
        mine = np.flatnonzero((promised["system"] == name).to_numpy())
        of = sessions[(sessions["system"] == legs(run.scenario, str(name))[0]).to_numpy()]
        opens, closes, dates = (of[key].to_numpy() for key in ("opens_at", "closes_at", "business_day"))
        settled = promised["settled_at"].iloc[mine]
        at = settled.fillna(run.end).to_numpy()
        place = np.searchsorted(opens, at, side="right") - 1
        known = (place >= 0) & settled.notna().to_numpy()
        known &= at < closes[place]
        kept[mine] = known & (dates[place] == promised["value_date"].iloc[mine].to_numpy())
    return promised, kept
