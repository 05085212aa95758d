"""Figures and words for the results of a run; what draws is loaded when it is first asked for."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from sim.show.figures.fan import exposure_fan

__all__ = ["exposure_fan"]


def __getattr__(name: str) -> object:
    if name != "exposure_fan":
        raise AttributeError(f"module 'sim.show' has no attribute {name!r}")
    from sim.show.figures.fan import exposure_fan  # noqa: PLC0415 - see above

    return exposure_fan
