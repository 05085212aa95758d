"""A run folder as somebody reads it who has nothing else, with rates and roundings of their own."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from math import floor
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Every currency of the baseline has two decimals, so rates apply to minor units as they do to major ones.
MINOR = 100
#: A value computed in longer arithmetic may lie this far beyond half a unit from the rounded one.
HALF = 0.5 + 1e-5


SATURDAY: Final = 5


class Saved(NamedTuple):
    """A run folder as text and Parquet."""

    tables: dict[str, pd.DataFrame]
    measures: dict[str, Any]
    units: dict[str, str]
    scenario: dict[str, Any]
    end: pd.Timestamp

    def __getattr__(self, name: str) -> pd.DataFrame:
        return self.tables[name]


def read(folder: Path) -> Saved:
    """All that a run folder tells."""
    tables = {
        path.stem: pq.read_table(path).to_pandas(date_as_object=False) for path in folder.glob("*.parquet")
    }
    for table in tables.values():
        for column in table.columns[table.dtypes == "category"]:
            table[column] = table[column].astype(object)
    told = json.loads((folder / "measures.json").read_text("utf-8"))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return Saved(
        tables,
        {name: measure["value"] for name, measure in told.items()},
        {name: measure["unit"] for name, measure in told.items()},
        YAML(typ="safe", pure=True).load((folder / "scenario.yaml").read_text("utf-8")),
        pd.Timestamp(manifest["followed_until"]),
    )


def clock(instants: pd.Series) -> np.ndarray:
    """Seconds since 1970; a minus number for NaT."""
    return instants.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)


class Rates:
    """Mids of the `fx` table: the last row of a currency that is valid from an instant or before it."""

    def __init__(self, fx: pd.DataFrame) -> None:
        self._rows = {
            code: (clock(group["valid_from"]), group["per_usd"].to_numpy().astype(np.longdouble))
            for code, group in fx.sort_values("valid_from").groupby("currency")
        }

    def per_usd(self, codes: pd.Series, at: pd.Series) -> np.ndarray:
        """Units of each currency per 1 USD at its instant."""
        found = np.full(len(codes), np.nan, dtype=np.longdouble)
        for code, (since, rate) in self._rows.items():
            mine = (codes == code).to_numpy()
            row = np.searchsorted(since, clock(at[mine]), side="right") - 1
            assert (row >= 0).all()
            found[mine] = rate[row]
        return found

    def value(self, amount: pd.Series, source: pd.Series, target: pd.Series, at: pd.Series) -> np.ndarray:
        """Minor units of `target`, not rounded."""
        return amount.to_numpy() * (self.per_usd(target, at) / self.per_usd(source, at))

    def usd(self, amount: pd.Series, source: pd.Series, at: pd.Series) -> np.ndarray:
        """Cents, each amount rounded for itself."""
        exact = self.value(amount, source, pd.Series("USD", index=source.index), at)
        return np.rint(exact).astype(np.int64)


def assert_rounded(told: Iterable[int], exact: np.ndarray) -> None:
    """Each integer is the one nearest to the exact value."""
    difference = np.abs(np.asarray(told, dtype=np.longdouble) - exact)
    assert difference.max() <= HALF


def near_cents(cents: float) -> object:
    """A sum of rounded cents in major units; a tie or two among thousands may round the other way."""
    return pytest.approx(cents / MINOR, abs=0.03)


def counted_payments(saved: Saved, rates: Rates) -> pd.DataFrame:
    """Payments due in the period, with their value in cents when due and their delay in hours.

    Whose payee has not been credited by the end of the run waits until then.
    """
    zone = saved.scenario["period"]["zone"]
    start, end = (pd.Timestamp(saved.scenario["period"][key]).tz_localize(zone) for key in ("start", "end"))
    payments = saved.payments
    inside = (payments["due_at"] >= start) & (payments["due_at"] < end)
    assert (payments["counted"] == inside).all()
    found = payments[inside].copy()
    found["cents"] = rates.usd(found["amount"], found["currency"], found["due_at"])
    # NaT means that the payee was not credited while anybody looked.
    until = found["credited_at"].where(found["credited_at"].notna(), saved.end)
    found["hours"] = (until - found["instructed_at"]) / pd.Timedelta(hours=1)
    return found


def quantile(values: pd.Series, share: float) -> float:
    """Linear between the two order statistics around place share · (n − 1)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def assert_profile(told: dict[str, float], payments: pd.DataFrame) -> None:
    """What a measure tells of the delays of some payments is what they were."""
    hours = payments["hours"]
    assert told["mean"] == pytest.approx(sum(hours) / len(hours))
    for name, share in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99)):
        assert told[name] == pytest.approx(quantile(hours, share))
    weighted = sum(hours * payments["cents"]) / sum(payments["cents"])
    assert told["value_weighted"] == pytest.approx(weighted)


class Kept:
    """Hours as the resolved scenario states them: sessions from midnight of a working day, day by day."""

    def __init__(self, scenario: dict[str, Any], choice: str | dict[str, Any]) -> None:
        hours = scenario["hours"][choice] if isinstance(choice, str) else choice
        self._zone = ZoneInfo(hours["zone"])
        days = scenario["calendars"].get(hours.get("calendar", "weekdays"), {}).get("exceptions", {})
        self._shut, self._worked = {*days.get("closed_weekdays", ())}, {*days.get("working_weekends", ())}
        self._sessions = [_session(text) for text in hours["sessions"]]
        self._every_day = hours.get("calendar") == "always"

    def works(self, day: date) -> bool:
        """Whether a day is worked."""
        usual = self._every_day or day.weekday() < SATURDAY
        return (usual and str(day) not in self._shut) or str(day) in self._worked

    def opened(self, since: int, until: int) -> list[tuple[int, int]]:
        """Sessions that touch a stretch, in order."""
        first, last = (datetime.fromtimestamp(at, self._zone).date() for at in (since, until))
        days = (first + timedelta(days=k) for k in range(-2, (last - first).days + 15))
        found = [
            (self._instant(day, opens), self._instant(day, closes))
            for day in days
            if self.works(day)
            for opens, closes in self._sessions
        ]
        return sorted((opens, closes) for opens, closes in found if closes > since)

    def closed(self, since: int, until: int) -> dict[str, int]:
        """The seconds in which it is shut, by the kind of the local day."""
        found = dict.fromkeys(("closed_hours", "closed_weekend", "closed_holiday"), 0)
        at = since
        for opens, closes in [*self.opened(since, until), (until, until)]:
            while at < min(opens, until):
                day = datetime.fromtimestamp(at, self._zone).date()
                ends = min(opens, until, self._instant(day + timedelta(days=1), 0))
                kind = "hours" if self.works(day) else "weekend" if day.weekday() >= SATURDAY else "holiday"
                found[f"closed_{kind}"] += ends - at
                at = ends
            at = max(at, closes)
        return found

    def _instant(self, day: date, seconds: int) -> int:
        days, rest = divmod(seconds, 86_400)
        clock = time(rest // 3_600, rest // 60 % 60)
        return int(datetime.combine(day + timedelta(days=days), clock, tzinfo=self._zone).timestamp())


def _session(text: str) -> tuple[int, int]:
    """Opening and closing in seconds from midnight of the working day."""
    eve = text.startswith("T-1 ")
    opens, closes = (
        int(part[:2]) * 3_600 + int(part[3:5]) * 60 for part in text.removeprefix("T-1 ").split("-")
    )
    return opens - 86_400 * eve, closes


class Promised:
    """The value dates of a route, from the cut-off and calendars that the resolved scenario states."""

    def __init__(self, scenario: dict[str, Any], value: dict[str, Any]) -> None:
        hours = scenario["hours"][value["cutoff"]]
        self._zone = ZoneInfo(hours["zone"])
        self._cutoff = Kept(scenario, value["cutoff"])
        self._end = hours["sessions"][-1].rpartition("-")[2]
        self._late, self._days = value.get("late", 1), value.get("days", 0)
        plain = {"zone": hours["zone"], "sessions": ["00:00-24:00"]}
        self._calendars = [Kept(scenario, {**plain, "calendar": name}) for name in value["calendars"]]

    def value_date(self, accepted_at: int) -> date:
        """The day for which something is accepted."""
        local = datetime.fromtimestamp(accepted_at, self._zone)
        day = local.date()
        in_time = self._cutoff.works(day) and local.time() <= time.fromisoformat(self._end)
        left = self._days if in_time else self._late
        if in_time and not left:
            left = 0 if self._works(day) else 1
        while left:
            day += timedelta(days=1)
            left -= self._works(day)
        return day

    def closed(self, since: int, until: int) -> dict[str, int]:
        """The seconds of a wait for a value date, by kind of day."""
        found = {"closed_hours": 0, "closed_weekend": 0, "closed_holiday": 0}
        while since < until:
            day = datetime.fromtimestamp(since, self._zone).date()
            midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=self._zone)
            ends = min(until, int(midnight.timestamp()))
            rest = "closed_weekend" if day.weekday() >= SATURDAY else "closed_holiday"
            found["closed_hours" if self._works(day) else rest] += ends - since
            since = ends
        return found

    def _works(self, day: date) -> bool:
        return all(calendar.works(day) for calendar in self._calendars)
