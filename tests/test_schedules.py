"""Loans and projects make due what their schedules say, to the minor unit and to the day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from builders import MINSK, RATES, firm, town
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.core.clock import from_instant
from sim.results.execute import execute
from sim.scenario.check import check
from sim.scenario.load import load
from sim.scenario.model import Scenario
from sim.scenario.model.credit import Loan, Project
from sim.world.build import build_world
from sim.world.obligations import loan_dues, project_dues

if TYPE_CHECKING:
    from pathlib import Path

LOAN: dict[str, Any] = {
    "lender": "bank",
    "borrower": "park",
    "principal": "1000000",
    "currency": "CNY",
    "disbursements": [
        {"date": "2024-01-10", "share": "0.6"},
        {"date": "2024-03-10", "share": "0.4"},
    ],
    "every_months": 6,
    "grace_months": 6,
    "instalments": 2,
    "interest": "0.036",
}
PROJECT: dict[str, Any] = {
    "payer": "park",
    "payee": "bank",
    "value": "100.01",
    "currency": "CNY",
    "start": "2024-01-31",
    "months": 3,
    "advance": "0.2",
    "retention": "0.05",
    "retained_months": 12,
    "due_days": 10,
}


def test_a_loan_is_paid_out_bears_interest_by_the_day_and_is_repaid() -> None:
    # 600,000 for 182 days and 400,000 for 122; 1,000,000 for 184; 500,000 for 181; 3.6 % of 360 days each.
    assert [tuple(due) for due in loan_dues(Loan.model_validate(LOAN), 1_000_000_00)] == [
        (0, date(2024, 1, 10), date(2024, 1, 10), 600_000_00, False),
        (0, date(2024, 1, 10), date(2024, 3, 10), 400_000_00, False),
        (2, date(2024, 1, 10), date(2024, 7, 10), 15_800_00, True),
        (2, date(2024, 7, 10), date(2025, 1, 10), 18_400_00, True),
        (1, date(2024, 3, 10), date(2025, 1, 10), 500_000_00, True),
        (2, date(2025, 1, 10), date(2025, 7, 10), 9_050_00, True),
        (1, date(2024, 3, 10), date(2025, 7, 10), 500_000_00, True),
    ]


def test_a_project_is_paid_in_advance_by_progress_and_after_a_year() -> None:
    # 20.00 in advance; 75.01 in three parts (75.008 to the minor unit), 5.00 held back.
    assert [
        (due.since, due.due, due.amount) for due in project_dues(Project.model_validate(PROJECT), 100_01)
    ] == [
        (date(2024, 1, 31), date(2024, 2, 10), 20_00),
        (date(2024, 2, 29), date(2024, 3, 10), 25_00),
        (date(2024, 3, 31), date(2024, 4, 10), 25_00),
        (date(2024, 4, 30), date(2024, 5, 10), 25_01),
        (date(2024, 4, 30), date(2025, 4, 30), 5_00),
    ]


@given(
    st.integers(1, 10**12),
    st.integers(1, 40),
    st.sampled_from([1, 3, 6, 12]),
    st.integers(0, 5),
    st.decimals(0, 1, places=4),
)
def test_a_loan_is_repaid_to_the_minor_unit(
    principal: int, instalments: int, every: int, graced: int, interest: Decimal
) -> None:
    loan = Loan.model_validate(
        {
            **LOAN,
            "disbursements": [{"date": "2024-01-31", "share": "1"}],
            "every_months": every,
            "grace_months": every * graced,
            "instalments": instalments,
            "interest": str(interest),
        }
    )
    dues = loan_dues(loan, principal)
    paid = {term: [due.amount for due in dues if due.term == term] for term in range(3)}
    assert sum(paid[0]) == sum(paid[1]) == principal
    assert max(paid[1]) - min(paid[1]) <= 1
    assert len(paid[1]) == instalments
    # Without repayments before the end, simple interest for the whole time; with them, less.
    assert sum(paid[2]) <= principal * float(interest) * 366 / 360 * every / 12 * (graced + instalments) + 40
    if not interest:
        assert not paid[2]


def park(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    """A lender and firms of an industrial park, in the town where everything is at once."""
    return town(
        {"bank": "5000000", "park": "5000000"},
        period={"start": "2024-01-01 00:00", "end": "2025-01-01 00:00"},
        hours={"office": {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}},
        sides={"town": {"functional_currency": "CNY", "hours": "office"}},
        firms={"bank": firm("town", "bank"), "park": firm("town", "park", 3)},
        fx=RATES,
        **more,
    )


def test_what_a_loan_makes_due_is_paid_like_any_other_obligation() -> None:
    scenario = Scenario.model_validate(park(loans={"credit": LOAN}))
    assert not list(check(scenario))
    results = execute(scenario)
    payments = results.payments.merge(
        results.obligations[["obligation_id", "term", "kind"]], on="obligation_id"
    )
    local = payments["instructed_at"].dt.tz_convert(MINSK)
    assert [
        (f"{at:%Y-%m-%d %H:%M}", term, payer, amount)
        for at, term, payer, amount in zip(
            local, payments["term"], payments["payer"].str[:4], payments["amount"], strict=True
        )
    ] == [
        ("2024-01-10 09:00", "disbursement", "bank", 600_000_00),
        # 10 March 2024 is a Sunday.
        ("2024-03-11 09:00", "disbursement", "bank", 400_000_00),
        ("2024-07-10 09:00", "interest", "park", 15_800_00),
    ]
    assert set(payments["kind"]) == {"loan"}
    assert (payments["status"] == "settled").all()
    # What falls due after the period is owed, and shows in the obligations.
    later = results.obligations[results.obligations["due_at"] >= "2025-01-01"]
    assert sorted(later["amount"]) == [18_400_00, 500_000_00, 500_000_00]


def test_a_loan_from_before_the_run_is_owed_since_it_was_agreed() -> None:
    old = {**LOAN, "disbursements": [{"date": "2019-03-31", "share": "1"}], "instalments": 20}
    scenario = Scenario.model_validate(park(loans={"credit": old}))
    world = build_world(scenario)
    rows = world.obligations
    assert {
        from_instant(at, world.window.zone).isoformat() for at in rows.invoiced_at[rows.term == 1].tolist()
    } == {"2019-03-31T00:00:00+03:00"}
    assert {
        str(datetime.fromtimestamp(at, UTC).date()) for at in rows.due_at[rows.due_at < world.window.end]
    } == {
        "2024-04-01",
        "2024-09-30",
    }


def test_loans_and_projects_are_divided_among_parties_drawn_by_size() -> None:
    many = {**LOAN, "count": 30, "principal": "1000000.01"}
    scenario = Scenario.model_validate(
        park(loans={"credit": many}, projects={"halls": {**PROJECT, "count": 7}})
    )
    assert not list(check(scenario))
    world = build_world(scenario)
    rows = world.obligations
    paid_out = (rows.flow == 0) & (rows.term == 0)
    assert rows.amount[paid_out].sum() == 1_000_000_01
    assert len(set(rows.payee[paid_out].tolist())) == 3
    assert rows.amount[rows.flow == 1].sum() == 100_01


def test_a_loan_beside_trade_moves_no_draw_of_it() -> None:
    short = ["period.end=2024-02-01 00:00", "run_in=10d", "horizon=10d"]
    plain = load("baseline", short)
    loan = {**LOAN, "lender": "suppliers", "borrower": "importers", "count": 5}
    more = Scenario.model_validate({**plain.model_dump(by_alias=True), "loans": {"credit": loan}})
    assert not list(check(more))
    one, other = build_world(plain), build_world(more)
    trade = other.obligations.flow < len(plain.flows)
    assert (~trade).any()
    for column in type(one.obligations).__slots__:
        assert (
            getattr(one.obligations, column).tobytes() == getattr(other.obligations, column)[trade].tobytes()
        )
    assert one.fx.per_usd.tobytes() == other.fx.per_usd.tobytes()


@pytest.mark.parametrize(
    ("model", "base", "change", "complaint"),
    [
        (Loan, LOAN, {"disbursements": [{"date": "2024-01-10", "share": "0.9"}]}, "add up to 0.9"),
        (Loan, LOAN, {"disbursements": LOAN["disbursements"][::-1]}, "comes after the one before"),
        (Loan, LOAN, {"grace_months": 7}, "no multiple of 'every_months'"),
        (Loan, LOAN, {"grace_months": 0, "every_months": 1}, "not before the first instalment"),
        (Loan, LOAN, {"principal": "0.001"}, "more than 2 decimals"),
        (Project, PROJECT, {"advance": "0.7", "retention": "0.4"}, "more than the whole"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(
    model: type[Loan | Project], base: dict[str, Any], change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        model.model_validate({**base, **change})


def test_a_loan_that_nobody_could_pay_is_told_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "park.yaml"
    path.write_text(
        """name: park
extends: baseline
question: What?
loans:
  food:
    lender: suppliers
    borrower: importers
    principal: 1_000
    currency: HKD
    disbursements: [{date: 2024-03-01, share: 1}]
    instalments: 2
    interest: 0.04
"""
    )
    with pytest.raises(Exception, match="no route carries HKD") as caught:
        load(str(path))
    told = str(caught.value)
    assert f"{path}:9:15: loans.food.currency: no route carries HKD from 'china' to 'belarus'" in told
    assert f"{path}:5:3: loans.food: 'food' is the name of something else that makes obligations" in told
