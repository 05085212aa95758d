"""What is sent back goes back over the same accounts, takes its time, and is tried again or given up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from builders import Declared, Order, accounts, border, by_hand, declare, instant, town, with_draws
from stays import of_payments, spent
from telling import run_of

import sim
from sim.engine.run import simulate
from sim.world.build import build_world

if TYPE_CHECKING:
    from sim.engine.records import Records
    from sim.scenario.model import Scenario
    from sim.world.world import World

HOUR, DAY = 3_600, 86_400
SCENARIO = """
name: returns
period: {{start: 2024-03-04 00:00, end: 2024-03-14 00:00, zone: Europe/Minsk}}
{more}
systems: {{s: {{kind: rtgs, currency: BYN, hours: always}}, t: {{kind: rtgs, currency: BYN, hours: always}}}}
accounts:
  s: [{{holder: A, balance: 10}}, {{holder: C, balance: 0}}, {{holder: B, balance: 0}}]
  t: [{{holder: C, balance: {passed_on}}}, {{holder: B, balance: 0}}]
routes:
  reviewed:
    steps:
      - {{kind: settle, system: s, credit: C}}
      - {{kind: settle, system: t, debit: C}}
      - kind: screen
        at: payee_bank
        probability: 1
        work: {{kind: fixed, value: 2h}}
        return_probability: {probability}
        return_after: {{kind: fixed, value: 1d}}
        correction: {{kind: fixed, value: 3h}}
        attempts: {attempts}
      - {{kind: post, work: {{kind: fixed, value: 1h}}}}
payments: {{file: payments.csv, system: s, route: reviewed}}
"""
USUAL = {"more": "", "passed_on": "10", "probability": "1", "attempts": "2"}


def run(folder: Path, rows: list[str], **stated: str) -> sim.Results:
    """Rows are `time,payer,payee,amount` on 4 March 2024."""
    lines = [f"p{k},2024-03-04T{row}" for k, row in enumerate(rows)]
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount,route"
    (folder / "payments.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO.format_map(USUAL | stated), encoding="utf-8")
    return sim.run(path)


def local(told: pd.Series) -> list[str | None]:
    """Local day and time, none where there is none."""
    return [None if pd.isna(at) else at.tz_convert("Europe/Minsk").strftime("%d %H:%M") for at in told]


def test_what_is_sent_back_at_every_attempt_is_cancelled_and_the_money_is_where_it_was(
    tmp_path: Path,
) -> None:
    results = run(tmp_path, ["10:00,A,B,4,reviewed"])
    returns = results["returns"]
    assert returns["attempt"].tolist() == [1, 2]
    assert local(returns["instructed_at"]) == ["04 10:00", "05 15:00"]
    assert local(returns["sent_back_at"]) == ["04 12:00", "05 17:00"]
    assert local(returns["returned_at"]) == ["05 12:00", "06 17:00"]
    assert local(returns["instructed_again_at"]) == ["05 15:00", None]
    payment = results.payments.iloc[0]
    assert payment["status"] == "cancelled"
    assert payment["attempts"] == 2
    assert pd.isna(payment["settled_at"])
    # Nobody was paid by the end: all that time went to returns.
    lost = instant("2024-03-14 00:00") - instant("2024-03-04 10:00")
    assert of_payments(results, "returned").tolist() == [lost]
    accounts = results["accounts"]
    assert accounts["closing_balance"].tolist() == accounts["opening_balance"].tolist()
    postings = results["postings"]
    moved = [f"{row.debit_account} {row.credit_account}" for row in postings.itertuples()]
    there, back = ["A@s C@s", "C@t B@t"], ["B@t C@t", "C@s A@s"]
    assert moved == [*there, *back, *there, *back]
    assert postings["kind"].tolist() == (["payment"] * 2 + ["return"] * 2) * 2
    assert postings["step"].tolist() == [0, 1, 1, 0] * 2
    assert postings["attempt"].tolist() == [1] * 4 + [2] * 4


def test_attempts_are_as_many_as_stated(tmp_path: Path) -> None:
    for attempts in (1, 4):
        results = run(tmp_path, ["10:00,A,B,4,reviewed"], attempts=str(attempts))
        assert results["returns"]["attempt"].tolist() == list(range(1, attempts + 1))
        assert results.payments["status"].tolist() == ["cancelled"]


@pytest.mark.quick
@pytest.mark.parametrize("attempts", [1, 3])
def test_each_attempt_is_charged_at_each_step_that_it_reached_and_the_way_back_costs_nothing(
    attempts: int,
) -> None:
    declared = reviewed_town(attempts=attempts, return_probability="1")
    settle, screen, post = declared["routes"]["direct"]["steps"]
    fee = {"currency": "CNY", "flat": "1"}
    declared["routes"]["direct"]["steps"] = [
        settle | {"fee": fee},
        screen | {"fee": fee},
        post | {"fee": fee},
    ]
    declared["period"]["end"] = "2024-03-25 00:00"
    world = by_hand(declare(declared), Order("2024-03-04 10:00", "A", "B", 4_00))
    fees = simulate(world).fees
    charged = list(zip(fees.attempt.tolist(), fees.step.tolist(), fees.amount.tolist(), strict=True))
    # None of them came to the post.
    assert sorted(charged) == [(number, step, 1_00) for number in range(1, attempts + 1) for step in (0, 1)]


def test_the_way_back_waits_for_cover_like_any_payment(tmp_path: Path) -> None:
    usual = run(tmp_path, ["10:00,A,B,4,reviewed"])
    assert local(usual["returns"]["returned_at"])[0] == "05 12:00"
    # The payee's bank has parted with the money, and gets other money only a day later.
    more = """timeline:
  - {kind: liquidity, holder: B, system: t, at: 2024-03-05 09:00, amount: -4}
  - {kind: liquidity, holder: B, system: t, at: 2024-03-06 09:00, amount: 4}"""
    results = run(tmp_path, ["10:00,A,B,4,reviewed"], more=more)
    assert local(results["returns"]["returned_at"])[0] == "06 09:00"


def test_a_payment_whose_money_is_not_back_by_the_end_is_returned_not_cancelled(tmp_path: Path) -> None:
    more = "timeline: [{kind: liquidity, holder: B, system: t, at: 2024-03-05 09:00, amount: -4}]"
    results = run(tmp_path, ["10:00,A,B,4,reviewed"], attempts="1", more=more)
    assert results.payments["status"].tolist() == ["returned"]
    assert results["returns"]["returned_at"].isna().all()
    assert results.measures["cancelled_share"].value == 0
    assert results.measures["returned_share"].value == 1
    # CNY 4 from 4 March 10:00 to the end of the run.
    days = (instant("2024-03-14 00:00") - instant("2024-03-04 10:00")) / DAY
    assert results.measures["returned_value_days"].value == pytest.approx(4 * days)


def reviewed_town(**screen: object) -> Declared:
    """A town where every payment is reviewed for two hours after it has settled."""
    step = {
        "kind": "screen",
        "at": "payee_bank",
        "probability": "1",
        "work": {"kind": "fixed", "value": "2h"},
        "return_probability": "0.5",
        "return_after": {"kind": "fixed", "value": "1d"},
        "correction": {"kind": "fixed", "value": "3h"},
        **screen,
    }
    steps = [
        {"kind": "settle", "system": "gross"},
        step,
        {"kind": "post", "work": {"kind": "fixed", "value": "1h"}},
    ]
    return town({"A": "100000000", "B": "0"}, routes={"direct": {"steps": steps}})


def test_of_a_payment_that_arrives_at_the_second_attempt_all_before_it_is_returned() -> None:
    world = by_hand(declare(reviewed_town()), Order("2024-03-04 10:00", "A", "B", 4_00))
    screen = "screen/payee_bank/return"
    world = with_draws(world, {screen: [0.4], f"{screen}/attempt-2": [0.6]})
    records = simulate(world)
    assert records.credited_at.tolist() == [instant("2024-03-05 18:00")]
    assert records.settled_at.tolist() == [instant("2024-03-05 15:00")]
    assert spent(records) == {
        "back": {"returned": 29 * HOUR},
        "review": {"work": 2 * HOUR},
        "payee_bank": {"work": HOUR},
    }
    assert records.attempts.tolist() == [2]


def test_who_is_sent_back_keeps_its_rank_and_no_other_draw_moves() -> None:
    flows = {
        "f": {
            "payer": "A",
            "payee": "B",
            "value": "1000000",
            "currency": "CNY",
            "invoice": {"kind": "lognormal", "median": "1", "sigma": "0.5"},
            "invoicing": {"CNY": "1"},
            "terms": {"t": {"share": "1", "days": [0, 1]}},
        }
    }
    sent_back = {}
    worlds = []
    for probability in ("0", "0.1", "0.3"):
        world = build_world(declare(reviewed_town(return_probability=probability) | {"flows": flows}))
        sent_back[probability] = set(simulate(world).returns.payment.tolist())
        worlds.append(world)
    count = len(worlds[0].payments)
    assert not sent_back["0"]
    assert sent_back["0.1"] < sent_back["0.3"]
    assert len(sent_back["0.3"]) / count == pytest.approx(0.3, abs=0.03)
    for other in worlds[1:]:
        assert np.array_equal(worlds[0].payments.amount, other.payments.amount)
        for name, draws in worlds[0].payments.draws.items():
            assert np.array_equal(draws, other.payments.draws[name])


#: From the midnight of 5 March on a dollar costs 4 roubles instead of 3.2; it always costs 7.25 yuan.
JUMP = {"kind": "rate_jump", "at": "2024-03-05", "currency": "BYN", "size": "0.25"}


def reviewed_border(
    market_hours: Any = "always",  # noqa: ANN401 - declarations
    depth: str | None = None,
    sells: Declared | None = None,
    **screen: Any,  # noqa: ANN401
) -> Scenario:
    """West keeps roubles and east yuan; both may exchange, half a per cent from mid.

    `sells` is what firms of the west do with foreign currency that they are paid.
    """
    (route,) = reviewed_town(**screen)["routes"].values()
    steps = [{"kind": "convert"}, *route["steps"], {"kind": "convert", "by": "payee"}]
    declared = border(
        "100000",
        {"hours": market_hours, "pairs": {"CNY/BYN": {"spread_bps": 100, "depth": depth}}},
        systems={
            "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            "roubles": {"kind": "rtgs", "currency": "BYN", "hours": "always"},
        },
        accounts=[
            *accounts({"west": "100000", "east": "100000"}),
            *accounts({"west": "100000", "east": "100000"}, "roubles"),
        ],
        routes={
            "direct": {"steps": steps},
            "in-roubles": {
                "steps": [{**s, "system": "roubles"} if s["kind"] == "settle" else s for s in steps]
            },
        },
        timeline=[JUMP],
    )
    declared["sides"]["east"]["markets"] = ["exchange"]
    if sells is not None:
        declared["firms"]["west"]["exchange"] = {"sells": sells}
    return declare(declared)


def told_causes(world: World, records: Records) -> dict[str, int]:
    """The FX result of the one bearer by cause, without those that are zero, and in all."""
    (row,) = run_of(world, records)["fx_results"].to_dict("records")
    causes = ("contract", "instruction", "returned", "clearing", "spread", "hedge", "total")
    return {cause: row[cause] for cause in causes if row[cause]}


def test_a_payee_who_is_paid_at_the_second_attempt_bears_what_the_rate_did_before_as_returned() -> None:
    # 320 roubles are worth 725 yuan on the 4th, and 580 when they are instructed again on the 5th.
    world = by_hand(reviewed_border(), Order("2024-03-04 10:00", "west", "east", 320_00, "in-roubles", "BYN"))
    draws = "screen/payee_bank/return"
    world = with_draws(world, {draws: [0.4], f"{draws}/attempt-2": [0.6]})
    assert told_causes(world, simulate(world)) == {"returned": -145_00, "spread": -2_90, "total": -147_90}


def test_a_payer_who_had_bought_before_is_not_touched_by_a_second_attempt() -> None:
    world = by_hand(reviewed_border(), Order("2024-03-04 10:00", "west", "east", 725_00))
    draws = "screen/payee_bank/return"
    world = with_draws(world, {draws: [0.4], f"{draws}/attempt-2": [0.6]})
    records = simulate(world)
    assert records.attempts.tolist() == [2]
    assert told_causes(world, records) == {"spread": -1_60, "total": -1_60}
    assert len(records.conversions.at) == 1


def test_a_payer_whose_payment_is_cancelled_sells_and_the_exchange_there_and_back_is_returned() -> None:
    world = by_hand(reviewed_border(attempts=1), Order("2024-03-04 10:00", "west", "east", 725_00))
    records = simulate(world)
    assert records.cancelled_at.tolist() == [instant("2024-03-05 12:00")]
    # Bought for 321.60 roubles, sold for 398.00.
    assert records.sold_back.counter_amount.tolist() == [398_00]
    assert told_causes(world, records) == {"returned": 78_00, "spread": -1_60, "total": 76_40}
    (row,) = run_of(world, records)["fx_results"].to_dict("records")
    assert row["final_value"] == 320_00 + 321_60 - 398_00
    assert row["realised"]


#: How deals are found: each for itself, before and after the simulation, or in its course.
DEALING: dict[str, Declared] = {
    "apart": {},
    "one after the other": {"depth": "100000"},
    "in the course of the simulation": {"sells": {"kind": "keep"}},
}


@pytest.mark.quick
@pytest.mark.parametrize("dealing", DEALING)
@pytest.mark.parametrize(("attempts", "currency"), [(1, "CNY"), (2, "CNY"), (1, "BYN")])
def test_a_payer_whose_payment_is_cancelled_sells_all_that_it_bought_and_nobody_else_sells(
    dealing: str, attempts: int, currency: str
) -> None:
    scenario = reviewed_border(attempts=attempts, **DEALING[dealing])
    route = "direct" if currency == "CNY" else "in-roubles"
    world = by_hand(
        scenario,
        Order("2024-03-04 10:00", "west", "east", 725_00, route, currency),
        Order("2024-03-04 11:00", "west", "east", 100_00, route, currency),
    )
    draws = "screen/payee_bank/return"
    world = with_draws(world, {draws: [0.4, 0.6], f"{draws}/attempt-2": [0.4, 0.6]})
    records = simulate(world)
    assert (records.cancelled_at < world.window.end).tolist() == [True, False]
    # Who pays in its own currency has bought nothing.
    bought = currency == "CNY"
    assert records.sold_back.payment.tolist() == [0] * bought
    assert records.sold_back.amount.tolist() == [725_00] * bought
    assert records.sold_back.at.tolist() == records.cancelled_at[:1].tolist() * bought
    results = run_of(world, records)["fx_results"]
    assert results.loc[results["bearer"] == "payer", "realised"].all()


def test_what_came_back_is_cash_until_the_market_opens() -> None:
    hours = {"zone": "Europe/Minsk", "sessions": ["10:00-11:00"], "calendar": "always"}
    world = by_hand(reviewed_border(hours, attempts=1), Order("2024-03-04 10:00", "west", "east", 725_00))
    records = simulate(world)
    assert records.sold_back.at.tolist() == [instant("2024-03-06 10:00")]
    exposure = run_of(world, records)["exposure"]
    mine = exposure[(exposure["side"] == "west") & (exposure["currency"] == "CNY")]
    held = dict(zip(mine["at"].dt.tz_convert("Europe/Minsk").dt.day, mine["cash"], strict=True))
    assert {day: cash for day, cash in held.items() if cash} == {6: 725_00}
    assert not mine["payable"].any()


def test_a_payee_whose_payment_is_cancelled_is_owed_nothing_any_more() -> None:
    world = by_hand(
        reviewed_border(attempts=1), Order("2024-03-04 10:00", "west", "east", 320_00, "in-roubles", "BYN")
    )
    records = simulate(world)
    # Until then the claim lost value; with the claim that is gone, too.
    assert told_causes(world, records) == {"returned": 145_00, "clearing": -145_00}
    # There was no exchange; what would have been exchanged is valued when the money was back, not at the end.
    (row,) = run_of(world, records)["fx_results"].to_dict("records")
    assert not row["realised"]
    assert pd.isna(row["converted_at"])
    assert row["mid_value"] == 580_00
    exposure = run_of(world, records)["exposure"]
    mine = exposure[(exposure["side"] == "east") & (exposure["currency"] == "BYN")]
    owed = dict(zip(mine["at"].dt.tz_convert("Europe/Minsk").dt.day, mine["receivable"], strict=True))
    assert {day: amount for day, amount in owed.items() if amount} == {5: 320_00}


def test_a_cancelled_payment_is_under_way_no_more() -> None:
    world = by_hand(
        reviewed_border(attempts=1), Order("2024-03-04 10:00", "west", "east", 320_00, "in-roubles", "BYN")
    )
    records = simulate(world)
    (cancelled_at,) = records.cancelled_at.tolist()
    table = run_of(world, records)["in_flight"]
    under_way = table.loc[table["payments"] > 0, "at"]
    assert len(under_way) == 1
    assert under_way.max().timestamp() < cancelled_at < world.window.period_end


def test_money_that_is_sent_back_is_not_with_correspondents_meanwhile(tmp_path: Path) -> None:
    # C passes the money on at once: all the time that it is away it is with the payee's bank, or with its own.
    results = run(tmp_path, ["10:00,A,B,4,reviewed"])
    assert not len(results["principal_risk"])
    # What C cannot pass on stays with it until then.
    more = "timeline: [{kind: liquidity, holder: C, system: t, at: 2024-03-05 09:00, amount: 4}]"
    results = run(tmp_path, ["10:00,A,B,4,reviewed"], passed_on="0", attempts="1", more=more)
    told = results["principal_risk"]
    assert told["kind"].tolist() == ["correspondent"]
    assert local(told["paid_at"]) == ["04 10:00"]
    assert local(told["final_at"]) == ["05 09:00"]


def test_at_one_instant_payees_sell_by_payment_whichever_attempt_was_paid() -> None:
    # Both payees are credited at 18:00 on the 5th, and a day's book takes what one of them sells.
    world = by_hand(
        reviewed_border(depth="580"),
        Order("2024-03-04 10:00", "west", "east", 320_00, "in-roubles", "BYN"),
        Order("2024-03-05 15:00", "west", "east", 320_00, "in-roubles", "BYN"),
    )
    draws = "screen/payee_bank/return"
    world = with_draws(world, {draws: [0.4, 0.6], f"{draws}/attempt-2": [0.6, 0.6]})
    records = simulate(world)
    assert records.credited_at.tolist() == [instant("2024-03-05 18:00")] * 2
    assert records.attempts.tolist() == [2, 1]
    first = records.conversions.at == instant("2024-03-05 18:00")
    assert records.conversions.payment[first].tolist() == [0]
