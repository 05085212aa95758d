"""Every attempt of a payment has draws of its own, from streams that are named after the step and the attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.demands import origins
from sim.world.draws import stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.world.world import DrawnWorld


class Draws:
    """Uniform draws, one at a time.

    Those of first attempts are the world's. Those of later ones come from the streams of the flow that the
    obligation is from; in a world by hand they are `stated` by name, 0 for a name that is not.
    """

    def __init__(self, world: DrawnWorld, stated: Mapping[str, list[float]] | None) -> None:
        self._world = world
        self._stated = stated
        self._origins = list(origins(world.scenario))

    def of(self, payment: int, name: str, attempt: int) -> float:
        """The draw of a payment at an attempt."""
        if attempt == 1:
            return float(self._world.payments.draws[name][payment])
        name = f"{name}/attempt-{attempt}"
        if self._stated is not None:
            return self._stated[name][payment] if name in self._stated else 0.0
        obligations = self._world.obligations
        obligation = self._world.payments.obligation[payment]
        origin = self._origins[obligations.flow[obligation]]
        drawn = stream(self._world.scenario.seed, self._world.replication, f"{name}/{origin}")
        # A month, or a contract, has 2³² draws of the stream for itself.
        drawn.bit_generator.advance(
            int(obligations.piece[obligation]) * 2**32 + int(obligations.draw[obligation])
        )  # type: ignore[attr-defined]
        return float(drawn.random())
