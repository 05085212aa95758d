"""A run as an analyst holds it: tables of facts, measures computed from them, and the scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.errors import NoTableError, ResultsError, ScenarioError
from sim.results.folder import (
    FIGURES_FOLDER,
    MANIFEST,
    MEASURES,
    SCENARIO,
    Text,
    files_below,
    inside,
    is_figure,
    is_intact,
    read_json,
    read_manifest,
    redrawn,
    sealed,
    sha256_of,
    write_json,
)
from sim.results.html import results_html
from sim.results.measure import Measure
from sim.results.saving import free_folder, new_folder, real_place, tidy
from sim.results.store import read_table, warn_of_change, write_table
from sim.scenario.load import load_saved, to_yaml

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
                raise NoTableError(name, self.table_names)
            self._tables[name] = read_table(self.folder, name, self.manifest["tables"][name])
        return self._tables[name]

    def __getattr__(self, name: str) -> pd.DataFrame:
        # Private names and those asked for by copy and pickle must not look for a table.
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except NoTableError as error:
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

    def save(
        self,
        target: str | Path,
        decorate: Callable[[Results, Path], None] | None = None,
        *,
        force: bool = False,
        free: bool = False,
    ) -> Results:
        """Write the run folder, whole or not at all, and return the results as saved there.

        An earlier run at `target` is replaced if it has the same text (scenario, seed and payments), or with
        `force`; what the run did not write stays. With `free` nothing is replaced: the run takes the first free
        one of `target`, `target-2`, `target-3`, … `decorate` may add files to the folder before it takes its
        place. `ResultsError` if something else is there, `RunError` if it cannot be written.
        """
        if free:
            with free_folder(Path(target)) as (place, folder):
                manifest = self._write(folder, decorate)
        else:
            with new_folder(target, Text.of(self.manifest), force=force) as folder:
                manifest = self._write(folder, decorate)
            place = Path(target) if ".." not in Path(target).parts else real_place(target)
        return replace(self, manifest=manifest, folder=place)

    def save_figures(self, draw: Callable[[Results, Path], object]) -> list[Path]:
        """Draw the figures of a saved run again: what `draw` writes replaces the figures that the run wrote.

        Returns their paths; `RunError` if they cannot be written.
        """
        if self.folder is None:
            raise ResultsError("the run is not saved; figures go into its folder")
        with new_folder(self.folder, None, replaces=is_figure) as folder:
            draw(self, folder / FIGURES_FOLDER)
            figures = {name: sha256_of(folder / name) for name in files_below(folder)}
            write_json(redrawn(self.manifest, figures), folder / MANIFEST)
        return [self.folder / name for name in figures]

    def _write(self, folder: Path, decorate: Callable[[Results, Path], None] | None) -> dict[str, Any]:
        hashes = {name: write_table(self[name], folder / f"{name}.parquet") for name in self.table_names}
        (folder / SCENARIO).write_text(to_yaml(self.scenario), encoding="utf-8")
        write_json({name: m._asdict() for name, m in self.measures.items()}, folder / MEASURES)
        if decorate is not None:
            decorate(self, folder)
        manifest = sealed({**self.manifest, "tables": hashes}, folder)
        write_json(manifest, folder / MANIFEST)
        return manifest


def open_run(folder: str | Path) -> Results:
    """The results that a run left in `folder`; nothing is run again, and nothing else is needed.

    `ResultsError` if there are none, or if something in the folder cannot be read; a file that can be read but
    is not as the run wrote it is told by a `ResultsWarning`, a table when it is first used.
    """
    tidy(real_place(folder))
    folder = Path(folder)
    manifest = read_manifest(folder)
    if not is_intact(manifest):
        warn_of_change(folder / MANIFEST)
    measures = _read_measures(folder)
    file = inside(folder, SCENARIO)
    try:
        scenario = load_saved(file)
    except ScenarioError as error:
        raise ResultsError(f"{folder / SCENARIO}: not the scenario of a run\n{error}") from None
    for name in (MEASURES, SCENARIO):
        if sha256_of(folder / name) != manifest["files"][name]:
            warn_of_change(folder / name)
    return Results(scenario, MappingProxyType(measures), MappingProxyType(manifest), folder=folder)


def _read_measures(folder: Path) -> dict[str, Measure]:
    found = {}
    for name, content in read_json(folder, MEASURES).items():
        if not (
            isinstance(content, dict)
            and {*content} == {*Measure._fields}
            and isinstance(content["unit"], str)
        ):
            raise ResultsError(f"{folder / MEASURES}: {name!r} is not a measure with its value and unit")
        found[name] = Measure(**content)
    return found
