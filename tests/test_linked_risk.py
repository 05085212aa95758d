"""What is delivered against payment to the payer's bank has not been paid away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sim

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name: linked-risk
extends: mechanisms/pvp
period: {end: 2024-01-06 00:00}
run_in: 2d
horizon: 5d
routes:
  cny-to-china:
    steps:
      - {kind: convert}
      - {kind: settle, system: cny-byn, debit: liquidity-provider, credit: payer_bank}
      - {kind: message, time: {kind: fixed, value: 5h}}
      - {kind: settle, system: cips, debit: payer_bank, credit: payee_bank}
      - {kind: post, work: {kind: fixed, value: 0}}
"""


def test_currency_from_a_link_is_not_with_correspondents_while_the_payers_bank_has_it(tmp_path: Path) -> None:
    (tmp_path / "linked-risk.yaml").write_text(SCENARIO, encoding="utf-8")
    results = sim.run(tmp_path / "linked-risk.yaml")
    assert (results.transfers["link"] == "cny-byn").any()
    chosen = results.payments["route"] == "cny-to-china"
    ids = set(results.payments.loc[chosen, "payment_id"])
    risky = results.principal_risk[results.principal_risk["kind"] == "correspondent"]
    assert not ids & set(risky["payment_id"])
