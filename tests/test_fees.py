"""Every fee follows its rule, at each step that a payment reached, and nothing is charged beside."""

from __future__ import annotations

from typing import Any

import numpy as np
from outsider import MINOR, Rates, Saved, assert_rounded, near_cents


def fee_rules(saved: Saved) -> dict[tuple[str, int], dict[str, Any]]:
    return {
        (route, number): step["fee"] | {"kind": step["kind"], "by": step.get("by")}
        for route, declared in saved.scenario["routes"].items()
        for number, step in enumerate(declared["steps"])
        if "fee" in step
    }


def test_fees_follow_their_rules(saved: Saved, rates: Rates) -> None:
    payments = saved.payments.set_index("payment_id")
    row = payments.loc[saved.fees["payment_id"]].reset_index()
    rules = fee_rules(saved)
    keys = list(zip(row["route"], saved.fees["step"], strict=True))
    seen = 0
    for key, rule in rules.items():
        mine = np.array([other == key for other in keys])
        fees, of = saved.fees[mine], row[mine]
        assert set(fees["currency"]) == {rule["currency"]}
        assert set(fees["kind"]) == {rule["kind"]}
        bearer = rule.get("bearer", "payer")
        assert (fees["firm"].to_numpy() == of[bearer].to_numpy()).all()
        at = fees["charged_at"].set_axis(of.index)
        value = rates.value(of["amount"], of["currency"], fees["currency"].set_axis(of.index), at)
        amount = rule.get("flat", 0) * MINOR + np.longdouble(rule.get("share", 0)) * np.rint(value)
        amount = np.maximum(amount, rule.get("minimum", 0) * MINOR)
        if "maximum" in rule:
            amount = np.minimum(amount, rule["maximum"] * MINOR)
        assert_rounded(fees["amount"], amount)
        if rule["kind"] == "originate":
            assert (at == of["instructed_at"]).all()
        elif rule["by"] == "payee":
            assert (at == of["credited_at"]).all()
        seen += mine.sum()
    assert seen == len(saved.fees)
    assert not saved.fees.duplicated(["payment_id", "step"]).any()


def test_each_payment_is_charged_at_each_step_that_it_reached(saved: Saved) -> None:
    charged = set(zip(saved.fees["payment_id"], saved.fees["step"], strict=True))
    rules = fee_rules(saved)
    for route, payments in saved.payments.groupby("route"):
        credited = payments[payments["credited_at"].notna()]
        for number, rule in [(step, rule) for (name, step), rule in rules.items() if name == route]:
            side = credited[f"{rule.get('bearer', 'payer')}_side"].astype(str)
            asked = side.isin(rule.get("sides", side.unique()))
            there = {payment for payment in credited["payment_id"] if (payment, number) in charged}
            assert there == set(credited["payment_id"][asked])


def test_fees_in_total_and_by_kind(saved: Saved, rates: Rates) -> None:
    within = saved.payments["payment_id"][saved.payments["counted"]]
    fees = saved.fees[saved.fees["payment_id"].isin(within)]
    cents = rates.usd(fees["amount"], fees["currency"], fees["charged_at"])
    assert saved.measures["fees"] == near_cents(cents.sum())
    told = saved.measures["fees_by_kind"]
    for kind in set(fees["kind"]):
        assert told.pop(kind) == near_cents(cents[(fees["kind"] == kind).to_numpy()].sum())
    assert not any(told.values())
