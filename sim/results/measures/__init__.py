"""Every number in `measures.json` is a formula over the tables; an outsider with the facts alone gets the same.

**Valuation.** The table `fx` holds, for each day from local midnight on (`valid_from`, zone of the period), the units
of each currency per 1 USD; a rate holds until the next one. An amount *a* in minor units of currency *c* at instant
*t* is worth, in minor units of currency *r*,

    round( a · p(r, t) / p(c, t) · 10^(digits of r − digits of c) )

with halves to the even number; an amount in *r* itself is not touched. Sums are taken over rounded values, and told in
major units. Where a run has no rates, amounts in other currencies are left out.

**Instants.** What is told of one instant (a peak, a lowest balance, a bound, a queue, a position) is what everything of
that second has left behind: who pays and is paid in one second is short only by the difference. A stretch such as a day
includes the instant at which it begins and not the one at which it ends. Limits hold more strictly, before and after
every batch of `postings`. The **last instant** of a run is the second before `followed_until`. Its mid is therefore that
of the local day which ends then, where `followed_until` is a midnight.

**Nothing.** Where there is nothing to tell, a measure that tells numbers by name tells none: `{}`. What cannot be computed
by a name, such as a ratio where nothing was submitted, is null.

In Python, `results.measures["delay"]` is a value with its unit, and `results.measures.to_frame()` has a row for each
number. `sim.run("baseline", measures=["delay", "payment_cost_bps"])` computes these and what they need, and nothing
else; every other measure is computed when it is first looked up, also in a folder that was opened again. *Better* says
which way a measure gets better: lower, higher, or neither.
"""

from __future__ import annotations

from importlib import import_module

from sim.core.kinds import import_all

# In the order in which a reader wants them; others follow.
for _name in ("payments", "exposure", "systems", "liquidity"):
    import_module(f"{__name__}.{_name}")
import_all(__name__, __path__)
