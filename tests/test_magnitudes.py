"""What is too much to be held, ended or counted exactly is refused where it is written; the rest runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from sim.errors import ScenarioError
from sim.results.execute import execute
from sim.scenario.load import Loaded, load_located
from sim.scenario.model import Scenario
from sim.world.build import build_world

SMALL: Final = """
name: small
period: {start: 2024-03-04, end: 2024-03-09}
reporting_currency: USD
hours:
  office: {zone: Europe/Minsk, sessions: ["09:00-17:00"]}
fx: {kind: constant, rates: {BYN: 3.2, CNY: 7.25, IRR: 600_000, KWD: 0.3}}
markets:
  bcse: {hours: office, pairs: {CNY/BYN: {spread_bps: 20, impact_bps: 1, impact_amount: 1_000_000}}}
sides:
  belarus: {functional_currency: BYN, hours: office, markets: [bcse]}
  china: {functional_currency: CNY, hours: office}
banks:
  minsk: {side: belarus, hours: office}
  beijing: {side: china, hours: {zone: Asia/Shanghai, sessions: ["09:00-12:00", "13:00-17:00"]}}
systems:
  gross: {kind: rtgs, currency: CNY, hours: always, split_above: 100_000, offsetting: {kind: bilateral, every: 1h}}
treasuries:
  desk: {at: "10:00", zone: Europe/Minsk, calendar: weekdays}
accounts:
  - {holder: minsk, system: gross, prefund_days: 2, treasury: desk, intraday_credit: {limit: 1000, rate: 0.04}}
  - {holder: beijing, system: gross, balance: 10_000}
routes:
  direct:
    steps:
      - {kind: originate, work: {kind: lognormal, median: 1h, p95: 2h}}
      - {kind: convert}
      - kind: settle
        system: gross
        fee: {currency: CNY, flat: 10, share: 0.001}
      - {kind: post, work: {kind: exponential, mean: 1h}}
firms:
  buyers: {side: belarus, count: 5, cities: {Minsk: 1}, banks: {minsk: 1}}
  sellers: {side: china, count: 5, cities: {Beijing: 1}, banks: {beijing: 1}}
flows:
  trade:
    payer: buyers
    payee: sellers
    value: 3_000_000
    currency: CNY
    invoice: {kind: lognormal, median: 10_000, sigma: 1}
    invoicing: {CNY: 1}
    terms: {short: {share: 1, days: [0, 3]}}
timeline:
  - {kind: liquidity, at: 2024-03-05, holder: beijing, system: gross, amount: 1000}
  - {kind: volume, path: [{at: 2024-03-04, factor: 2}]}
"""

#: What is refused, and the path that is told; some need other parts of the scenario to be large as well.
REFUSED: Final = (
    (["flows.trade.value=1e15", "flows.trade.invoice.median=1e12"], "flows.trade.value"),
    (["flows.trade.value=1e20"], "flows.trade.value"),
    (["flows.trade.invoice.median=0.0000001"], "flows.trade.invoice.median"),
    (["flows.trade.invoice={kind: fixed, value: 0.0001}"], "flows.trade.invoice.value"),
    (
        ["horizon=60d", "flows.trade.value=1e15", "flows.trade.invoice={kind: fixed, value: 9.1e13}"],
        "flows.trade.invoice",
    ),
    (["firms.buyers.count=600_000", "firms.sellers.count=500_000"], "firms.buyers.count"),
    (["fx.rates.CNY=1e-12"], "fx"),
    (["fx.rates.BYN=1e13"], "fx"),
    (["accounts.0.prefund_days=1e6"], "accounts.0.prefund_days"),
    (["accounts.1.balance=1e14"], "accounts.1.balance"),
    (["accounts.1.balance=1e20"], "accounts.1.balance"),
    (["accounts.0.intraday_credit.rate=1e9"], "accounts.0.intraday_credit.rate"),
    (["timeline.0.amount=9e14"], "timeline"),
    (["systems.gross.split_above=0.01", "flows.trade.value=3e9"], "systems.gross.split_above"),
    (["systems.gross.offsetting.every=1s", "horizon=400d"], "systems.gross.offsetting.every"),
    (["routes.direct.steps.2.fee.flat=1e14"], "routes.direct.steps.2.fee"),
    (["banks.beijing.hours.sessions=['09:00-12:00', '11:00-17:00']"], "banks.beijing.hours.sessions"),
)

#: More of everything that a run still counts, holds and ends.
ALLOWED: Final = (
    "flows.trade.value=3e8",
    "flows.trade.invoice.median=10",
    "fx.rates.CNY=1e-5",
    "fx.rates.BYN=1e6",
    "reporting_currency=IRR",
    "reporting_currency=KWD",
    "accounts.1.balance=1e9",
    "accounts.0.intraday_credit.rate=1000",
    "accounts.0.intraday_credit.limit=1e12",
    "routes.direct.steps.0.work={kind: lognormal, median: 1s, p95: 36000d}",
    "routes.direct.steps.3.work.mean=36000d",
    "systems.gross.split_above=100",
    "treasuries.desk.lag=30000d",
)


def loaded(tmp_path: Path, *overrides: str, text: str = SMALL) -> Loaded[Scenario]:
    """The small scenario with changes."""
    path = tmp_path / "small.yaml"
    path.write_text(text, "utf-8")
    return load_located(path, overrides)


def validated(tmp_path: Path, *overrides: str) -> Scenario:
    """The small scenario with changes, as `sim validate` checks it."""
    found = loaded(tmp_path, *overrides)
    with found.placing():
        build_world(found.scenario)
    return found.scenario


@pytest.mark.parametrize(("overrides", "blamed"), REFUSED)
def test_too_much_is_refused_before_the_simulation(overrides: list[str], blamed: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        validated(tmp_path, *overrides)
    assert [problem.path for problem in caught.value.problems] == [blamed]
    assert all(problem.where for problem in caught.value.problems)


@pytest.mark.parametrize("override", ALLOWED)
def test_what_is_not_refused_runs(override: str, tmp_path: Path) -> None:
    assert execute(validated(tmp_path, override)).measures


def test_a_loan_that_is_too_large_in_the_currency_of_the_report_is_refused(tmp_path: Path) -> None:
    loan = (
        "loans={big: {lender: sellers, borrower: buyers, principal: 1.5e9, currency: CNY, instalments: 4, "
        "disbursements: [{date: 2024-03-05, share: 1}], interest: 0.04}}"
    )
    back = (
        "routes.back={carries: {payer: china}, steps: [{kind: settle, system: gross}, "
        "{kind: post, work: {kind: fixed, value: 1h}}, {kind: convert, by: payee}]}"
    )
    ways = [loan, back, "routes.direct.carries={payer: belarus}"]
    assert execute(validated(tmp_path, *ways)).measures
    with pytest.raises(ScenarioError, match=r"loans\.big\.principal: amounts in CNY .* worth IRR"):
        validated(tmp_path, *ways, "reporting_currency=IRR")


def test_every_limit_that_is_passed_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        validated(tmp_path, "fx.rates.CNY=1e13", "flows.trade.invoice.median=1e-9")
    assert {problem.path for problem in caught.value.problems} == {"fx", "flows.trade.invoice.median"}


def test_so_many_payments_may_be_drawn_as_two_gigabytes_hold(tmp_path: Path) -> None:
    from sim.world.magnitudes import size_problems  # noqa: PLC0415 - of the world's own parts, this one alone
    from sim.world.timing import Openings  # noqa: PLC0415

    for value, found in (("0.04", 0), ("0.01", 1)):
        scenario = loaded(tmp_path, f"flows.trade.invoice={{kind: fixed, value: {value}}}").scenario
        openings = Openings(scenario)
        assert len(list(size_problems(scenario, openings.window, openings.timeline))) == found
