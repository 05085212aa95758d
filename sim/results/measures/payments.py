"""Payments and their delay.

The **delay** of a payment is the time from `instructed_at` to `credited_at`; for a payment not credited by the end of the
run (`followed_until` in the manifest) it is the time until then. Payments that were not ordered before the end of the
run, because their payer is late, do not exist. **Counted** payments are those that fell due within the period (column
`counted`).

### Where and why

Each second of a payment's delay has one place and one reason. The table `steps` has a row for each stay at a place in a
step of the route, with the seconds of each reason.

| place | where the payment is |
| --- | --- |
| `cut_off` | with the payer's bank, waiting for the hours in which orders are taken up; or ready to settle, and waiting for its value date |
| `payer_bank` | with the payer's bank, which works on it |
| `market` | waiting for the payer's currency |
| `message` | under way as an instruction |
| `system` | in a system, or waiting for it to open; told with its name, in measures as `system:NAME` |
| `review` | at a bank's desk |
| `payee_bank` | with the payee's bank, which credits it |
| `back` | all that was in vain: from the first instruction to that of the last attempt; if that came back too, to the end of the run |

| reason | what passes |
| --- | --- |
| `work` | banks and desks work on it in their hours, or the message travels |
| `staff` | it waits for an analyst while the desk is open |
| `closed_hours` | something is shut, on a day that is worked |
| `closed_weekend` | something is shut, on a Saturday or Sunday that is not worked, a holiday or not |
| `closed_holiday` | something is shut, on any other day that is not worked |
| `currency` | the market has been open since the order, and has not sold all of the currency or not delivered it yet |
| `liquidity` | it was submitted to an open system and waits, overnight too, because the account does not cover it |
| `netting` | it was accepted for a netting cycle and waits for the first one; beyond that it waits for `liquidity` |
| `outage` | it waits longer for an opening, for work to be done or for a netting cycle than it would without outages |
| `returned` | it is `back`, and for no other reason |

A reason is the last thing without which the payment would have gone on; of several at once, the first in this order:
`returned`, `outage`, closed, `currency`, `netting`, `liquidity`, `staff`, `work`. The day of a closed second is the local
one of the hours that are shut, with the working days that they keep (moved ones and those of the timeline among them);
it changes at local midnight. Where several are shut at once, as the legs of a link or the markets of a cross, it is that
of the one that opens last, or of the first one declared. Of several ways to a currency it is that of the way which opens
first. A wait for a value date is closed by the local day in the zone of the cut-off: `closed_hours` on a day on which all
calendars of the promise work, `closed_weekend` on another Saturday or Sunday, else `closed_holiday`. Work that runs into the night stops at closing: the night is closed, the rest of the work goes on at opening.

An outage causes, at each step that a payment comes to, the difference between the end of the step's wait or work
and what that would have been had nothing been out at this step from then on: nothing if it would have been shut
anyway, and the night, too, if the outage lasts beyond closing time. Who misses a cycle or finds an empty account
because he arrives later than without an outage, waits for `netting` or `liquidity`; and so does who stands in a queue
already when the outage begins, since nobody knows when money would have come without it. Of the wait for an analyst
only those seconds are `outage` in which the desk would have been open.

Whatever stops because a bank has failed waits for `outage` from then to the end, at night too: work in its offices,
payments that touch a frozen account, and orders from or to the bank from their instruction on (at `payer_bank`).

This is an account, not an effect: what a change would save is told by running it, and differs wherever waits hide each
other.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.causes import PLACES, REASONS
from sim.core.clock import DAY, HOUR
from sim.results.columns import codes, seconds
from sim.results.measures.sums import of_counted, plain, ratio
from sim.results.registry import measure, shared

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.results.registry import Way
    from sim.results.run import Run

_NEEDS: Final = ("fx", "payments")
_PROFILE: Final = {
    **dict.fromkeys(("mean", "p50", "p95", "p99", "value_weighted"), "hours"),
    "payments": "payments",
}
_BETTER: Final[dict[str, Way]] = {name: "neither" if name == "payments" else "lower" for name in _PROFILE}


@shared
def counted(run: Run) -> pd.DataFrame:
    """Payments counted, with their `value` in the reporting currency when due, and their `delay` in seconds."""
    found = run["payments"]
    found = found[found["counted"]].copy()
    found["value"] = run.value(found["amount"], found["currency"], found["due_at"])
    found["delay"] = (found["credited_at"].fillna(run.end) - found["instructed_at"]).dt.total_seconds()
    return found


@measure("payments", "neither", _NEEDS)
def payments(run: Run) -> int:
    """Number of counted payments."""
    return len(counted(run))


@measure("{reporting}", "neither", _NEEDS)
def value(run: Run) -> float:
    """Value of counted payments, at `due_at`."""
    return float(counted(run)["value"].sum()) / run.scale


@measure("{reporting}", "neither", _NEEDS)
def value_by_currency(run: Run) -> dict[str, float]:
    """The same by the currency of the payments."""
    return plain(counted(run).groupby("currency", observed=True)["value"].sum() / run.scale)


def _settled(run: Run) -> pd.Series[bool]:
    return counted(run)["status"] == "settled"


@measure("share of payments", "higher", _NEEDS)
def settled_share(run: Run) -> float:
    """Counted payments credited by the end of the run / counted, by number."""
    return ratio(_settled(run).sum(), len(counted(run)))


@measure("share of value", "higher", _NEEDS)
def settled_value_share(run: Run) -> float:
    """Counted payments credited by the end of the run / counted, by value."""
    worth = counted(run)["value"]
    return ratio(worth[_settled(run)].sum(), worth.sum())


@measure("hours", "lower", _NEEDS)
def delay(run: Run) -> dict[str, float]:
    """Delay of counted payments: mean, percentiles, and mean weighted by value.

    50th, 95th and 99th percentile linear between neighbours; `value_weighted` is Σ value · delay / Σ value.
    """
    rows = counted(run)
    return _profile(rows["delay"] / HOUR, rows["value"])


_STEPS: Final = (*_NEEDS, "steps")


@shared
def _spent(run: Run) -> tuple[dict[tuple[str, str], int], int]:
    """Seconds of all counted payments together by place and reason, and the number of these payments."""
    rows, total = of_counted(run, run["steps"]), Counter[tuple[str, str]]()
    known = [*rows["place"].cat.categories, *(f"system:{name}" for name in rows["system"].cat.categories)]
    system = codes(rows["system"])
    place = np.where(system < 0, codes(rows["place"]), len(rows["place"].cat.categories) + system)
    spent = rows[[f"{reason}_seconds" for reason in REASONS]].groupby(place).sum()
    for number, seconds_at in zip(spent.index, spent.to_numpy().tolist(), strict=True):
        total.update(
            {(known[number], reason): part for reason, part in zip(REASONS, seconds_at, strict=True)}
        )
    return total, len(counted(run))


def _hours_each(run: Run, *, places: Iterable[str], reasons: Iterable[str]) -> float:
    """The mean time of counted payments at some places for some reasons; one division, of exact seconds."""
    total, payments = _spent(run)
    chosen = {*product(places, reasons)}
    return ratio(sum(spent for key, spent in total.items() if key in chosen), payments * HOUR)


def _places(run: Run) -> list[str]:
    """Every place, with each system of the scenario in the place of `system`."""
    systems = [f"system:{name}" for name in run.scenario.systems]
    return [name for place in PLACES for name in (systems if place == "system" else [place])]


@measure("hours per payment", "lower", _STEPS)
def delay_by_place(run: Run) -> dict[str, float]:
    """Mean time of counted payments at each place; a system's is called `system:NAME`.

    Sum of the seconds of its rows in `steps` / number of counted payments. All places together are the mean delay.
    """
    return {place: _hours_each(run, places=[place], reasons=REASONS) for place in _places(run)}


@measure("hours per payment", "lower", _STEPS)
def delay_by_reason(run: Run) -> dict[str, float]:
    """Mean time of counted payments for each reason.

    Sum of `<reason>_seconds` in `steps` / number of counted payments. All reasons together are the mean delay.
    """
    return {reason: _hours_each(run, places=_places(run), reasons=[reason]) for reason in REASONS}


@measure("hours per payment", "lower", _STEPS)
def delay_matrix(run: Run) -> dict[str, dict[str, float]]:
    """The same by place and reason, of those pairs for which there is any time.

    Sums over places are `delay_by_reason`, sums over reasons `delay_by_place`.
    """
    found = {
        place: {
            reason: hours
            for reason in REASONS
            if (hours := _hours_each(run, places=[place], reasons=[reason]))
        }
        for place in _places(run)
    }
    return {place: reasons for place, reasons in found.items() if reasons}


@measure(_PROFILE, _BETTER, _NEEDS)
def delay_by_route(run: Run) -> dict[str, dict[str, float]]:
    """The delay by route, with the number of payments."""
    groups = counted(run).groupby("route", observed=True)
    return {str(route): _profile_of(group) for route, group in groups}


@measure(_PROFILE, _BETTER, (*_NEEDS, "firms"))
def delay_by_city(run: Run) -> dict[str, dict[str, Any]]:
    """The delay by side and city of the firms that pay or are paid; a payment counts in the cities of both."""
    rows, firms = counted(run), run["firms"]
    cities = firms.groupby(["side", "city"], observed=True)["firm"]
    place = pd.Series(cities.ngroup().to_numpy(), index=firms["firm"])
    payer, payee = (rows[party].astype(object).map(place) for party in ("payer", "payee"))
    found: dict[str, dict[str, Any]] = {}
    for number, key in enumerate(cities.groups):
        side, city = (str(part) for part in key)  # type: ignore[attr-defined]
        group = rows[(payer == number) | (payee == number)]
        if len(group):
            found.setdefault(side, {})[city] = _profile_of(group)
    return found


def _profile_of(group: pd.DataFrame) -> dict[str, float]:
    return _profile(group["delay"] / HOUR, group["value"]) | {"payments": len(group)}


def _profile(hours: pd.Series, value: pd.Series) -> dict[str, float]:
    quantiles = dict.fromkeys(("p50", "p95", "p99"), 0.0)
    if len(hours):
        found = np.quantile(hours.to_numpy(), [0.5, 0.95, 0.99])
        quantiles = dict(zip(quantiles, (float(q) for q in found), strict=True))
    return {
        "mean": _mean(hours),
        **quantiles,
        "value_weighted": ratio(float((hours * value).sum()), float(value.sum())),
    }


@measure(
    {
        "late_share": "share of obligations",
        "late_value_share": "share of value",
        **dict.fromkeys(("mean_days", "value_weighted_days"), "days"),
    },
    "lower",
    ("fx", "obligations", "payments"),
)
def lateness(run: Run) -> dict[str, dict[str, float]]:
    """How late payees have the money of obligations due in the period, ordered or not, by the payee's side.

    Days late are those from the local date of `due_at` to that of `credited_at` (or of the end of the run), not below 0.
    `late_share`, `late_value_share`: obligations with at least one, by number and by value at `due_at`; `mean_days`,
    `value_weighted_days`: over all, punctual ones included.
    """
    due = _due_obligations(run)
    due["value"] = run.value(due["amount"], due["currency"], due["due_at"])
    dates = [
        column.dt.tz_convert(run.window.zone).dt.tz_localize(None).dt.normalize()
        for column in (due["due_at"], due["credited_at"].fillna(run.end))
    ]
    due["days"] = np.maximum((dates[1] - dates[0]).dt.days, 0)
    found = {}
    for side, rows in due.groupby("payee_side", observed=True):
        late, total = rows["days"] > 0, float(rows["value"].sum())
        found[str(side)] = {
            "late_share": float(late.mean()),
            "late_value_share": ratio(float(rows.loc[late, "value"].sum()), total),
            "mean_days": float(rows["days"].mean()),
            "value_weighted_days": ratio(float((rows["value"] * rows["days"]).sum()), total),
        }
    return found


def _due_obligations(run: Run) -> pd.DataFrame:
    """Obligations due in the period, also those whose payment was not ordered, with the credit."""
    obligations, (start, end) = run["obligations"], run.period
    due_at = seconds(obligations["due_at"])
    due = obligations[(due_at >= start) & (due_at < end)]
    credited = run["payments"].dropna(subset="obligation_id").set_index("obligation_id")["credited_at"]
    return due.assign(credited_at=credited.reindex(due["obligation_id"]).array)


_RETURNS: Final = ("fx", "payments", "returns")


@shared
def _failed(run: Run) -> pd.DataFrame:
    """Attempts at counted payments that were sent back, with the value of the payment in major units."""
    due = counted(run).set_index("payment_id")
    failed = run["returns"]
    failed = failed[failed["payment_id"].isin(due.index)]
    return failed.assign(value=(due["value"] / run.scale).reindex(failed["payment_id"]).to_numpy())


@measure("share of value", "lower", _RETURNS)
def returned_share(run: Run) -> float:
    """Value of counted payments that were sent back at least once / value counted, at `due_at`."""
    rows = counted(run)
    worth = rows["value"] / run.scale
    return ratio(float(worth[rows["payment_id"].isin(_failed(run)["payment_id"])].sum()), float(worth.sum()))


@measure("share of value", "lower", _NEEDS)
def cancelled_share(run: Run) -> float:
    """Value of counted payments that were given up / value counted, at `due_at`."""
    rows = counted(run)
    worth = rows["value"] / run.scale
    return ratio(float(worth[rows["status"] == "cancelled"].sum()), float(worth.sum()))


@measure("days", "lower", _RETURNS)
def return_time(run: Run) -> float:
    """Mean time from `sent_back_at` to `returned_at` of what was sent back of counted payments and whose money was back."""
    failed = _failed(run)
    took = (failed["returned_at"] - failed["sent_back_at"]).dt.total_seconds() / DAY
    return float(took.mean()) if took.notna().any() else 0.0


@measure("{reporting} · days", "lower", _RETURNS)
def returned_value_days(run: Run) -> float:
    """What was under way for nothing: value · days from `instructed_at` to `returned_at` of attempts that failed.

    Summed over the rows of `returns` of counted payments, up to the end of the run where the money was not back.
    """
    failed = _failed(run)
    away = (failed["returned_at"].fillna(run.end) - failed["instructed_at"]).dt.total_seconds() / DAY
    return float((failed["value"].to_numpy() * away.to_numpy()).sum())


@measure({"mean": "hours", "p95": "hours"}, "lower", ("reviews",))
def review_wait(run: Run) -> dict[str, dict[str, float]]:
    """Time until somebody takes up a case, closed hours included, by desk: mean and 95th percentile.

    `began_at` − `arrived_at` of the cases of `reviews` that arrived in the period and were taken up. A desk that nobody
    came to is left out.
    """
    reviews, (start, end) = run["reviews"], run.period
    arrived = seconds(reviews["arrived_at"])
    taken_up = (arrived >= start) & (arrived < end) & reviews["began_at"].notna().to_numpy()
    wait = (reviews["began_at"] - reviews["arrived_at"])[taken_up].dt.total_seconds() / HOUR
    by_desk = wait.groupby(reviews["desk"][taken_up].astype(str))
    return {str(desk): {"mean": float(w.mean()), "p95": float(w.quantile(0.95))} for desk, w in by_desk}


@measure("cases", "lower", ("desk_days",))
def review_backlog_peak(run: Run) -> dict[str, int]:
    """The most cases that had arrived and had not ended at one instant of the period, by desk."""
    peaks = run["desk_days"].groupby("desk")["backlog_peak"].max()
    return {str(desk): int(peak) for desk, peak in peaks.items()}


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else 0.0
