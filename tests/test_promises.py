"""A table that was tampered with breaks a promise, and the row at fault is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import cli
from sim.core.causes import REASONS
from sim.results.execute import execute
from sim.results.facts.source import Simulated
from sim.results.promises import check_promises
from sim.scenario.load import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sim.results.results import Results

pytestmark = pytest.mark.quick

Tables = dict[str, pd.DataFrame]


@pytest.fixture
def run(short_runs: Mapping[str, Results]) -> Results:
    return short_runs["baseline"]


@pytest.fixture
def tables(run: Results) -> Tables:
    return {name: run[name].copy() for name in run.table_names}


@pytest.fixture
def end(run: Results) -> pd.Timestamp:
    return pd.Timestamp(run.manifest["followed_until"])


def add(table: pd.DataFrame, row: int, **changes: int) -> None:
    for column, change in changes.items():
        table.loc[row, column] += change


def first(mask: pd.Series) -> int:
    return int(mask[mask].index[0])


def test_untouched_tables_keep_every_promise(tables: Tables, end: pd.Timestamp) -> None:
    check_promises(tables, end)


def rows_of(tables: Tables, payment: int) -> list[int]:
    """Where the steps of a payment stand in their table."""
    steps = tables["steps"]
    return steps.index[steps["payment_id"] == payment].tolist()


def shift(table: pd.DataFrame, row: int, column: str, seconds: int) -> None:
    """Move an instant, and the work with it that its row tells."""
    table.loc[row, column] += pd.Timedelta(seconds=seconds)
    add(table, row, work_seconds=seconds if column == "ended_at" else -seconds)


@pytest.mark.parametrize("reason", ["work", "closed_holiday", "liquidity", "returned"])
def test_a_second_without_delay_is_found(reason: str, tables: Tables, end: pd.Timestamp) -> None:
    add(tables["steps"], rows_of(tables, 17)[1], **{f"{reason}_seconds": 1})
    with pytest.raises(
        sim.PromiseError, match=r"^payment 17, step \d, \w+: its reasons do not add up to its length"
    ):
        check_promises(tables, end)


def test_a_delay_without_a_reason_is_found(tables: Tables, end: pd.Timestamp) -> None:
    tables["payments"].loc[17, "credited_at"] += pd.Timedelta(seconds=1)
    with pytest.raises(sim.PromiseError, match=r"^payment 17: its rows do not reach from the instruction to"):
        check_promises(tables, end)


@pytest.mark.parametrize(("place", "column"), [(0, "began_at"), (-1, "ended_at")])
def test_a_payment_under_way_is_somewhere_from_its_instruction_to_the_end(
    place: int, column: str, tables: Tables, end: pd.Timestamp
) -> None:
    payments = tables["payments"]
    number = int(payments.loc[payments["credited_at"].isna(), "payment_id"].iloc[0])
    rows, steps = rows_of(tables, number), tables["steps"]
    lasting = [row for row in rows if steps.loc[row, "ended_at"] > steps.loc[row, "began_at"]]
    row = lasting[place]
    steps.loc[row, column] += pd.Timedelta(seconds=-1 if column == "ended_at" else 1)
    longest = max(REASONS, key=lambda reason: steps.loc[row, f"{reason}_seconds"])
    add(steps, row, **{f"{longest}_seconds": -1})
    with pytest.raises(sim.PromiseError, match=f"^payment {number}"):
        check_promises(tables, end)


def test_less_than_no_time_is_found_though_the_sum_is_right(tables: Tables, end: pd.Timestamp) -> None:
    add(tables["steps"], rows_of(tables, 17)[1], staff_seconds=-5, work_seconds=5)
    with pytest.raises(sim.PromiseError, match=r"^payment 17, step \d, \w+: a reason has less than no time"):
        check_promises(tables, end)


@pytest.mark.parametrize("seconds", [1, -1])
def test_a_gap_between_two_places_is_found_and_so_is_an_overlap(
    seconds: int, tables: Tables, end: pd.Timestamp
) -> None:
    steps = tables["steps"]
    work = steps["work_seconds"] > 1
    inner = work & (steps["payment_id"] == steps["payment_id"].shift(-1))
    row = first(inner)
    shift(steps, row, "ended_at", seconds)
    with pytest.raises(
        sim.PromiseError,
        match=f"^payment {steps.loc[row, 'payment_id']}, .*begin where the row before it ends",
    ):
        check_promises(tables, end)


def test_a_place_that_is_left_out_is_found(tables: Tables, end: pd.Timestamp) -> None:
    rows = rows_of(tables, 17)
    lasting = [
        row for row in rows if tables["steps"].loc[row, "ended_at"] > tables["steps"].loc[row, "began_at"]
    ]
    tables["steps"] = tables["steps"].drop(index=lasting[-1]).reset_index(drop=True)
    with pytest.raises(sim.PromiseError, match=r"^payment 17"):
        check_promises(tables, end)


def test_a_system_without_a_name_and_steps_of_nobody_are_found(tables: Tables, end: pd.Timestamp) -> None:
    steps = tables["steps"]
    row = first(steps["place"] == "system")
    named = steps.loc[row, "system"]
    steps.loc[row, "system"] = None
    with pytest.raises(sim.PromiseError, match="the place does not go with the system"):
        check_promises(tables, end)
    steps.loc[row, "system"] = named
    check_promises(tables, end)
    steps["payment_id"] = steps["payment_id"].where(steps["payment_id"] != 17, 10**6)
    with pytest.raises(sim.PromiseError, match=r"^payment 1000000: it has steps and is none of the payments"):
        check_promises(tables, end)


@pytest.mark.parametrize(
    "column", ["contract", "instruction", "clearing", "spread", "hedge", "total", "realised_value"]
)
@pytest.mark.parametrize("bearer", ["payer", "payee"])
def test_a_moved_fen_of_fx_result_is_found(
    column: str, bearer: str, tables: Tables, end: pd.Timestamp
) -> None:
    results = tables["fx_results"]
    row = first(results["bearer"] == bearer)
    add(results, row, **{column: 1})
    named = f"^obligation {results.loc[row, 'obligation_id']}, {bearer}: "
    with pytest.raises(sim.PromiseError, match=named):
        check_promises(tables, end)


@pytest.fixture(scope="module")
def returned() -> Results:
    """Weeks in which most of what is reviewed comes back, and much of it for good."""
    often = [f"routes.{route}.steps.review.return_probability=0.7" for route in ("cny-to-china", "rub")]
    short = ["period.end=2024-02-01", "run_in=15d", "horizon=40d"]
    return execute(load("returned-payments", [*short, *often]))


@pytest.fixture
def returned_tables(returned: Results) -> Tables:
    return {name: returned[name].copy() for name in returned.table_names}


@pytest.mark.parametrize("status", ["settled", "returned", "cancelled", "pending"])
def test_a_second_moved_between_returns_and_another_reason_is_found(
    status: str, returned: Results, returned_tables: Tables
) -> None:
    payments, end = returned_tables["payments"], pd.Timestamp(returned.manifest["followed_until"])
    check_promises(returned_tables, end)
    row = first(payments["status"] == status)
    steps, rows = returned_tables["steps"], rows_of(returned_tables, row)
    if status in ("returned", "cancelled"):
        # It is back to the end: let it be somewhere else for the last second.
        steps.loc[rows[-1], "ended_at"] -= pd.Timedelta(seconds=1)
        add(steps, rows[-1], returned_seconds=-1)
        other = steps.loc[[rows[-1]]].assign(
            began_at=end - pd.Timedelta(seconds=1), ended_at=end, returned_seconds=0, work_seconds=1
        )
        other = other.assign(place="message", step=0)
        returned_tables["steps"] = pd.concat(
            [steps.loc[: rows[-1]], other, steps.loc[rows[-1] + 1 :]], ignore_index=True
        )
    else:
        lasts = steps["ended_at"] > steps["began_at"]
        lasting = next(row for row in rows if lasts[row] and steps.loc[row, "place"] != "back")
        steps.loc[lasting, [name for name in steps if name.endswith("_seconds")]] = 0
        length = (steps.loc[lasting, "ended_at"] - steps.loc[lasting, "began_at"]) // pd.Timedelta(seconds=1)
        add(steps, lasting, returned_seconds=length)
        steps.loc[lasting, ["place", "step", "system"]] = ["back", None, None]
    with pytest.raises(sim.PromiseError, match=rf"^payment {row}: \d+ s are lost to returns"):
        check_promises(returned_tables, end)


@pytest.mark.parametrize(
    ("status", "bearer"), [("settled", "payer"), ("cancelled", "payer"), ("cancelled", "payee")]
)
def test_a_fen_that_a_return_has_not_cost_is_found(
    status: str, bearer: str, returned: Results, returned_tables: Tables
) -> None:
    results, end = returned_tables["fx_results"], pd.Timestamp(returned.manifest["followed_until"])
    payments = returned_tables["payments"].set_index("payment_id")["status"]
    mine = (results["payment_id"].map(payments) == status) & (results["bearer"] == bearer)
    row = first(mine & (results["realised"] | (bearer == "payee")))
    sign = 1 if bearer == "payee" else -1
    add(results, row, final_value=1, returned=sign, total=sign)
    named = f"^obligation {results.loc[row, 'obligation_id']}, {bearer}: its final value is "
    with pytest.raises(sim.PromiseError, match=named):
        check_promises(returned_tables, end)


def test_a_fen_moved_from_one_cause_to_another_is_found(tables: Tables, end: pd.Timestamp) -> None:
    add(tables["fx_results"], 3, contract=1, spread=-1)
    with pytest.raises(sim.PromiseError, match="obligation"):
        check_promises(tables, end)


def test_a_posting_made_twice_is_found(tables: Tables, end: pd.Timestamp) -> None:
    postings = tables["postings"]
    again = postings[postings["payment_id"].notna()].iloc[[40]]
    tables["postings"] = pd.concat([postings, again], ignore_index=True)
    named = rf"^payment {again['payment_id'].iloc[0]}: step {again['step'].iloc[0]} was posted twice"
    with pytest.raises(sim.PromiseError, match=named):
        check_promises(tables, end)


def test_funding_made_twice_is_found(tables: Tables, end: pd.Timestamp) -> None:
    postings = tables["postings"]
    again = postings[postings["payment_id"].isna()].iloc[[5]]
    tables["postings"] = pd.concat([postings, again], ignore_index=True)
    with pytest.raises(sim.PromiseError, match=r"postings and closing balance differ|passed its limit"):
        check_promises(tables, end)


def test_a_changed_amount_is_found(tables: Tables, end: pd.Timestamp) -> None:
    row = len(tables["postings"]) - 1
    add(tables["postings"], row, amount=1)
    accounts = {tables["postings"].loc[row, f"{side}_account"] for side in ("debit", "credit")}
    with pytest.raises(sim.PromiseError) as caught:
        check_promises(tables, end)
    assert any(account in str(caught.value) for account in accounts)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_posting_that_moves_nothing_is_found(amount: int, tables: Tables, end: pd.Timestamp) -> None:
    tables["postings"].loc[3, "amount"] = amount
    with pytest.raises(sim.PromiseError, match="moves nothing"):
        check_promises(tables, end)


def test_a_posting_between_two_currencies_is_found(tables: Tables, end: pd.Timestamp) -> None:
    postings, accounts = tables["postings"], tables["accounts"]
    other = accounts[accounts["currency"] != postings.loc[3, "currency"]]["account"].iloc[0]
    postings.loc[3, "credit_account"] = other
    with pytest.raises(sim.PromiseError, match="two currencies"):
        check_promises(tables, end)


@pytest.mark.parametrize("column", ["opening_balance", "closing_balance"])
def test_a_changed_balance_is_found(column: str, tables: Tables, end: pd.Timestamp) -> None:
    add(tables["accounts"], 2, **{column: 1})
    name = tables["accounts"].loc[2, "account"]
    with pytest.raises(sim.PromiseError, match=f"^account {name}: postings and closing balance differ"):
        check_promises(tables, end)


def test_money_that_moves_between_closing_balances_is_found(tables: Tables, end: pd.Timestamp) -> None:
    same = tables["accounts"]["currency"] == tables["accounts"].loc[0, "currency"]
    other = first(same & (same.index > 0))
    add(tables["accounts"], 0, closing_balance=1)
    add(tables["accounts"], other, closing_balance=-1)
    with pytest.raises(sim.PromiseError, match=tables["accounts"].loc[0, "account"]):
        check_promises(tables, end)


def test_an_overdrawn_account_is_found(run: Results, tables: Tables, end: pd.Timestamp) -> None:
    name = run.scenario.accounts[0].holder + "@" + run.scenario.accounts[0].system
    moves = run.postings.assign(
        change=run.postings["amount"]
        * ((run.postings["credit_account"] == name).astype(int) - (run.postings["debit_account"] == name))
    )
    opening = run.accounts.set_index("account").loc[name, "opening_balance"]
    # Limits hold at every posting, and not only for what an instant leaves behind.
    lowest = min(opening, (opening + moves.groupby("batch")["change"].sum().cumsum()).min())
    row = first(tables["accounts"]["account"] == name)
    tables["accounts"].loc[row, "floor"] = lowest
    check_promises(tables, end)
    add(tables["accounts"], row, floor=1)
    with pytest.raises(sim.PromiseError, match=f"^account {name}: its balance passed its limit"):
        check_promises(tables, end)


def test_order_of_postings_matters_for_limits(tables: Tables, end: pd.Timestamp) -> None:
    """Money may not be paid out before it came in, though all is well in the end."""
    declared = tables["accounts"]["floor"] == 0
    accounts = tables["accounts"][declared].set_index("account")["opening_balance"]
    postings = tables["postings"]
    # Every outflow first, then every inflow: some account must have relied on money received.
    outflows = postings.groupby("debit_account", observed=True)["amount"].sum()
    short = outflows.reindex(accounts.index).fillna(0) > accounts
    assert short.any()
    name = short[short].index[0]
    paid = postings["debit_account"] == name
    tables["postings"] = pd.concat([postings[paid], postings[~paid]], ignore_index=True)
    with pytest.raises(sim.PromiseError, match="its balance passed its limit"):
        check_promises(tables, end)


@pytest.mark.parametrize("breach", ["second", "fen"])
def test_a_run_that_breaks_a_promise_fails_and_leaves_nothing(
    breach: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Simulated.table

    def tampered(simulated: Simulated, name: str) -> pd.DataFrame | None:
        table = real(simulated, name)
        if table is not None and name == "steps" and breach == "second":
            add(table, 0, work_seconds=1)
        if table is not None and name == "accounts" and breach == "fen":
            add(table, 0, closing_balance=1)
        return table

    monkeypatch.setattr(Simulated, "table", tampered)
    days = [f"--set={change}" for change in ("period.end=2024-01-06", "run_in=2d", "horizon=2d")]
    target = tmp_path / "run"
    result = CliRunner().invoke(cli, ["run", "baseline", "-o", str(target), "--no-figures", *days])
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("payment 0, step 0" if breach == "second" else "account ")
    assert list(tmp_path.iterdir()) == []
