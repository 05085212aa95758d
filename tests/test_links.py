"""In a link one currency moves only if the other does; a payment that is split settles with its last part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim.core.causes import REASONS
from sim.results.promises import check_promises

if TYPE_CHECKING:
    from pathlib import Path

PVP = """
name: linked
period: {{start: 2024-03-04 09:00, end: 2024-03-05 17:00, zone: Europe/Minsk}}
{rates}
systems:
  cips: {{kind: rtgs, currency: CNY, hours: {cips}}}
  biss: {{kind: rtgs, currency: BYN, hours: {biss}}}
  link: {{kind: pvp, legs: [cips, biss]{more}}}
accounts:
  cips: [{{holder: a, balance: {cny[0]}}}, {{holder: b, balance: {cny[1]}}}, {{holder: c, balance: {cny[2]}}}]
  biss: [{{holder: a, balance: {byn[0]}}}, {{holder: b, balance: {byn[1]}}}, {{holder: c, balance: {byn[2]}}}]
payments: {{file: payments.csv, system: link}}
"""
RATES = "fx: {kind: constant, rates: {CNY: 7.5, BYN: 3}}"  # one yuan is 0.40 roubles


def hours(*sessions: str) -> str:
    return f"{{zone: Europe/Minsk, calendar: always, sessions: {list(sessions)}}}"


def run(
    folder: Path,
    rows: list[str],
    cny: tuple[float, ...] = (100, 100, 100),
    byn: tuple[float, ...] = (100, 100, 100),
    columns: str = "",
    **declared: str,
) -> sim.Results:
    """Rows are `10:00 a b 30` and further columns: at that time bank a pays b thirty."""
    lines = [f"payment_id,instructed_at,payer_bank,payee_bank,amount{columns}"]
    for number, row in enumerate(rows, start=1):
        clock, rest = row.split(" ", 1)
        lines.append(f"p{number},2024-03-04T{clock}," + rest.replace(" ", ","))
    (folder / "payments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    usual = {"cips": "always", "biss": "always", "more": "", "rates": RATES}
    text = PVP.format(cny=cny, byn=byn, **{**usual, **declared})
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    return sim.run(folder / "scenario.yaml")


def balances(results: sim.Results) -> dict[str, float]:
    accounts = results.accounts
    return dict(zip(accounts["account"], accounts["closing_balance"] / 100, strict=True))


def times(results: sim.Results) -> list[str]:
    """When each payment settled, local time of the first day."""
    at = results.payments.set_index("payment_id").sort_index()["settled_at"].dt.tz_convert("Europe/Minsk")
    return ["" if pd.isna(one) else one.strftime("%d %H:%M") for one in at]


def reasons(results: sim.Results, payment: str = "p1") -> dict[str, int]:
    steps = results["steps"]
    told = {
        reason: int(steps.loc[steps["payment_id"] == payment, f"{reason}_seconds"].sum())
        for reason in REASONS
    }
    return {reason: spent for reason, spent in told.items() if spent}


def test_the_counter_value_moves_back_at_mid_in_one_batch(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00 a b 30"])
    assert balances(results) == {
        "a@cips": 70,
        "b@cips": 130,
        "c@cips": 100,
        "a@biss": 112,
        "b@biss": 88,
        "c@biss": 100,
    }
    assert results.postings["batch"].tolist() == [0, 0]
    rows = results.transfers
    assert rows["link"].tolist() == ["link", "link"]
    assert rows["system"].tolist() == ["cips", "biss"]
    assert rows["debit_account"].tolist() == ["a@cips", "b@biss"]
    assert rows["amount"].tolist() == [3000, 1200]


def test_a_payment_in_the_other_currency_moves_first_in_the_other_leg(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00 a b 10 BYN"], columns=",currency")
    assert (balances(results)["a@biss"], balances(results)["a@cips"]) == (90, 125)
    assert results.payments["currency"].tolist() == ["BYN"]


@pytest.mark.parametrize(
    ("cny", "byn"), [((29.99, 0, 0), (0, 12, 0)), ((30, 0, 0), (0, 11.99, 0))], ids=["cny", "byn"]
)
def test_without_cover_in_one_leg_nothing_moves_in_the_other(
    cny: tuple[float, ...], byn: tuple[float, ...], tmp_path: Path
) -> None:
    results = run(tmp_path, ["10:00 a b 30"], cny, byn)
    assert len(results.postings) == 0
    assert results.payments["status"].tolist() == ["pending"]
    assert set(reasons(results)) == {"liquidity"}
    assert times(run(tmp_path, ["10:00 a b 30"], (30, 0, 0), (0, 12, 0))) == ["04 10:00"]


def test_it_settles_when_money_comes_to_the_account_that_lacked_it(tmp_path: Path) -> None:
    rows = ["10:00 a b 30 link", "11:00 c a 30 cips"]
    results = run(tmp_path, rows, (0, 0, 30), (0, 12, 0), columns=",system")
    assert times(results) == ["04 11:00", "04 11:00"]
    assert reasons(results) == {"liquidity": 3600}


def test_the_queue_of_a_leg_is_served_before_the_link(tmp_path: Path) -> None:
    rows = ["10:00 a b 30 link", "10:30 a c 40 cips", "11:00 c a 40 cips", "12:00 b a 30 cips"]
    results = run(tmp_path, rows, (0, 30, 40), (0, 12, 0), columns=",system")
    assert times(results) == ["04 12:00", "04 11:00", "04 11:00", "04 12:00"]


def test_it_waits_for_both_legs_to_be_open(tmp_path: Path) -> None:
    results = run(tmp_path, ["09:30 a b 30"], cips=hours("09:00-12:00"), biss=hours("11:00-15:00"))
    assert times(results) == ["04 11:00"]
    assert reasons(results) == {"closed_hours": 5400}


def test_money_that_comes_while_one_leg_is_closed_is_used_when_both_are_open_again(tmp_path: Path) -> None:
    rows = ["10:00 a b 30 link", "13:00 c a 30 cips"]
    opening = {"cips": hours("09:00-15:00"), "biss": hours("09:00-12:00")}
    results = run(tmp_path, rows, (0, 0, 30), (0, 12, 0), columns=",system", **opening)
    assert times(results) == ["05 09:00", "04 13:00"]
    assert reasons(results) == {"liquidity": 23 * 3600}


def test_nobody_passes_in_a_fifo_link_and_who_is_covered_does_in_a_bypass_link(tmp_path: Path) -> None:
    # The second needs the same yuan account as the first, the third only the same account of roubles.
    rows = ["10:00 a b 60", "10:01 a c 40", "10:02 c b 5"]
    money = (50, 0, 5), (0, 100, 100)
    assert times(run(tmp_path, rows, *money)) == ["", "", ""]
    assert times(run(tmp_path, rows, *money, more=", queue: bypass")) == ["", "04 10:01", "04 10:02"]


def test_two_links_listen_to_one_account(tmp_path: Path) -> None:
    rows = ["10:00 a b 30 link", "10:01 a c 20 second", "11:00 b a 50 cips"]
    results = run(
        tmp_path, rows, (0, 50, 0), columns=",system", more="}\n  second: {kind: pvp, legs: [cips, biss]"
    )
    assert times(results) == ["04 11:00"] * 3


def test_a_bank_that_fails_lets_those_behind_it_pass(tmp_path: Path) -> None:
    """The first in line waits for roubles of a bank that fails; the second needs the same yuan and nothing of it."""
    failure = "timeline: [{kind: failed_bank, bank: b, at: 2024-03-04 11:00}]"
    rows = ["10:00 a b 30", "10:01 a c 40"]
    banks = "banks: {a: {hours: always}, b: {hours: always}, c: {hours: always}}"
    results = run(tmp_path, rows, (50, 0, 0), (0, 5, 100), rates=f"{RATES}\n{banks}\n{failure}")
    assert times(results) == ["", "04 11:00"]
    waited = reasons(results)
    assert waited["liquidity"] == 3600
    assert set(waited) == {"liquidity", "outage"}


def test_own_payments_may_say_what_they_are_exchanged_for(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00 a b 30 12.34", "10:01 a b 30 "], columns=",counter_amount")
    assert results.transfers["amount"].tolist() == [3000, 1234, 3000, 1200]


def refusals(folder: Path, rows: list[str], **declared: str) -> list[str]:
    with pytest.raises(sim.ScenarioError) as caught:
        run(folder, rows, **declared)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_without_rates_rows_say_what_they_are_exchanged_for(tmp_path: Path) -> None:
    rows = ["10:00 a b 30 12.34", "10:01 a b 5 "]
    assert refusals(tmp_path, rows, rates="", columns=",counter_amount") == [
        "payments.csv:3: counter_amount: say how much BYN it is exchanged for, since the scenario has no 'fx'"
    ]
    results = run(tmp_path, rows[:1], rates="", columns=",counter_amount")
    assert results.measures["value"] == (30, "CNY")
    assert results.transfers["amount"].tolist() == [3000, 1234]
    assert times(results) == ["04 10:00"]


def test_only_in_a_link_is_something_exchanged(tmp_path: Path) -> None:
    rows = ["10:00 a b 30 cips 12.34"]
    assert refusals(tmp_path, rows, columns=",system,counter_amount") == [
        "payments.csv:2: counter_amount: nothing is exchanged here; only a 'pvp' has a counter-amount"
    ]
    rows = ["10:00 a b 30 USD 12.34"]
    assert refusals(tmp_path, rows, columns=",currency,counter_amount") == [
        "payments.csv:2: currency: 'link' settles CNY and BYN, not 'USD'"
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("}\n  other: {kind: pvp, legs: [cips, cips]", "both legs settle CNY; a link joins two currencies"),
        ("}\n  other: {kind: pvp, legs: [link, cips]", "'link' is no rtgs, correspondent or hybrid system"),
        (
            "}\n  other: {kind: pvp, legs: [cips, bis]",
            "'bis' is not declared under 'systems'; did you mean 'biss'?",
        ),
    ],
)
def test_a_link_joins_two_systems_of_two_currencies(more: str, said: str, tmp_path: Path) -> None:
    assert any(said in told for told in refusals(tmp_path, ["10:00 a b 30"], more=more))


def test_legs_that_are_never_open_together_are_refused(tmp_path: Path) -> None:
    opening = {"cips": hours("09:00-12:00"), "biss": hours("12:00-15:00")}
    (told,) = refusals(tmp_path, ["10:00 a b 30"], **opening)
    assert told.endswith("systems.link.legs: the two legs are never open at the same time")


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, pd.DataFrame]:
    results = run(tmp_path, ["10:00 a b 30", "10:01 a b 80"])
    assert times(results) == ["04 10:00", ""]
    return {name: results[name].copy() for name in results.table_names}


def test_one_leg_without_the_other_breaks_a_promise(tables: dict[str, pd.DataFrame]) -> None:
    end = pd.Timestamp("2024-03-05 17:00", tz="Europe/Minsk")
    check_promises(tables, end)
    for breach in ("batch", "leg", "row", "time"):
        broken = {name: table.copy() for name, table in tables.items()}
        postings = broken["postings"]
        if breach == "batch":
            postings.loc[1, "batch"] = 1
        elif breach == "leg":
            broken["transfers"] = broken["transfers"].drop(index=1)
        elif breach == "row":
            broken["postings"] = postings.drop(index=1)
        else:
            postings.loc[1, "posted_at"] += pd.Timedelta(seconds=1)
        with pytest.raises(sim.PromiseError, match="payment p1: step 0 moved one leg without the other"):
            check_promises(broken, end)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cny=st.tuples(*[st.integers(0, 60)] * 3),
    byn=st.tuples(*[st.integers(0, 30)] * 3),
    payments=st.lists(
        st.tuples(
            st.sampled_from(["link", "cips", "biss"]),
            st.permutations("abc"),
            st.integers(1, 70),
            st.booleans(),
        ),
        min_size=1,
        max_size=25,
    ),
    queue=st.sampled_from(["", ", queue: bypass"]),
)
def test_both_legs_move_or_none_and_no_account_is_overdrawn(
    cny: tuple[int, ...],
    byn: tuple[int, ...],
    payments: list[tuple[str, list[str], int, bool]],
    queue: str,
    tmp_path: Path,
) -> None:
    """The promises are checked in the run; here that nothing is left that could have settled."""
    rows = [
        f"{10 + k // 60}:{k % 60:02d} {banks[0]} {banks[1]} {amount} {system} "
        f"{'BYN' if system == 'biss' or (other and system == 'link') else 'CNY'}"
        for k, (system, banks, amount, other) in enumerate(payments)
    ]
    results = run(tmp_path, rows, cny, byn, columns=",system,currency", more=queue)
    transfers = results.transfers
    left = results.accounts.set_index("account")["closing_balance"]
    assert left.min() >= 0
    waiting = transfers[transfers["settled_at"].isna()]
    blocked: set[str] = set()
    for _, legs in waiting[waiting["link"] == "link"].groupby("payment_id", sort=False, observed=True):
        covered = (left[legs["debit_account"].astype(str)].to_numpy() >= legs["amount"].to_numpy()).all()
        passes = queue or blocked.isdisjoint(legs["debit_account"])
        assert not (covered and passes)
        blocked.update(legs["debit_account"])
