"""What a study found is a few tidy tables, the same bytes whoever made which replication first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.studies.statistics import QUANTILES, quantiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.studies.journal import Journal

REPLICATIONS: Final = "replications.parquet"
BANDS: Final = "bands.parquet"
PARTS: Final = "parts.parquet"
ASSUMPTIONS: Final = "assumptions.parquet"
#: What a number is called: its scenario, the one whose obligations it has in common with it (none: all), and itself.
KEY: Final = ("scenario", "common_with", "measure", "of")
#: Rows that are written together, and numbers that are held at once.
_ROWS: Final = 100_000
_HELD: Final = 4_000_000

_NUMBERS: Final = pa.schema(
    [
        ("scenario", pa.string()),
        ("common_with", pa.string()),
        ("replication", pa.int64()),
        ("measure", pa.string()),
        ("of", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("better", pa.string()),
    ]
)
_OF_ASSUMPTIONS: Final = pa.schema(
    [
        ("scenario", pa.string()),
        ("replication", pa.int64()),
        ("assumption", pa.string()),
        ("quantile", pa.float64()),
        ("value", pa.string()),
    ]
)
_OF_BANDS: Final = pa.schema(
    [
        ("scenario", pa.string()),
        ("series", pa.string()),
        ("of", pa.string()),
        ("at", pa.timestamp("s", tz="UTC")),
        ("n", pa.int64()),
        ("mean", pa.float64()),
        *((name, pa.float64()) for name in QUANTILES),
        ("unit", pa.string()),
    ]
)


def write_replications(journal: Journal, count: int, path: Path) -> None:
    """A row per number of the first `count` replications, in their order: see `read_replications`."""
    with path.open("wb") as file, pq.ParquetWriter(file, _NUMBERS, compression="zstd") as writer:
        rows: list[tuple[Any, ...]] = []
        for _, replication, record in _records(journal, count):
            for block in record["blocks"]:
                head = (block["scenario"], block["common_with"] or "", replication)
                for measure, of, value, unit, better in block["values"]:
                    rows.append((*head, measure, of, None if value is None else float(value), unit, better))
            if len(rows) >= _ROWS:
                writer.write_table(_table(rows, _NUMBERS))
                rows.clear()
        writer.write_table(_table(rows, _NUMBERS))


def read_replications(path: Path) -> pd.DataFrame:
    """A row per number: scenario, common_with, replication, measure, of, value, unit, better.

    `common_with` names the scenario with which the obligations are shared over which the number is told, empty for all
    of its own. What could not be computed is not a number.
    """
    with path.open("rb") as file:
        found: pd.DataFrame = pq.read_table(file).to_pandas()
    names = [name for name in found.columns if name not in {"replication", "value"}]
    return found.astype(dict.fromkeys(names, "category"))


def write_bands(journal: Journal, count: int, path: Path) -> None:
    """A row per series and instant: mean and quantiles over the first `count` replications."""
    layout, runs = _layout(journal, count)
    with path.open("wb") as file, pq.ParquetWriter(file, _OF_BANDS, compression="zstd") as writer:
        if not layout:
            writer.write_table(_table([], _OF_BANDS))
        for part in _parts(layout, max(runs.values(), default=1)):
            values = _values(journal, count, part)
            for key, (unit, at) in part.items():
                mine = values[key]
                told = [mine.mean(axis=1), *quantiles(mine).values()]
                columns = [
                    *([name] * len(at) for name in key),
                    at,
                    [mine.shape[1]] * len(at),
                    *told,
                    [unit] * len(at),
                ]
                writer.write_table(pa.table(dict(zip(_OF_BANDS.names, columns, strict=True)), _OF_BANDS))


def read_bands(path: Path) -> pd.DataFrame:
    """A row per series and instant: scenario, series, of, at, n, mean, p05, p25, p50, p75, p95, unit."""
    with path.open("rb") as file:
        found: pd.DataFrame = pq.read_table(file).to_pandas()
    return found.astype(dict.fromkeys(("scenario", "series", "of", "unit"), "category"))


def write_assumptions(journal: Journal, count: int, path: Path) -> None:
    """A row per assumption of a compared scenario and replication: see `read_assumptions`."""
    rows = [
        (block["scenario"], replication, name, *drawn)
        for group, replication, record in _records(journal, count)
        for block in record["blocks"]
        if not group and block["common_with"] is None
        for name, drawn in block["assumed"].items()
    ]
    with path.open("wb") as file:
        pq.write_table(_table(rows, _OF_ASSUMPTIONS), file, compression="zstd")


def read_assumptions(path: Path) -> pd.DataFrame:
    """A row per assumption and replication: scenario, replication, assumption, quantile, value (text).

    Without rows, if the study draws none and there is no such file.
    """
    if not path.exists():
        return pd.DataFrame(columns=_OF_ASSUMPTIONS.names)
    with path.open("rb") as file:
        found: pd.DataFrame = pq.read_table(file).to_pandas()
    return found.astype(dict.fromkeys(("scenario", "assumption"), "category"))


def write_frame(table: pd.DataFrame, path: Path) -> None:
    """Write a table of texts and numbers, the same bytes for the same table."""
    with path.open("wb") as file:
        content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(content, file, compression="zstd")


def matrix(numbers: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """The names of all numbers (columns of `KEY`, unit, better), and a row of values by replication for each.

    In the order in which they are first told; what a replication does not tell is not a number.
    """
    names = numbers.groupby([*KEY], observed=True, sort=False).ngroup().to_numpy()
    heads = numbers[~pd.Series(names).duplicated().to_numpy()]
    replications, column = np.unique(numbers["replication"].to_numpy(), return_inverse=True)
    values = np.full((len(heads), len(replications)), np.nan)
    values[names, column] = numbers["value"].to_numpy()
    return heads[[*KEY, "unit", "better"]].reset_index(drop=True), values


def _records(journal: Journal, count: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    keys = sorted((replication, group) for group, replication in journal if replication < count)
    for replication, group in keys:
        yield group, replication, journal[group, replication]


_Key = tuple[str, str, str]
_Layout = dict[_Key, tuple[str, list[int]]]


def _layout(journal: Journal, count: int) -> tuple[_Layout, dict[str, int]]:
    """Unit and instants of each series by scenario, name and what it is of; and the runs of each scenario."""
    found: _Layout = {}
    runs: dict[str, int] = {}
    for _, _, record in _records(journal, count):
        for block in record["blocks"]:
            if block["series"]:
                runs[block["scenario"]] = runs.get(block["scenario"], 0) + 1
            for name, of, unit, at, _ in block["series"]:
                found.setdefault((block["scenario"], name, of), (unit, at))
    return found, runs


def _parts(layout: _Layout, count: int) -> Iterator[_Layout]:
    """The series in parts of which all values can be held at once."""
    part: _Layout = {}
    held = 0
    for key, (unit, at) in layout.items():
        if part and held + len(at) * count > _HELD:
            yield part
            part, held = {}, 0
        part[key] = (unit, at)
        held += len(at) * count
    if part:
        yield part


def _values(journal: Journal, count: int, wanted: _Layout) -> dict[_Key, NDArray[np.float64]]:
    """Values of series, a row per instant; a run that does not tell one has nothing there, which is zero."""
    found: dict[_Key, list[NDArray[np.float64]]] = {key: [] for key in wanted}
    for _, _, record in _records(journal, count):
        for block in record["blocks"]:
            told = {(block["scenario"], name, of): values for name, of, _, _, values in block["series"]}
            for key, columns in found.items():
                if block["series"] and key[0] == block["scenario"]:
                    columns.append(np.array(told.get(key, np.zeros(len(wanted[key][1]))), dtype=np.float64))
    return {key: np.array(columns).T for key, columns in found.items()}


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table(dict(zip(schema.names, map(list, columns), strict=True)), schema)
