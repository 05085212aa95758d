"""Every row of a user's payments that cannot be is told with its line, all of them at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from own_files import GOOD, HEADER, SETTING, refusal, refusal_of_rows

from sim.errors import ScenarioError
from sim.world.own_payments import read_payments
from sim.world.own_sheet import MOST_TOLD

pytestmark = pytest.mark.usefixtures("folder")


ROWS = {
    "P1,2024-03-04T09:10,A,B,0": "amount: an amount is more than zero, not '0'",
    "P1,2024-03-04T09:10,A,B,0.00": "amount: an amount is more than zero, not '0.00'",
    "P1,2024-03-04T09:10,A,B,-5": "amount: an amount is more than zero, not '-5'",
    "P1,2024-03-04T09:10,A,B,12.345": "amount: '12.345' has more than 2 decimals, the most BYN has",
    "P1,2024-03-04T09:10,A,B,NaN": "amount: 'NaN' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,1e3": "amount: '1e3' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,": "amount: '' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B, 5": "amount: ' 5' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,5.": "amount: '5.' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,٣": "amount: '٣' is not an amount such as 1234.56",
    'P1,2024-03-04T09:10,A,B,"1,234.56"': (
        "amount: '1,234.56' is not an amount such as 1234.56; "
        "decimals follow a point, and thousands are not set apart"
    ),
    "P1,2024-03-04T09:10,A,B,1000000000000000.01": (
        "amount: '1000000000000000.01' BYN is more than this simulator can count"
    ),
    "P1,2024-03-04T09:10,A,B,"
    + "9" * 5000: f"amount: '{'9' * 60}…' BYN is more than this simulator can count",
    "P1,2024-03-04T08:59:59,A,B,1": (
        "instructed_at: 2024-03-04T08:59:59 is not from 2024-03-04 09:00:00 to before 2024-03-04 17:00:00"
    ),
    "P1,2024-03-04T17:00,A,B,1": (
        "instructed_at: 2024-03-04T17:00 is not from 2024-03-04 09:00:00 to before 2024-03-04 17:00:00"
    ),
    "P1,2024-03-04,A,B,1": "instructed_at: '2024-03-04' is not a time such as 2024-03-04T09:10:00",
    "P1,04.03.2024 09:10,A,B,1": (
        "instructed_at: '04.03.2024 09:10' is not a time such as 2024-03-04T09:10:00"
    ),
    "P1,2024-03-04T24:00,A,B,1": (
        "instructed_at: '2024-03-04T24:00' is not a time such as 2024-03-04T09:10:00"
    ),
    "P1,2024-02-30T09:10,A,B,1": "instructed_at: '2024-02-30T09:10' is a day that does not exist",
    "P1,2024-03-04T09:10:00.5,A,B,1": (
        "instructed_at: '2024-03-04T09:10:00.5' has a fraction of a second; times are whole seconds"
    ),
    "P1,,A,B,1": "instructed_at: '' is not a time such as 2024-03-04T09:10:00",
    ",2024-03-04T09:10,A,B,1": "payment_id: a payment needs an id",
    "P1,2024-03-04T09:10,A,A,1": "payee_bank: a bank does not pay itself, and this is the payer's",
    "P1,2024-03-04T09:10,A,Centrl,1": "payee_bank: 'Centrl' holds no account; did you mean 'Central'?",
    "P1,2024-03-04T09:10,X,B,1": "payer_bank: 'X' holds no account",
    "P1,2024-03-04T09:10,,B,1": "payer_bank: a name is needed here",
    "P1,2024-03-04T09:10,A,Central,1": "payee_bank: 'Central' has no account in 'rtgs'",
    "P1,2024-03-04T09:10,Central,B,1": "payer_bank: 'Central' has no account in 'rtgs'",
    "P1,2024-03-04T09:10,A,B": "too few fields: 4, but 5 columns",
    "P1,2024-03-04T09:10,A,B,1,2": "too many fields: 6, but 5 columns",
    'P1,2024-03-04T09:10,A,B,"1"2': "text follows a closing quote; double a quote that is part of the text",
    '"P1,2024-03-04T09:10,A,B,1': "the quote opened on this line is never closed",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:40])
def test_a_row_that_cannot_be_is_told_at_its_line(row: str) -> None:
    other = GOOD.replace("P1", "P2")
    assert refusal_of_rows(other, row) == [f"3: {ROWS[row]}"]


@pytest.mark.parametrize(
    ("more", "said", "problem"),
    [
        ("currency", "CNY", "currency: 'rtgs' settles BYN, not 'CNY'"),
        ("priority", "high", "priority: 'high' is not a whole number of up to 18 digits"),
        ("priority", "1.5", "priority: '1.5' is not a whole number of up to 18 digits"),
        ("due_at", "soon", "due_at: 'soon' is not a time such as 2024-03-04T09:10:00"),
        ("route", "detuor", "route: 'detuor' is not declared under 'routes'; did you mean 'detour'?"),
        ("system", "rtg", "system: 'rtg' is not declared under 'systems'; did you mean 'rtgs'?"),
    ],
)
def test_an_optional_column_is_held_to_its_meaning(more: str, said: str, problem: str) -> None:
    other = GOOD.replace("P1", "P2")
    assert refusal_of_rows(f"{other},", f"{GOOD},{said}", more=f",{more}") == [f"3: {problem}"]


def test_a_system_is_needed_in_the_scenario_or_in_the_row() -> None:
    setting = replace(SETTING, default_system=None)
    assert refusal_of_rows(f"{GOOD},", more=",system", setting=setting) == [
        "2: system: this row names neither a system nor a route"
    ]
    assert refusal_of_rows(GOOD, setting=setting) == [
        "1: system: this column is missing, and the scenario names no system"
    ]


def test_the_decimals_of_an_amount_are_those_of_its_rows_system() -> None:
    assert refusal_of_rows(f"{GOOD},yen", f"{GOOD.replace('P1', 'P2')},dinar", more=",system") == [
        "2: amount: '12.34' has more than 0 decimals, the most JPY has"
    ]


def test_an_id_that_comes_again_is_told_with_both_lines() -> None:
    assert refusal_of_rows(GOOD, GOOD.replace("P1", "P2"), GOOD, GOOD) == [
        "4: payment_id: 'P1' stands here again; first on line 2",
        "5: payment_id: 'P1' stands here again; first on line 2",
    ]


def test_lines_are_those_of_an_editor_with_quoted_line_breaks_and_blank_lines() -> None:
    rows = ['"P\n\n1",2024-03-04T09:10,A,B,1', "", "P2,2024-03-04T09:10,A,B,x", '"P\r\n3",?,A,B,1']
    assert refusal_of_rows(*rows) == [
        "6: amount: 'x' is not an amount such as 1234.56",
        "7: instructed_at: '?' is not a time such as 2024-03-04T09:10:00",
    ]


def test_all_problems_are_told_at_once_in_the_order_of_the_lines() -> None:
    assert refusal_of_rows("P1,x,A,Q,y", "P2,1", "P1,2024-03-04T09:10,A,A,1") == [
        "2: instructed_at: 'x' is not a time such as 2024-03-04T09:10:00",
        "2: payee_bank: 'Q' holds no account",
        "2: amount: 'y' is not an amount such as 1234.56",
        "3: too few fields: 2, but 5 columns",
        "4: payment_id: 'P1' stands here again; first on line 2",
        "4: payee_bank: a bank does not pay itself, and this is the payer's",
    ]


def test_beyond_a_hundred_problems_the_others_are_counted() -> None:
    rows = [f"P{number},2024-03-04T09:10,A,Q,z" for number in range(1000)]
    told = refusal_of_rows(*rows)
    assert len(told) == MOST_TOLD + 1
    assert told[0].startswith("2: payee_bank")
    assert told[99].startswith("51: amount")
    assert told[100] == "and 1,900 more like these"


def test_names_of_columns_are_told_with_what_was_meant() -> None:
    assert refusal("payment_id,instructed_at,payer_bank,payee_bnak,amount,remark,amount\n") == [
        "1: payee_bnak: unknown column; did you mean 'payee_bank'?",
        "1: amount: this column stands here twice",
        "1: remark: unknown column",
        "1: payee_bank: this column is missing",
    ]


def test_columns_that_are_there_are_looked_at_even_if_another_is_missing() -> None:
    assert refusal("payment_id,instructed_at,payer_bank,amount\nP1,2024-03-04T09:10,Q,0\n") == [
        "1: payee_bank: this column is missing",
        "2: payer_bank: 'Q' holds no account",
        "2: amount: an amount is more than zero, not '0'",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty; it begins with a line of column names"),
        (b"\n\n", "the file is empty; it begins with a line of column names"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "this is in UTF-16 or UTF-32; save it as UTF-8"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16-le"), "this is in UTF-16 or UTF-32; save it as UTF-8"),
        (f"{HEADER}\n{GOOD}\0\n".encode(), "2: a zero byte; this is no text, or not in UTF-8"),
        (
            f"{HEADER}\r\n{GOOD}\r\nБанк".encode("cp1251"),
            (
                "3: byte 90 of the file (0xc1) is not UTF-8; save the file as UTF-8 "
                "(it may be in Windows-1251 or another old encoding)"
            ),
        ),
        (f"{HEADER}\n".replace(",", ";").encode(), "1: the columns are separated by semicolons; use commas"),
        (b'"payment_id";"amount"\n', "1: the columns are separated by semicolons; use commas"),
        (f"{HEADER}\n".replace(",", "\t").encode(), "1: the columns are separated by tabs; use commas"),
        (b'"payment_id', "1: the quote opened on this line is never closed"),
        (
            f'{HEADER}\n"{"x" * 200_000}'.encode(),
            "2: a field of more than 131,072 characters; is a quote never closed?",
        ),
    ],
)
def test_a_file_of_another_form_is_told_as_such(data: bytes, problem: str) -> None:
    assert refusal(data) == [problem]


def test_a_folder_or_a_file_that_is_not_there_is_told() -> None:
    Path("folder.csv").mkdir()
    for name, reason in (("folder.csv", "it is a folder"), ("none.csv", "No such file or directory")):
        with pytest.raises(ScenarioError) as caught:
            read_payments(Path(name), SETTING)
        assert str(caught.value) == f"{name}: the file cannot be read: {reason}"


def test_amounts_that_no_total_could_hold_are_refused() -> None:
    rows = [f"{number},2024-03-04T09:10,A,B,{10**15}" for number in range(60)]
    assert refusal_of_rows(*rows) == ["amount: the amounts add up to more than can be counted"]
