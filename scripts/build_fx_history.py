"""The exchange rates that ship with the package are chosen from a collection of official ones, and never filled in.

One currency has one series, for two publishers of one pair differ by up to 3 % on one day:

- BYN, RUB, CNY and EUR from the National Bank of Belarus: its own daily rates in BYN from 26 February 2022 on (and of
  12 days of June 2021), and from July 2016 to then the rates in BYN that crosses of the National Bank of Ukraine give,
  which agree with them. A rate per dollar is the cross of one date. Before July 2016, when the rouble was redenominated
  and these begin, CNY and EUR are those of the European Central Bank and RUB that of the Bank of Russia.
- HKD and INR per USD from the European Central Bank, AED from the International Monetary Fund to January 2025, then
  Narodowy Bank Polski; KZT from the Fund to January 2019, the crosses of the National Bank of Ukraine to February 2022,
  Narodowy Bank Polski weekly, and daily sources first where two have a date; VND from Narodowy Bank Polski, weekly.

A rate stands at the date on which it is valid, as it was published. What the same currencies were on the world's market
(USD/CNY from the European Central Bank) goes into a table of its own, for comparison.

    python scripts/build_fx_history.py

rewrites `sim/data/fx_history.csv`, `fx_world.csv` and `fx_sources.csv` from `official_rates.csv.gz` and
`official_rates_sources.csv`, which stand beside this file. Developers alone need it.
"""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE: Final = Path(__file__).parent
DATA: Final = HERE.parent / "sim" / "data"

#: From here on the National Bank's own or crossed rates tell what these currencies are.
REDENOMINATED: Final = date(2016, 7, 1)
#: The last day of the National Bank's own rates; what others published later would belong to other markets.
LAST: Final = date(2026, 9, 4)
MINSK: Final = frozenset({"USD", "EUR", "RUB", "CNY"})
#: Of two sources that have a pair on one date, the first one here is taken.
ORDER: Final = (
    "nbrb_official",
    "nbu_cross",
    "imf_representative",
    "ecb_cross",
    "ecb_reference",
    "cbr_official",
    "cbr_official_via_imf",
    "nbp_cross",
)


class Row(NamedTuple):
    """1 `base` was worth `rate` of `quote`, as written, on a day."""

    day: date
    base: str
    quote: str
    rate: str
    kind: str


def read(path: Path) -> list[Row]:
    """All rows of the collection."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [
            Row(date.fromisoformat(row["date"]), row["base"], row["quote"], row["rate"], row["kind"])
            for row in csv.DictReader(file)
        ]


def is_chosen(row: Row) -> bool:
    """Whether a row belongs to the one series of its currency."""
    if row.day > LAST:
        return False
    if row.quote == "BYN":
        return row.base in MINSK
    currency = row.quote if row.base == "USD" else row.base
    return currency not in MINSK or row.day < REDENOMINATED


def is_world(row: Row) -> bool:
    """Whether a row tells what the yuan was outside of Minsk."""
    return (row.base, row.quote, row.kind) == ("USD", "CNY", "ecb_cross") and row.day <= LAST


def one_each(rows: Iterable[Row]) -> list[Row]:
    """One row per date and pair, of the source that comes first, in the order of dates and pairs."""
    found: dict[tuple[date, str, str], Row] = {}
    for row in rows:
        key = (row.day, row.base, row.quote)
        if key not in found or ORDER.index(row.kind) < ORDER.index(found[key].kind):
            found[key] = row
    return [found[key] for key in sorted(found)]


def chosen(rows: Iterable[Row], rule: Callable[[Row], bool]) -> list[dict[str, str]]:
    """The rows that a rule takes, as the shipped tables have them."""
    return [
        {"date": str(row.day), "base": row.base, "quote": row.quote, "rate": row.rate, "source": row.kind}
        for row in one_each(filter(rule, rows))
    ]


def sources(path: Path, shipped: list[dict[str, str]]) -> list[dict[str, str]]:
    """One row per source that gave a rate, with the days of its first and last."""
    with path.open(encoding="utf-8", newline="") as file:
        described = {row["kind"]: row for row in csv.DictReader(file)}
    table = []
    for kind, about in described.items():
        mine = [row for row in shipped if row["source"] == kind]
        if mine:
            days = sorted(row["date"] for row in mine)
            pairs = sorted({f"{row['base']}/{row['quote']}" for row in mine})
            table.append(
                {
                    "source": kind,
                    "description": about["source"],
                    "pairs": " ".join(pairs),
                    "licence": about["licence"],
                    "first": days[0],
                    "last": days[-1],
                    "checked": about["checked"],
                }
            )
    return table


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """A CSV whose bytes do not depend on the machine."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main() -> None:
    """Write the three tables."""
    rows = read(HERE / "official_rates.csv.gz")
    history, world = chosen(rows, is_chosen), chosen(rows, is_world)
    write(DATA / "fx_history.csv", history)
    write(DATA / "fx_world.csv", world)
    write(DATA / "fx_sources.csv", sources(HERE / "official_rates_sources.csv", history + world))
    print(f"{len(history):,} rates, {len(world):,} for comparison")


if __name__ == "__main__":
    main()
