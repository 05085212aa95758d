"""When a bank fails, what it holds and what it keeps for others is frozen, and so are the payments on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.results.instants import instants
from sim.results.measure import Measure
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.world.world import World


def frozen_table(world: World, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per frozen account: whose failure froze it, since when, and what is stuck, in minor units.

    `balance` stands on it; `pending_out` and `pending_in` were submitted to its system, from it and to it, and
    have not settled.
    """
    network, accounts = world.network, world.network.accounts
    numbers = np.flatnonzero(network.frozen_at < world.window.end)
    failed = dict(zip(network.banks, network.failed_at.tolist(), strict=True))
    parties = [
        [bank for bank in (accounts.holder[k], accounts.servicer[k]) if bank in failed] for k in numbers
    ]
    waiting = tables["transfers"][tables["transfers"]["settled_at"].isna()]
    stuck = {
        side: waiting.groupby(f"{side}_account", observed=True)["amount"].sum()
        for side in ("debit", "credit")
    }
    labels = [accounts.labels[k] for k in numbers]
    return pd.DataFrame(
        {
            "bank": pd.Categorical(
                [min(found, key=failed.__getitem__) for found in parties], categories=list(network.banks)
            ),
            "account": pd.Series(labels, dtype="str"),
            "currency": pd.Series([accounts.currency[k] for k in numbers], dtype="str"),
            "frozen_at": instants(network.frozen_at[numbers]),
            "balance": tables["accounts"]["closing_balance"].to_numpy()[numbers],
            "pending_out": np.array([stuck["debit"].get(label, 0) for label in labels], dtype=np.int64),
            "pending_in": np.array([stuck["credit"].get(label, 0) for label in labels], dtype=np.int64),
        }
    )


def frozen_measure(
    tables: Mapping[str, pd.DataFrame], currency: str, end: pd.Timestamp
) -> dict[str, Measure]:
    """Value frozen by the failure of each bank; nothing if none failed.

    `balances` is the sum of positive balances on frozen accounts but for servicers' own positions in their own
    books, which are what they owe, valued at the last instant; `payments` that of payments from or to the bank
    that were neither credited nor given up by then, valued at `due_at`.
    """
    frozen = tables["frozen"]
    if not len(frozen):
        return {}
    value, scale = Valuation(tables["fx"], currency), 10 ** minor_digits(currency)
    last = pd.Series(end - pd.Timedelta(seconds=1), index=frozen.index)
    accounts = tables["accounts"].set_index("account").loc[frozen["account"]]
    own = (accounts["holder"] == accounts["servicer"]).to_numpy()
    held = value.of(frozen["balance"].clip(lower=0).mask(own, 0), frozen["currency"], last)
    payments = tables["payments"]
    pending = payments[payments["status"].isin(["pending", "returned"])]
    worth = value.of(pending["amount"], pending["currency"], pending["due_at"])
    found = {}
    for bank in frozen["bank"].unique():
        concerned = (pending["payer_bank"] == bank) | (pending["payee_bank"] == bank)
        found[str(bank)] = {
            "balances": float(held[frozen["bank"] == bank].sum() / scale),
            "payments": float(worth[concerned].sum() / scale),
        }
    return {"frozen_value": Measure(found, currency)}
