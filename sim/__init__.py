"""Simulate settlement in local currencies: who waits how long, and who bears which exchange risk.

    >>> import sim
    >>> results = sim.run(sim.load("baseline"))    # doctest: +SKIP
    >>> results.plot.exposure()                    # doctest: +SKIP

The names below are all there is to import; each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module

# As in `typing`, which takes longer to load than all that a command needs to listen for signals.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from sim.api import compare, ensemble, open, plot_mechanisms, run  # noqa: A004 - as in `sim.open(folder)`
    from sim.errors import (
        PromiseError,
        ResultsError,
        ResultsWarning,
        RunError,
        ScenarioError,
        SettlementError,
        StudyError,
    )
    from sim.results.results import Results
    from sim.scenario.load import load
    from sim.scenario.model import Scenario
    from sim.studies.comparison import Comparison
    from sim.studies.ensemble import Ensemble

_HOMES = {
    "load": "sim.scenario.load",
    "run": "sim.api",
    "ensemble": "sim.api",
    "compare": "sim.api",
    "open": "sim.api",
    "plot_mechanisms": "sim.api",
    "Scenario": "sim.scenario.model",
    "Results": "sim.results.results",
    "Ensemble": "sim.studies.ensemble",
    "Comparison": "sim.studies.comparison",
    "SettlementError": "sim.errors",
    "ScenarioError": "sim.errors",
    "RunError": "sim.errors",
    "PromiseError": "sim.errors",
    "ResultsError": "sim.errors",
    "ResultsWarning": "sim.errors",
    "StudyError": "sim.errors",
}

__all__ = [
    "Comparison",
    "Ensemble",
    "PromiseError",
    "Results",
    "ResultsError",
    "ResultsWarning",
    "RunError",
    "Scenario",
    "ScenarioError",
    "SettlementError",
    "StudyError",
    "compare",
    "ensemble",
    "load",
    "open",
    "plot_mechanisms",
    "run",
]


if not TYPE_CHECKING:
    # Whoever checks types would take any name for one of ours.

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'sim' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
