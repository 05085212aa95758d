"""A desk builds up a backlog when more cases come in than its people can end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.core.clock import HOUR
from sim.results.calendar import local_days
from sim.results.columns import names, payment_ids
from sim.results.instants import instants, seconds
from sim.results.measure import Measure
from sim.results.swings import extremes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

    Tables = Mapping[str, pd.DataFrame]


def reviews_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """One row per review by a person, in the order of arrival; `work_seconds` are those of the desk's hours."""
    rows = records.reviews
    desks = [desk.name for desk in world.network.desks]
    return pd.DataFrame(
        {
            "payment_id": payment_ids(world, rows.payment),
            "attempt": rows.attempt,
            "step": rows.step,
            "bank": names(world.network.banks, rows.bank),
            "desk": names(desks, rows.bank),
            "arrived_at": instants(rows.arrived_at),
            "began_at": instants(rows.began_at),
            "ended_at": instants(rows.ended_at),
            "work_seconds": rows.work,
            "sent_back": rows.sent_back,
        }
    )


def desk_days_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """By desk and local day of the period, in whole cases and seconds; desks that nobody came to are left out.

    `arrived` and `ended` within the day; `backlog_peak` is the most that had come and had not ended at one instant;
    `open_seconds` of the desk's hours; `work_seconds` is the time that its people were at work.
    """
    rows, network = records.reviews, world.network
    days, edges = local_days(world)
    parts = []
    for bank in np.unique(rows.bank).tolist():
        mine = rows.bank == bank
        hours = network.desks[bank].hours
        arrived, began, ended = (column[mine] for column in (rows.arrived_at, rows.began_at, rows.ended_at))
        parts.append(
            pd.DataFrame(
                {
                    "date": np.array(days, dtype="datetime64[ms]"),
                    "desk": network.desks[bank].name,
                    "bank": network.banks[bank],
                    "arrived": _within(arrived, edges),
                    "ended": _within(ended, edges),
                    "backlog_peak": _peaks(arrived, ended, edges),
                    "open_seconds": hours.open_seconds(edges[:-1], edges[1:]),
                    "work_seconds": np.diff(_worked(began, ended, edges, hours)),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else _no_days()


def _no_days() -> pd.DataFrame:
    whole = ("arrived", "ended", "backlog_peak", "open_seconds", "work_seconds")
    empty: dict[str, Any] = {"date": np.zeros(0, dtype="datetime64[ms]")}
    empty |= {name: pd.Series([], dtype="str") for name in ("desk", "bank")}
    return pd.DataFrame(empty | {name: np.zeros(0, dtype=np.int64) for name in whole})


def _worked(began: Seconds, ended: Seconds, until: Seconds, hours: OpeningHours) -> Seconds:
    """Open seconds of work on all cases up to each instant of `until`, which are sorted."""
    origin = min(int(began.min()), int(until[0]))
    last = int(until[-1])

    def opened(at: Seconds) -> Seconds:
        return hours.open_seconds(np.full(at.shape, origin), np.minimum(at, last))

    def total(at: Seconds) -> tuple[Seconds, Seconds]:
        """How many of the instants lie before each of `until`, and the sum of the open seconds up to them."""
        in_order = np.sort(at)
        sums = np.concatenate([[0], np.cumsum(opened(in_order))])
        before = np.searchsorted(in_order, until, side="left")
        return before, sums[before]

    (begun, up_to_begin), (done, up_to_end) = total(began), total(ended)
    return up_to_end + (begun - done) * opened(until) - up_to_begin


def _within(at: Seconds, edges: Seconds) -> NDArray[np.int64]:
    """How many of the instants lie in each interval between edges."""
    return np.diff(np.searchsorted(np.sort(at), edges, side="left"))


def _peaks(arrived: Seconds, ended: Seconds, edges: Seconds) -> NDArray[np.int64]:
    """The most cases at one instant of each interval: who ends as another comes is not there with him."""
    at = np.concatenate([ended, arrived])
    change = np.concatenate([np.full(len(ended), -1), np.ones(len(arrived), dtype=np.int64)])
    order = np.argsort(at, kind="stable")
    return extremes(at[order], change[order], edges, 0)[1][:-1]


def review_measures(tables: Tables, period: tuple[int, int]) -> dict[str, Measure]:
    """What desks did in the period, by desk; nothing for one that nobody came to.

    - `review_wait`: hours from the arrival of a case until somebody took it up, closed hours included, of
      cases that arrived in the period and were taken up: mean and 95th percentile;
    - `review_backlog_peak`: the most cases on the desk at one instant.
    """
    reviews, days = tables["reviews"], tables["desk_days"]
    arrived = seconds(reviews["arrived_at"])
    counted = (arrived >= period[0]) & (arrived < period[1]) & reviews["began_at"].notna().to_numpy()
    wait = (reviews["began_at"] - reviews["arrived_at"])[counted].dt.total_seconds() / HOUR
    by_desk = wait.groupby(reviews["desk"][counted].astype(str))
    profile = {str(desk): {"mean": float(w.mean()), "p95": float(w.quantile(0.95))} for desk, w in by_desk}
    peaks = {str(desk): int(peak) for desk, peak in days.groupby("desk")["backlog_peak"].max().items()}
    return {
        "review_wait": Measure(profile, "hours per review"),
        "review_backlog_peak": Measure(peaks, "cases"),
    }
