"""A file of payments is refused before it takes more than it may, and told what it is if it is none."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from own_files import GOOD, HEADER, SETTING, parquet_refusal, refusal, table, typed

from sim.cli import cli
from sim.core.size import format_size, parse_size
from sim.errors import ScenarioError
from sim.world.own_payments import read_payments

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("folder")

NAMES = HEADER.split(",")


def archive(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as zipped:
        for name in names:
            zipped.writestr(name, "x")
    return data.getvalue()


def parquet_bytes(columns: dict[str, Any], **how: Any) -> bytes:  # noqa: ANN401 - as pyarrow has it
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data, **how)
    return data.getvalue()


SPREADSHEET = "this is a spreadsheet; save its sheet as CSV in UTF-8"
PACKED = "this is a compressed file; unpack it first"
JSON = "this is JSON; payments stand in CSV or Parquet"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), SPREADSHEET),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", SPREADSHEET),
        (archive("payments.csv"), "this is a ZIP archive; unpack it first"),
        (gzip.compress(HEADER.encode()), PACKED),
        (b"\x28\xb5\x2f\xfd rest", PACKED),
        (parquet_bytes(typed()), "this is a Parquet file; give it a name that ends in .parquet"),
        (json.dumps([{"payment_id": 1}]).encode(), JSON),
        (b'\n {"payment_id": 1}', JSON),
        (b"<table><tr>", "this is XML or HTML; payments stand in CSV or Parquet"),
        (HEADER.encode("utf-16"), "this is in UTF-16 or UTF-32; save it as UTF-8"),
        (f"{HEADER}\nПлатёж".encode("utf-16-be"), "this is in UTF-16 or UTF-32; save it as UTF-8"),
        (HEADER.encode("utf-32"), "this is in UTF-16 or UTF-32; save it as UTF-8"),
    ],
    # Packed bytes hold the time of packing, and every worker has to give a test the same name.
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_what_is_no_csv_is_called_what_it_is(data: bytes, told: str) -> None:
    assert refusal(data) == [told]


LONG = "a line of more than 4,194,304 bytes; this is no table of payments"
QUOTE = "a row of more than 1,048,576 bytes; is a quote never closed?"
FIELD = "a field of more than 131,072 characters; is a quote never closed?"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (f"{HEADER}\n" + "x" * 9_000_000, f"2: {LONG}"),
        (f'{HEADER}\n"' + "x" * 9_000_000, f"2: {LONG}"),
        ("x" * 5_000_000, f"1: {LONG}"),
        ('"' * 5_000_000, f"1: {LONG}"),
        ("," * 1_000_000, "1: 1,000,001 columns; this is no table of payments"),
        ("a" * 200_000 + f",{HEADER}\n{GOOD}", f"1: {FIELD}"),
        (f"{HEADER}\n" + '"\n",' * 2_000_000, f"2: {QUOTE}"),
        (
            f"{HEADER}\n" + "\n" * 5_000_000 + "\0",
            "5000002: a zero byte; this is no text, or not in UTF-8",
        ),
        ("\n" * 5_000_000, "the first 4,194,304 bytes are blank; it begins with a line of column names"),
        (f"{HEADER}\n", "there are no payments in it"),
        (f"{HEADER}\n\n\r\n", "there are no payments in it"),
    ],
    ids=range(11),
)
def test_a_csv_file_without_an_end_in_sight_is_refused_where_it_begins(data: str, told: str) -> None:
    assert refusal(data) == [told]


def test_lines_that_are_no_rows_are_not_read_for_ever() -> None:
    told = refusal(f"{HEADER}\n" + "x\n" * 200_000)
    assert told[0] == "line 100001 is the 100,000th that is no row; reading ended there"
    assert told[1] == "2: too few fields: 1, but 5 columns"


def test_lines_are_counted_over_blocks_quotes_and_blank_lines() -> None:
    good = f"{GOOD.replace('P1', 'P{}')}\n"
    rows = [good.format(number) for number in range(150_000)]
    rows[140_000] = f'\n"P\n{good.format(1)[1:].replace(",", chr(34) + ",", 1)}'
    rows[149_000] = rows[149_000].replace("12.34", "x")
    (told,) = refusal(HEADER + "\n" + "".join(rows))
    assert told == "149004: amount: 'x' is not an amount such as 1234.56"


def test_a_file_that_is_larger_than_allowed_is_not_read() -> None:
    with Path("payments.csv").open("wb") as file:
        file.truncate(10**11)
    with pytest.raises(ScenarioError, match="it has 100 GB, more than the 2 GB that --max-input allows"):
        read_payments(Path("payments.csv"), SETTING)


def test_rows_that_need_more_than_allowed_are_refused_while_they_are_read() -> None:
    text = HEADER + "".join(f"\n{GOOD.replace('P1', f'P{number}')}" for number in range(10_000))
    assert len(table(text)) == 10_000
    with pytest.raises(ScenarioError) as caught:
        read_payments(Path("payments.csv"), SETTING, 1_000_000)
    assert [problem.message for problem in caught.value.problems] == [
        "reading it would need about 1.43 MB, more than the 1 MB that --max-input allows"
    ]


MANY = 50_000_000
LONG_TEXT = pa.DictionaryArray.from_arrays(pa.array(np.zeros(200_000, np.int32)), pa.array(["x" * 10**6]))


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (lambda: {name: pa.nulls(MANY // 2) for name in NAMES}, "reading it would need about 3.25 GB"),
        (lambda: dict.fromkeys(NAMES, LONG_TEXT), "row 1: the texts of 65,536 rows take 327,680 MB"),
        (lambda: {f"c{number}": [1] for number in range(1_001)}, "1,001 columns"),
        (lambda: {f"c{number}": [1] for number in range(10_000)}, "10,000 columns"),
        (lambda: typed(payer_bank=[["A"] * 10**5] * 2), "payer_bank: values of type list<element: string>"),
        (
            lambda: typed(payment_id=[float("nan"), 1.0]),
            "payment_id: values of type double cannot stand here",
        ),
        (lambda: typed(amount=[True, False]), "amount: values of type bool cannot stand here"),
        (lambda: {name: pa.array([], pa.string()) for name in NAMES}, "there are no payments in it"),
    ],
)
def test_a_parquet_file_is_refused_by_its_footer(columns: Callable[[], dict[str, Any]], told: str) -> None:
    assert parquet_refusal(columns())[0].startswith(told)


def test_a_parquet_file_without_columns_lacks_each_of_them() -> None:
    pq.write_table(pa.table({"a": [1]}).select([]), "payments.parquet")
    with pytest.raises(ScenarioError) as caught:
        read_payments(Path("payments.parquet"), SETTING)
    assert [str(problem) for problem in caught.value.problems] == [
        f"payments.parquet: {name}: this column is missing" for name in NAMES
    ]


def test_a_footer_that_says_more_than_memory_holds_is_not_read() -> None:
    whole = parquet_bytes(typed())
    for length, told in ((2**31 - 1, "would need about 859 GB"), (10**7, "would need about 4 GB")):
        Path("payments.parquet").write_bytes(whole[:-8] + length.to_bytes(4, "little") + b"PAR1")
        with pytest.raises(ScenarioError, match=told):
            read_payments(Path("payments.parquet"), SETTING)


@pytest.mark.parametrize("word", ["NaN", "nan", "inf", "-Inf", "null", "None", "NaT", "N/A", "<NA>", " "])
def test_a_word_for_nothing_is_no_id(word: str) -> None:
    (told,) = refusal(f"{HEADER}\n{GOOD.replace('P1', word)}")
    assert told.startswith("2: payment_id: a payment needs an id")


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500 * 10**6), ("2GB", 2 * 10**9), ("1.5 gb", 1_500_000_000), ("1GiB", 2**30), ("4096", 4096)],
)
def test_a_size_is_written_as_people_say_it(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size).replace(" bytes", "")) == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize("text", ["", "much", "2 XB", "-1GB", "0", "1e9", "٢GB", "1,5GB", "9" * 400 + "GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


SCENARIO = """
name: own
period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
systems: {rtgs: {kind: rtgs, currency: BYN, hours: always}}
accounts: [{holder: A, system: rtgs, balance: 50}, {holder: B, system: rtgs, balance: 20}]
payments: {file: payments.csv, system: rtgs}
"""


@pytest.mark.parametrize("command", ["run", "validate"])
def test_the_command_line_says_how_much_may_be_taken(command: str) -> None:
    Path("own.yaml").write_text(SCENARIO, "utf-8")
    Path("payments.csv").write_text(f"{HEADER}\n{GOOD}\n", "utf-8")
    asked = [command, "own.yaml", *(["--no-figures"] if command == "run" else [])]
    assert CliRunner().invoke(cli, [*asked, "--max-input", "1MB"]).exit_code == 0
    told = CliRunner().invoke(cli, [*asked, "--max-input", "70"])
    assert told.exit_code == 2
    assert "payments.csv: it has 87 bytes, more than the 70 bytes that --max-input allows" in told.output
    told = CliRunner().invoke(cli, [*asked, "--max-input", "much"])
    assert told.exit_code == 2
    assert "'much' is not a size such as 500MB, 2GB or 1.5GiB" in told.output


def test_a_file_that_vanishes_after_the_check_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own.yaml").write_text(SCENARIO, "utf-8")
    Path("payments.csv").write_text(f"{HEADER}\n{GOOD}\n", "utf-8")
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *how: (opened(path, *how), path.unlink())[0])
    told = CliRunner().invoke(cli, ["validate", "own.yaml"])
    assert told.exit_code == 2
    assert told.output == "payments.csv: the file cannot be read: No such file or directory\n"


def test_the_usual_system_lies_on_the_usual_route() -> None:
    text = SCENARIO.replace("{rtgs:", "{yen: {kind: rtgs, currency: JPY, hours: always}, rtgs:")
    text += "routes: {direct: {steps: [{kind: settle, system: yen}, {kind: post, work: {kind: fixed, value: 0}}]}}\n"
    Path("own.yaml").write_text(
        text.replace("system: rtgs}\nroutes", "system: rtgs, route: direct}\nroutes"), "utf-8"
    )
    Path("payments.csv").write_text(f"{HEADER}\n{GOOD}\n", "utf-8")
    told = CliRunner().invoke(cli, ["validate", "own.yaml"])
    assert told.exit_code == 2
    assert told.output.endswith(
        "payments.system: 'direct', the route of these payments, does not pass 'rtgs'\n"
    )
