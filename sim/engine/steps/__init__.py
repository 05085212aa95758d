"""The kinds of step that routes are made of, chosen by the `kind` of their declaration.

`convert` is missing, since it is made together with the exchange that all routes share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.engine.steps.message import MessageStep
from sim.engine.steps.office import OriginateStep, PostStep
from sim.engine.steps.screen import ScreenStep
from sim.engine.steps.settle import SettleStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.steps.base import Step

KINDS: Final[dict[str, Callable[..., Step]]] = {
    "originate": OriginateStep,
    "screen": ScreenStep,
    "message": MessageStep,
    "settle": SettleStep,
    "post": PostStep,
}
