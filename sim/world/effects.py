"""Each kind of entry of the timeline is taken up somewhere in the world, or it would be declared for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from sim.core.kinds import Halves
from sim.scenario.model.kinds import kinds
from sim.scenario.model.timeline import Entry

C = TypeVar("C", bound=Callable[..., Any])

#: Who gives each kind its effect; complete when the builder of the world has been imported.
EFFECTS: Final[Halves[Callable[..., Any]]] = Halves("kind of timeline entry", "an effect in the world")


def gives_effect_to(*declared: type) -> Callable[[C], C]:
    """Say that a function or class turns entries of a kind, or of all that have it in common, into what they change.

    TypeError for what is not in the union of all entries.
    """

    def register(taker: C) -> C:
        for each in declared:
            mine = [kind for kind, one in kinds(Entry).items() if issubclass(one, each)]
            if not mine:
                raise TypeError(
                    f"{each.__name__!r} has an effect in the world but is no kind of timeline entry"
                )
            EFFECTS.add(taker, *mine)
        return taker

    return register
