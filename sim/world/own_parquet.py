"""Parquet is read as the texts that a CSV file would have, so that the same rules hold."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.world.own_sheet import KNOWN, MOST_COLUMNS, ROW_BYTES, Sheet, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.world.own_sheet import Findings, Texts

_MAGIC: Final = b"PAR1"
#: The end of a file: the length of its footer, and the magic bytes.
_TAIL: Final = 8
#: Bytes that a byte of a footer may take when it is read.
_FOOTER_GROWTH: Final = 400
_ROWS: Final = 2**16
#: The part of what may be used that one batch of texts may take.
_BATCH_SHARE: Final = 1 / 8
_LONGEST_REASON: Final = 200
_MOST_WHOLE: Final = 2.0**63

_TEXT: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
_NUMBER: Final = (pa.types.is_integer, pa.types.is_decimal)
_TYPES: Final = {
    "instructed_at": (*_TEXT, pa.types.is_timestamp),
    "due_at": (*_TEXT, pa.types.is_timestamp),
    "amount": (*_TEXT, *_NUMBER, pa.types.is_floating),
    "counter_amount": (*_TEXT, *_NUMBER, pa.types.is_floating),
    "priority": (*_TEXT, *_NUMBER, pa.types.is_floating),
}
_ID_OR_NAME: Final = (*_TEXT, pa.types.is_integer)


def parquet_sheets(file: BinaryIO, size: int, most: int, findings: Findings) -> Iterator[Sheet]:
    """The rows of a Parquet file of `size` bytes, some of them at a time; only columns of payments are read.

    What would take more than `most` bytes is refused before it is read. What is wrong with the file goes to
    `findings`; then there are no rows, or no more.
    """
    try:
        yield from _sheets(file, size, most, findings)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        findings.add(0, "", f"the file cannot be read as Parquet: {reason or 'it takes too much memory'}")


def _sheets(file: BinaryIO, size: int, most: int, findings: Findings) -> Iterator[Sheet]:
    footer = _footer_length(file, size)
    if footer * _FOOTER_GROWTH > most:
        findings.add(0, "", too_large(footer * _FOOTER_GROWTH, most))
        return
    source = pa.PythonFile(file, "r")
    metadata = pq.read_metadata(source)
    schema = metadata.schema.to_arrow_schema()
    names = schema.names
    if len(names) > MOST_COLUMNS:
        findings.add(0, "", f"{len(names):,} columns; this is no table of payments")
        return
    needed = _needed(metadata)
    if needed > most:
        findings.add(0, "", too_large(needed, most))
        return
    columns = [name for name in dict.fromkeys(names) if name in KNOWN]
    for name in list(columns):
        kind = schema.types[names.index(name)]
        told = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not pa.types.is_null(told) and not any(fits(told) for fits in _TYPES.get(name, _ID_OR_NAME)):
            findings.add(0, name, f"values of type {kind} cannot stand here")
            columns.remove(name)
    # Texts stay codes of a dictionary until their length is known: a few bytes may stand for many long texts.
    opened = pq.ParquetFile(source, metadata=metadata, read_dictionary=columns, pre_buffer=False)
    yield Sheet(names, {name: pa.array([], pa.string()) for name in columns}, range(0), 0)
    row = 0
    for batch in opened.iter_batches(_ROWS, columns=columns, use_threads=False) if columns else ():
        batch.validate(full=True)
        found = dict(zip(batch.schema.names, batch.columns, strict=True))
        taken = int(sum(_text_bytes(column) for column in found.values()))
        if taken > most * _BATCH_SHARE:
            message = (
                f"the texts of {len(batch):,} rows take {taken / 10**6:,.0f} MB; this is no table of payments"
            )
            findings.add(row + 1, "", message)
            return
        yield Sheet(
            names,
            {name: pc.fill_null(_as_text(column), "") for name, column in found.items()},
            range(row + 1, row + len(batch) + 1),
            0,
            row + len(batch),
            floats={
                name: _floats(column) for name, column in found.items() if pa.types.is_floating(column.type)
            },
        )
        row += len(batch)


def _footer_length(file: BinaryIO, size: int) -> int:
    """ValueError if the file does not begin and end as Parquet does."""
    begin = file.read(len(_MAGIC))
    file.seek(max(size - _TAIL, 0))
    end = file.read(_TAIL)
    file.seek(0)
    if end.endswith(b"PARE"):
        raise ValueError("it is encrypted")
    if begin != _MAGIC or not end.endswith(_MAGIC) or size < len(_MAGIC) + _TAIL:
        raise ValueError("it does not begin and end as Parquet does, or only a part of it is here")
    return int.from_bytes(end[:4], "little")


def _needed(metadata: pq.FileMetaData) -> int:
    """Bytes that it takes to read payments: what is kept of each row, and its texts.

    Nothing is asked about single columns: over a damaged one, Arrow ends the process.
    """
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = max(metadata.num_rows, sum(max(group.num_rows, 0) for group in groups))
    return int(rows * ROW_BYTES + sum(max(group.total_byte_size, 0) for group in groups))


def _text_bytes(column: Any) -> int:  # noqa: ANN401  # pyarrow has no types
    """Bytes of the texts of a column when each stands for itself."""
    if not pa.types.is_dictionary(column.type):
        return 0
    lengths = np.asarray(pc.fill_null(pc.binary_length(column.dictionary), 0))
    return int(lengths[np.asarray(pc.drop_null(column.indices))].sum(dtype=np.int64)) if len(lengths) else 0


def _as_text(column: Any) -> Texts:  # noqa: ANN401  # pyarrow has no types
    """Typed values as they would be written."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        with suppress(pa.ArrowInvalid):  # a fraction of a second stays, to be told
            column = column.cast(pa.timestamp("s", kind.tz))
        text = column.cast(pa.timestamp(column.type.unit)).cast(pa.string())
        return text if kind.tz is None else pc.binary_join_element_wise(text, "Z", "")
    if pa.types.is_floating(kind):
        return _written_out(column)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    return column.cast(pa.string())


def _written_out(column: Any) -> Texts:  # noqa: ANN401  # pyarrow has no types
    """Floats as the shortest decimals that mean them, without exponents."""
    values = _floats(column)
    whole = (
        np.isfinite(values) & (np.trunc(values) == values) & (np.abs(values).astype(np.float64) < _MOST_WHOLE)
    )
    units = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    single = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
    text = pc.if_else(pa.array(whole), units, single.cast(pa.string()))
    powers = pc.fill_null(pc.match_substring_regex(text, "[0-9]e"), False)
    written = [format(Decimal(power), "f") for power in text.filter(powers).to_pylist()]
    return pc.replace_with_mask(text, powers, pa.array(written, pa.string()))


def _floats(column: Any) -> NDArray[np.floating]:  # noqa: ANN401  # pyarrow has no types
    return np.asarray(column.to_numpy(zero_copy_only=False))
