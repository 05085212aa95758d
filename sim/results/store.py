"""A table is a Parquet file: the same table gives the same bytes, and comes back as it was."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import ResultsError
from sim.results.columns import frame
from sim.results.folder import inside, sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.results.columns import Column


#: Names are kept in the order of their categories only as long as they fit into one dictionary.
_DICTIONARY_BYTES: Final = 2**30


def write_table(table: pd.DataFrame, columns: Sequence[Column], path: Path) -> str:
    """Write one Parquet file, the same bytes for the same table; returns its SHA-256."""
    # Without pandas' own metadata, whose wording changes with its version, and with one row group.
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    for place, column in enumerate(columns):
        if column.kind == "date":
            content = content.set_column(place, column.name, content[column.name].cast(pa.date32()))
    # Into an open file, for a path need not be text that Arrow can take.
    with path.open("wb") as file:
        pq.write_table(
            content,
            file,
            compression="zstd",
            row_group_size=max(len(table), 1),
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_table(folder: Path, name: str, columns: Sequence[Column], sha256: str) -> tuple[pd.DataFrame, bool]:
    """A table of a run folder as it was saved, and whether it is as it was written (`sha256`).

    `ResultsError` if the file cannot be read.
    """
    path = inside(folder, f"{name}.parquet")
    changed = False
    try:
        changed = sha256_of(path) != sha256
        found = _read(path)
        # Whoever changed the columns may look at them; what is computed from them fails by the name of the file.
        if not changed or [*found] == [column.name for column in columns]:
            found = frame(columns, found)
    except Exception as error:
        # What a changed file can do to its reader has no end; a file of ours does nothing but fail to be read.
        if not changed and not isinstance(error, (OSError, pa.ArrowInvalid)):
            raise
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ResultsError(f"{folder / path.name}: not a readable table ({told})") from None
    return found, not changed


def _read(path: Path) -> pd.DataFrame:
    # From an open file, for a path such as `seed=1/fx.parquet` would be read as a column named seed.
    with path.open("rb") as file, pq.ParquetFile(file) as parquet:
        table = parquet.read()
    if len({*table.column_names}) < table.num_columns:
        raise pa.ArrowInvalid("two columns have one name")
    # Whole numbers with gaps stay whole numbers.
    with_gaps = {
        name: pd.Int64Dtype()
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_integer(column.type) and column.null_count
    }
    found: pd.DataFrame = table.to_pandas(integer_object_nulls=bool(with_gaps)).astype(with_gaps)
    return found
