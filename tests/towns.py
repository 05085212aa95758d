"""A town of banks with one system, written as YAML and CSV, run, and told by its tables and measures."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

import sim
from sim.errors import ScenarioError

HOURS = '{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}'
TOWN = """
name: town
period: {{start: 2024-03-04 00:00, end: {end} 00:00, zone: Europe/Minsk}}
systems:
  s: {{kind: rtgs, currency: BYN, hours: {hours}{system}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
{more}
"""


def write(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    system: str = "",
    more: str = "",
    end: str = "2024-03-06",
) -> Path:
    """A town of banks with one system, open from 09:00 to 17:00; payments are `day time payer payee amount`.

    4 March 2024 is a Monday; the run ends with the 5th unless `end` says otherwise.
    """
    rows = []
    for number, text in enumerate(payments, start=1):
        day, time, payer, payee, amount = text.split()
        rows.append(f"p{number},2024-03-{int(day):02d}T{time}:00,{payer},{payee},{amount.replace('_', '')}")
    lines = ["payment_id,instructed_at,payer_bank,payee_bank,amount", *rows]
    (folder / "payments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "town.yaml"
    listed = indent("\n".join(f"- {{{account}, system: s}}" for account in accounts), "  ")
    text = TOWN.format(end=end, hours=HOURS, system=system and f", {system}", accounts=listed, more=more)
    path.write_text(text, encoding="utf-8")
    return path


def run(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    system: str = "",
    more: str = "",
    end: str = "2024-03-06",
) -> sim.Results:
    """Run such a town."""
    return sim.run(write(folder, accounts, payments, system=system, more=more, end=end))


def opening(results: sim.Results, holder: str) -> int:
    """Opening balance in minor units."""
    return int(results.accounts.set_index("holder").loc[holder, "opening_balance"])


def refusal(path: Path) -> str:
    """What is said about a scenario that cannot be."""
    with pytest.raises(ScenarioError) as caught:
        sim.load(path)
    return "\n".join(str(problem) for problem in caught.value.problems)


YEAR = 365 * 24


def cost(results: sim.Results, component: str) -> float:
    """Cost of one component in the period, in the reporting currency."""
    return float(results.measures["liquidity_cost"].value[component])
