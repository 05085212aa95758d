"""How fast payments are, on the clocks of the public yardsticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import HOUR
from sim.results.columns import codes
from sim.results.measures.sums import of_counted, ratio
from sim.results.registry import measure, shared
from sim.scenario.topology import bank_zone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.run import Run

#: Hours, and joint working days, within which payments are counted.
_HOURS: Final = (1, 4, 24)
_DAYS: Final = (0, 1, 2, 3, 5)
_CLOCKS: Final = ("from_order", "from_release", "between_banks")
_NAMES: Final = (*(f"within_{hours}h" for hours in _HOURS), *(f"by_day_{days}" for days in _DAYS))
_BANKS: Final = ("payer_bank", "payee_bank")
_NEEDS: Final = ("payments", "steps", "transfers", "bank_days")


class _Stretch(NamedTuple):
    """Instants between which a clock runs, by counted payment; NaT at the end for what never arrives."""

    since: pd.Series[pd.Timestamp]
    until: pd.Series[pd.Timestamp]


@measure("share of payments", "higher", _NEEDS)
def speed(run: Run) -> dict[str, dict[str, float]]:
    """How many counted payments arrive within 1, 4 and 24 hours, and by joint working day 0, 1, 2, 3 and 5.

    By clock: `from_order` runs from the instruction to the credit; `from_release` from when the payer's bank sends, which
    is the beginning of the last attempt's first message (without one, the submission to its first system), to the credit;
    `between_banks` from then until the payee's bank has it, at the end of the last settlement. Hours are those of the
    wall clock. A joint working day is one on which both banks work, by the local date in the zone of the payer's bank;
    `by_day_0` is the date on which the clock starts, `by_day_2` the second joint working day after it. Shares are of all
    counted payments; what never arrives is in none.
    """
    rows = run["payments"][run["payments"]["counted"]].set_index("payment_id")
    joint = _joint_days(run)
    found: dict[str, dict[str, float]] = {}
    for name, clock in zip(_CLOCKS, _stretches(run, rows), strict=True):
        hours = (clock.until - clock.since).dt.total_seconds().to_numpy() / HOUR
        since, until = (_local_dates(run, at, rows["payer_bank"]) for at in clock)
        between = joint.between(rows, since, until)
        shares = [ratio(float((hours <= most).sum()), len(rows)) for most in _HOURS]
        arrived = ~np.isnan(hours)
        by_day = [(since == until) | (arrived & (between < most)) for most in _DAYS]
        shares += [ratio(float((arrived & early).sum()), len(rows)) for early in by_day]
        found[name] = dict(zip(_NAMES, shares, strict=True))
    return found


def _stretches(run: Run, rows: pd.DataFrame) -> tuple[_Stretch, _Stretch, _Stretch]:
    """When the three clocks run."""
    arrived, sent = rows["credited_at"], _sent_at(run, rows)
    return (
        _Stretch(rows["instructed_at"], arrived),
        _Stretch(sent, arrived),
        _Stretch(sent, rows["settled_at"]),
    )


def _sent_at(run: Run, rows: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """When the payer's bank sends each payment; its instruction where it never gets so far, or nothing is sent."""
    stays = of_counted(run, run["steps"])
    # An attempt that came back has no message of its own there.
    messages = stays[stays["place"] == "message"].drop_duplicates("payment_id")
    sent = messages.set_index("payment_id")["began_at"]
    asked = of_counted(run, run["transfers"])
    first = asked["attempt"].to_numpy() == rows["attempts"].loc[asked["payment_id"]].to_numpy()
    submitted = (
        asked[first & (asked["kind"] == "payment").to_numpy()].groupby("payment_id")["submitted_at"].min()
    )
    index = rows.index
    found: pd.Series[pd.Timestamp] = sent.reindex(index).fillna(submitted.reindex(index))
    return found.fillna(rows["instructed_at"])


def _local_dates(run: Run, at: pd.Series[pd.Timestamp], bank: pd.Series[str]) -> NDArray[np.datetime64]:
    """The local date of each instant in the zone of its bank's hours; NaT where there is none."""
    found = np.full(len(at), np.datetime64("NaT", "D"))
    zones = [bank_zone(run.scenario, str(name)).key for name in bank.cat.categories]
    of = np.array(zones, dtype=np.str_)[codes(bank)] if zones else np.zeros(0, dtype=np.str_)
    for zone in dict.fromkeys(zones):
        mine = of == zone
        local = at[mine].dt.tz_convert(zone).dt.tz_localize(None)
        found[mine] = local.to_numpy().astype("datetime64[D]")
    return found


class _JointDays:
    """The days on which two banks work both."""

    def __init__(self, run: Run) -> None:
        rows, payments = run["bank_days"], run["payments"]
        banks = list(dict.fromkeys(name for side in _BANKS for name in payments[side].cat.categories))
        window = run.window
        self._first = np.datetime64(window.start, "s").astype("datetime64[D]") - 2
        days = np.arange(self._first, np.datetime64(window.end, "s").astype("datetime64[D]") + 3)
        works = np.tile(np.is_busday(days), (len(banks), 1))
        number = pd.Index(banks).get_indexer(pd.Index(rows["bank"].astype("str")))
        rows, number = rows[number >= 0], number[number >= 0]
        place = (rows["date"].to_numpy().astype("datetime64[D]") - self._first).astype(np.int64)
        works[number, place] = rows["works"].to_numpy()
        #: Banks that work on the same days share a row.
        self._days, self._row = np.unique(works, axis=0, return_inverse=True)
        self._number = {name: int(row) for name, row in zip(banks, self._row.ravel(), strict=True)}

    def between(
        self, rows: pd.DataFrame, since: NDArray[np.datetime64], until: NDArray[np.datetime64]
    ) -> NDArray[np.int64]:
        """Joint working days of the banks of each payment strictly between two dates; 0 where one is missing."""
        known = ~(np.isnat(since) | np.isnat(until))
        ends = [
            np.where(known, (day - self._first).astype("timedelta64[D]").astype(np.int64), 0)
            for day in (since, until)
        ]
        pair = [
            np.array([self._number[str(name)] for name in rows[bank].cat.categories], dtype=np.int64)[
                codes(rows[bank])
            ]
            for bank in _BANKS
        ]
        found = np.zeros(len(rows), dtype=np.int64)
        keys = pair[0] * len(self._days) + pair[1]
        for key in np.unique(keys).tolist():
            mine = keys == key
            joint = self._days[key // len(self._days)] & self._days[key % len(self._days)]
            upto = np.concatenate([[0], np.cumsum(joint)])
            found[mine] = upto[ends[1][mine]] - upto[np.minimum(ends[0][mine] + 1, len(joint))]
        return np.maximum(found, 0)


@shared
def _joint_days(run: Run) -> _JointDays:
    return _JointDays(run)
