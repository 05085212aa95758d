"""A run as an analyst holds it: tables of facts, measures computed from them, and the scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.errors import ResultsError
from sim.results.html import results_html
from sim.results.measure import Measure
from sim.results.store import (
    MANIFEST,
    MEASURES,
    SCENARIO,
    new_folder,
    read_json,
    read_table,
    write_json,
    write_table,
)
from sim.scenario.load import load, to_yaml

if TYPE_CHECKING:
    from sim.scenario.model import Scenario

#: Figures by name. The room that draws them puts them here, so that this one need not know it.
FIGURES: dict[str, Callable[..., Any]] = {}


class Plots:
    """The figures of a run as methods: `results.plot.exposure()`; each returns matplotlib axes."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def __dir__(self) -> list[str]:
        return sorted(FIGURES)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            figure = FIGURES[name]
        except KeyError:
            raise AttributeError(f"no figure {name!r}; there are {', '.join(sorted(FIGURES))}") from None
        return lambda *args, **kwargs: figure(self._results, *args, **kwargs)


@dataclass(frozen=True, eq=False)
class Results:
    """Tables, measures and scenario of one run.

    Tables are read when first asked for: `results.payments`, `results["fx"]`. Instants are UTC, amounts and
    balances minor units of the row's currency.
    """

    scenario: Scenario
    measures: Mapping[str, Measure]
    manifest: Mapping[str, Any]
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    folder: Path | None = None

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of all tables."""
        return tuple(self.manifest["tables"])

    @property
    def plot(self) -> Plots:
        """The figures."""
        return Plots(self)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            if name not in self.table_names or self.folder is None:
                raise KeyError(f"no table {name!r}; there are {', '.join(self.table_names)}")
            self._tables[name] = read_table(self.folder / f"{name}.parquet")
        return self._tables[name]

    def __getattr__(self, name: str) -> pd.DataFrame:
        # Private names and those asked for by copy and pickle must not look for a table.
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(str(error)) from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.table_names})

    def __repr__(self) -> str:
        m = self.measures
        return (
            f"<Results of {self.scenario.name!r}, seed {self.scenario.seed}: "
            f"{m['payments'].value:,} payments worth {m['value'].value:,.0f} {m['value'].unit}, "
            f"{m['settled_share'].value:.1%} settled, mean delay {m['delay'].value['mean']:.1f} h>"
        )

    def _repr_html_(self) -> str:
        return results_html(repr(self)[1:-1], self.measures)

    def save(self, target: str | Path, decorate: Callable[[Results, Path], None] | None = None) -> Results:
        """Write the run folder, whole or not at all, and return the results as saved there.

        `decorate` may add files to the folder before it takes its place. `RunError` if it cannot be written.
        """
        target = Path(target)
        with new_folder(target) as folder:
            hashes = {name: write_table(self[name], folder / f"{name}.parquet") for name in self.table_names}
            (folder / SCENARIO).write_text(to_yaml(self.scenario), encoding="utf-8")
            write_json({name: m._asdict() for name, m in self.measures.items()}, folder / MEASURES)
            if decorate is not None:
                decorate(self, folder)
            manifest = {**self.manifest, "tables": hashes}
            write_json(manifest, folder / MANIFEST)
        return replace(self, manifest=manifest, folder=target)


def open_run(folder: str | Path) -> Results:
    """The results that a run left in `folder`; nothing is run again. `ResultsError` if there are none."""
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise ResultsError(f"{folder}: not a run folder (it has no {MANIFEST})")
    manifest = read_json(folder / MANIFEST)
    found = {name: Measure(**content) for name, content in read_json(folder / MEASURES).items()}
    return Results(load(folder / SCENARIO), MappingProxyType(found), manifest, folder=folder)
