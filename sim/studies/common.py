"""Where a design changes who pays, two runs are compared over the obligations that exist in both, beside the whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import pandas as pd

from sim.results.run import Run
from sim.results.shelves import MEASURES, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Facts that are those of a run, whichever obligations are looked at.
_OF_ALL: Final = frozenset({"fx", "firms", "observed_rates", "openings", "sessions"})


def in_common(one: Run, other: Run) -> tuple[Run, Run] | None:
    """Both runs with the obligations alone that exist in both; None where these are all, or where there are none."""
    ids = [set(run["obligations"]["obligation_id"]) for run in (one, other)]
    both = ids[0] & ids[1]
    if not both or ids[0] == ids[1]:
        return None
    first, second = (Run(run.scenario, _Among(run, frozenset(both))) for run in (one, other))
    return first, second


@cache
def over_obligations(measure: str) -> bool:
    """Whether a measure is one over obligations and their payments, so that it can be told of some of them."""
    facts = set(_facts(MEASURES[measure].needs))
    return all(name in _OF_ALL or _key(name) for name in facts) and any(map(_key, facts))


def _facts(needs: tuple[str, ...]) -> Iterator[str]:
    """The facts that tables are computed from, in the end."""
    for name in needs:
        if TABLES[name].is_fact:
            yield name
        else:
            yield from _facts(TABLES[name].needs)


def _key(table: str) -> str | None:
    """The column that says to which obligation, or to which payment, a row of a fact belongs."""
    if table in {"postings", "frozen"}:
        return None  # Balances are those of all payments.
    columns = {column.name for column in TABLES[table].columns}
    return next((name for name in ("obligation_id", "payment_id") if name in columns), None)


@dataclass(frozen=True, eq=False)
class _Among:
    """A run as a source of facts about some of its obligations; what is computed from facts is computed anew."""

    run: Run
    obligations: frozenset[str]

    def table(self, name: str) -> pd.DataFrame | None:
        if name not in TABLES or not TABLES[name].is_fact:
            return None
        found, key = self.run[name], _key(name)
        if key is None:
            return found
        wanted = self.obligations if key == "obligation_id" else self.run.remembered(self._payments)
        return found[found[key].isin(list(wanted))].reset_index(drop=True)

    def _payments(self, run: Run) -> frozenset[object]:
        payments = run["payments"]
        return frozenset(payments.loc[payments["obligation_id"].isin(list(self.obligations)), "payment_id"])
