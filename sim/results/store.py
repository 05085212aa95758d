"""A run is a folder: complete and consistent, or not there at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import ResultsError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANIFEST: Final = "manifest.json"
SCENARIO: Final = "scenario.yaml"
MEASURES: Final = "measures.json"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place when all went well, and vanishes otherwise.

    An earlier run at `target` is replaced; anything else there is refused, and so is a place that cannot be
    written (`RunError`).
    """
    target = target.absolute()
    check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise RunError(f"{target}: the folder cannot be written ({error.strerror or error})") from None
    try:
        temporary.chmod(0o755)
        yield temporary
        _swap(temporary, target)
    except OSError as error:
        raise RunError(f"{target}: the run cannot be saved ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_target(target: Path) -> None:
    """`RunError` if `target` is something else than a run, an empty folder or a free name."""
    try:
        occupied = target.exists() and not (target.is_dir() and not any(target.iterdir()))
        is_run = (target / MANIFEST).is_file()
    except OSError as error:
        raise RunError(f"{target}: the folder cannot be read ({error.strerror or error})") from None
    above = next(parent for parent in target.absolute().parents if parent.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        what = "cannot be written" if above.is_dir() else "is a file, not a folder"
        raise RunError(f"{target}: the folder cannot be written: {above} {what}")
    if occupied and not is_run:
        raise RunError(f"{target}: exists and is not a run; choose another folder with -o")


def _swap(new: Path, target: Path) -> None:
    """Put `new` in the place of `target`; an old run steps aside first and is removed last."""
    if not target.exists():
        new.rename(target)
        return
    aside = Path(mkdtemp(prefix=f".{target.name}-old-", dir=target.parent)) / "run"
    target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        aside.rename(target)
        raise
    finally:
        shutil.rmtree(aside.parent, ignore_errors=True)


def write_table(table: pd.DataFrame, path: Path) -> str:
    """Write one Parquet file, the same bytes for the same table; returns its SHA-256."""
    # Without pandas' own metadata, whose wording changes with its version, and with one row group.
    columns = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(columns, path, compression="zstd", row_group_size=max(len(table), 1))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_table(path: Path) -> pd.DataFrame:
    """The table of a Parquet file as it was saved: dictionary columns come back as categories."""
    try:
        # Whole numbers with gaps stay whole numbers.
        table = pq.read_table(path)
        with_gaps = {
            name: pd.Int64Dtype()
            for name, column in zip(table.column_names, table.columns, strict=True)
            if pa.types.is_integer(column.type) and column.null_count
        }
        found: pd.DataFrame = table.to_pandas(integer_object_nulls=bool(with_gaps)).astype(with_gaps)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResultsError(f"{path}: not a readable table ({error})") from None
    return found


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write readable JSON; floats in the shortest form that reads back equal."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; `ResultsError` if there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: not a readable run ({error})") from None
    return found
