"""The place of a firm may decide its bank, and the bank which ways its payments can take; no draw moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from builders import POST, Order, accounts, by_hand, declare, firm, town

from sim.core.clock import HOUR
from sim.errors import ScenarioError
from sim.results.execute import execute
from sim.scenario.check import check
from sim.scenario.load import load, to_yaml
from sim.scenario.model import Scenario
from sim.world.build import build_world
from sim.world.routing import divert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sim.results.results import Results
    from sim.world.world import DrawnWorld

FEW_DAYS = ("period.end=2024-01-08", "run_in=2d", "horizon=5d")
LOCAL = {"guangzhou-a": "0.7", "shenzhen-a": "0.3"}


def few_days(banks_by_city: Mapping[str, Mapping[str, str]]) -> DrawnWorld:
    """The baseline's world of a few days, in which suppliers of some cities have other banks."""
    tree = load("baseline", FEW_DAYS).model_dump(by_alias=True)
    tree["firms"]["suppliers"]["banks_by_city"] = banks_by_city
    return build_world(Scenario.model_validate(tree))


def firms_of(world: DrawnWorld) -> pd.DataFrame:
    bank = np.array(world.network.banks)[world.firms.bank]
    columns = {"city": world.firms.city, "bank": bank, "size": world.firms.size}
    return pd.DataFrame(columns, index=world.firms.labels)


# Banks by city.


def test_firms_of_a_city_have_its_banks_and_all_else_stays() -> None:
    usual, local = few_days({}), few_days({"Guangzhou": LOCAL, "Zhuhai": {"shenzhen-a": "1"}})
    here, there = firms_of(local), firms_of(usual)
    pd.testing.assert_frame_equal(here[["city", "size"]], there[["city", "size"]])
    suppliers = here[here.index.str.startswith("suppliers")]
    found = suppliers.groupby("city")["bank"].value_counts(normalize=True)
    # About 225 firms of Guangzhou: four standard errors are 0.12.
    assert found["Guangzhou"].to_dict() == pytest.approx({"guangzhou-a": 0.7, "shenzhen-a": 0.3}, abs=0.12)
    assert found["Zhuhai"].to_dict() == {"shenzhen-a": 1}
    moved = here[here["bank"] != there["bank"]]
    assert set(moved["city"]) == {"Guangzhou", "Zhuhai"}
    assert moved.index.str.startswith("suppliers").all()
    for column in ("payer", "payee", "amount", "currency", "invoiced_at", "due_at"):
        assert (getattr(local.obligations, column) == getattr(usual.obligations, column)).all()
    for name, draws in usual.payments.draws.items():
        assert (local.payments.draws[name] == draws).all()


def test_a_firm_keeps_its_rank_among_the_banks_of_its_city() -> None:
    usual = load("baseline").firms["suppliers"].banks
    same = {bank: str(share) for bank, share in usual.items()}
    assert firms_of(few_days({"Guangzhou": same})).equals(firms_of(few_days({})))
    # The banks that come first for the draws of one list come first for those of another.
    there, here = firms_of(few_days({})), firms_of(few_days({"Guangzhou": LOCAL}))
    pairs = list(zip(there["bank"], here["bank"], strict=True))
    mine = [pair for pair, city in zip(pairs, here["city"], strict=True) if city == "Guangzhou"]
    assert ("beijing-a", "guangzhou-a") in mine
    assert ("beijing-a", "shenzhen-a") not in mine


# Routes by bank.


def bridged(**carries: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a declaration
    """Three banks at two systems; the second system is for the payments that `carries` says."""
    three = {"a": "100", "b": "100", "c": "100"}
    return town(
        three,
        systems={
            name: {"kind": "rtgs", "currency": "CNY", "hours": "always"} for name in ("gross", "bridge")
        },
        accounts=[account for name in ("gross", "bridge") for account in accounts(three, name)],
        routes={
            "direct": {"carries": {"payer_banks": ["a", "b"]}, "steps": [settle("gross"), POST]},
            "over": {"carries": carries, "steps": [settle("bridge"), POST]},
        },
        firms={"all": {**firm("town", "a", 60), "banks": {"a": "0.4", "b": "0.3", "c": "0.3"}}},
        flows={
            "goods": {
                "payer": "all",
                "payee": "all",
                "value": 1_000_000,
                "currency": "CNY",
                "invoice": {"kind": "fixed", "value": "50"},
                "invoicing": {"CNY": 1},
                "terms": {"cash": {"share": 1, "days": [0, 0]}},
            }
        },
    )


def settle(system: str) -> dict[str, Any]:
    return {"kind": "settle", "system": system}


def test_a_route_carries_payments_of_its_banks_only() -> None:
    world = build_world(declare(bridged(payer_banks=["c"])))
    payments = world.payments
    assert len(payments) > 200
    bank, route = np.array(world.network.banks), np.array(list(world.routes))
    over = route[payments.route] == "over"
    assert (over == (bank[payments.payer_bank] == "c")).all()
    both = build_world(declare({**bridged(payer_banks=["a", "c"], payee_banks=["b", "c"])} | everything()))
    payments = both.payments
    payer, payee = bank[payments.payer_bank], bank[payments.payee_bank]
    taken = route[payments.route]
    assert set(taken[payer == "b"]) == set(taken[payee == "a"]) == {"direct"}
    assert set(taken[(payer == "a") & (payee == "c")]) == {"direct", "over"}


def everything() -> dict[str, Any]:
    """Routes of which the direct one carries everything, so that others may be taken by some."""
    carries = {"payer_banks": ["a", "c"], "payee_banks": ["b", "c"]}
    return {
        "routes": {
            "direct": {"steps": [settle("gross"), POST]},
            "over": {"carries": carries, "steps": [settle("bridge"), POST]},
        }
    }


def test_a_fallback_that_is_not_for_the_bank_is_passed_over() -> None:
    declared = bridged()
    declared["firms"] = {bank: firm("town", bank) for bank in "abc"}
    del declared["flows"]
    declared["routes"] = {
        "direct": {"steps": [settle("gross"), POST]},
        "second": {"weight": 0, "carries": {"payee_banks": ["c"]}, "steps": [settle("bridge"), POST]},
        "third": {"weight": 0, "steps": [settle("bridge"), POST]},
    }
    declared["timeline"] = [
        {
            "kind": "closed_route",
            "route": "direct",
            "from": "2024-03-05 00:00",
            "fallback": ["second", "third"],
        }
    ]
    world = by_hand(
        declare(declared), Order("2024-03-05 10:00", "a", "b", 1), Order("2024-03-05 11:00", "a", "c", 1)
    )
    sides = np.zeros(2, dtype=np.int64)
    taken = divert(
        world.scenario,
        world.payments,
        world.network.banks,
        (sides, sides),
        world.fx,
        world.openings.timeline,
    )
    assert [list(world.routes)[number] for number in taken] == ["third", "second"]


def test_places_survive_being_written_and_read(tmp_path: Path) -> None:
    declared = bridged(payer_banks=["c"])
    declared["firms"]["all"]["banks_by_city"] = {"Minsk": {"c": 1}}
    scenario = declare(declared)
    (tmp_path / "again.yaml").write_text(to_yaml(scenario))
    assert load(str(tmp_path / "again.yaml")) == scenario


# What is refused.


def test_payments_that_no_route_carries_are_told_by_their_banks() -> None:
    found = list(check(Scenario.model_validate(bridged(payer_banks=["c"], payee_banks=["a", "b"]))))
    assert [(finding.path, finding.message) for finding in found] == [
        (("flows", "goods", "invoicing", "CNY"), "no route carries CNY from 'c' to 'c'")
    ]
    found = list(check(Scenario.model_validate(bridged(payer_banks=["a"]))))
    assert found[0].message == "no route carries CNY from 'c' to 'a' (nor between 2 more pairs of banks)"


def test_a_bank_of_one_city_needs_its_accounts_too() -> None:
    declared = bridged(payer_banks=["c"])
    declared["firms"]["all"] |= {"banks": {"a": 1}, "cities": {"Minsk": "0.5", "Brest": "0.5"}}
    declared["accounts"] = [one for one in declared["accounts"] if one["holder"] != "c"]
    assert not list(check(Scenario.model_validate(declared)))
    declared["firms"]["all"]["banks_by_city"] = {"Brest": {"c": 1}}
    told = {finding.message for finding in check(Scenario.model_validate(declared))}
    assert {"'c' has no account in 'bridge'", "'c' has no account in 'gross'"} <= told
    # Where every city has banks of its own, nobody has those of the whole group.
    declared["firms"]["all"] |= {"banks": {"c": 1}, "banks_by_city": {"Brest": {"a": 1}, "Minsk": {"b": 1}}}
    assert not list(check(Scenario.model_validate(declared)))


def test_mistakes_about_places_are_told_at_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "places.yaml"
    path.write_text(
        """name: places
extends: baseline
question: Where?
firms:
  buyers:
    banks_by_city:
      Guangzu: {guangzhou-a: 1}
  suppliers:
    banks_by_city:
      Guangzhou: {guangzhou-a: 0.5, wuhan: 0.5}
  importers:
    banks_by_city:
      Minsk: {minsk-a: 0.6, minsk-b: 0.6}
routes:
  rub:
    carries: {payer_banks: [minsk-e]}
  usd:
    carries: {payee_banks: []}
"""
    )
    with pytest.raises(ScenarioError) as caught:
        load(str(path))
    told = [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]
    assert told == [
        "7:7: firms.buyers.banks_by_city.Guangzu: 'Guangzu' is none of the group's cities; did you mean 'Guangzhou'?",
        "10:37: firms.suppliers.banks_by_city.Guangzhou.wuhan: 'wuhan' is not declared under 'banks'",
        "13:7: firms.importers.banks_by_city.Minsk: the shares add up to 1.2, not to 1",
        "16:29: routes.rub.carries.payer_banks.0: 'minsk-e' is not the name of a bank; did you mean 'minsk-d'?",
        "18:15: routes.usd.carries.payee_banks: a route that is for no bank carries nothing",
    ]


def test_a_payment_of_one_s_own_cannot_take_a_route_that_is_not_for_its_bank(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        """name: own
period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
systems:
  rtgs: {kind: rtgs, currency: BYN, hours: always}
accounts:
  - {holder: A, system: rtgs, balance: 50}
  - {holder: B, system: rtgs, balance: 20}
routes:
  of-a:
    carries: {payer_banks: [A]}
    steps: [{kind: settle, system: rtgs}, {kind: post, work: {kind: fixed, value: 0}}]
payments: {file: payments.csv, system: rtgs, route: of-a}
"""
    )
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount\np1,2024-03-04T10:00,A,B,30\n"
    (tmp_path / "payments.csv").write_text(header)
    assert list(execute(load(str(path))).payments["route"]) == ["of-a"]
    (tmp_path / "payments.csv").write_text(header + "p2,2024-03-04T10:00,B,A,30\n")
    with pytest.raises(ScenarioError, match="'of-a' does not carry BYN from 'B' to 'A'"):
        execute(load(str(path)))


# The measure.


def test_delay_by_city_counts_a_payment_where_its_parties_are(baseline_run: Results) -> None:
    payments, city = baseline_run.payments, baseline_run.firms.set_index("firm")["city"].astype(str)
    payments = payments[payments["counted"]]
    end = pd.Timestamp(baseline_run.manifest["followed_until"])
    hours = (payments["credited_at"].fillna(end) - payments["instructed_at"]).dt.total_seconds() / HOUR
    told = baseline_run.measures["delay_by_city"].value
    assert set(told["china"]) == set(baseline_run.scenario.firms["suppliers"].cities)
    for side, name in (("china", "Zhuhai"), ("belarus", "Soligorsk")):
        mine = sum(payments[party].astype(str).map(city) == name for party in ("payer", "payee")) > 0
        assert told[side][name]["payments"] == mine.sum()
        assert told[side][name]["mean"] == pytest.approx(hours[mine].mean())
        assert told[side][name]["p50"] == pytest.approx(hours[mine].median())
    # Trade is between the two sides, so each counts all payments once.
    for side in told.values():
        assert sum(profile["payments"] for profile in side.values()) == len(payments)
