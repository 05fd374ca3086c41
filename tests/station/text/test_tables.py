import gzip

import pytest

from station.errors import TableError
from station.text.tables import Table, number, text_of


def read(text, **options):
    table = Table(text, **options)
    return table.header, [cells for _, cells in table.rows()]


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n7,Ana\n",
        "id;name\n7;Ana\n",
        "id\tname\n7\tAna\n",
        "sep=;\nid;name\n7;Ana\n",
        '"sep=;"\nid;name\n7;Ana\n',
        "id,name\r\n7,Ana\r\n",
        "id,name\r7,Ana\r",
        '"id","name"\n"7","Ana"\n',
        " id , name \n 7 , Ana \n",
        "\n\nid,name\n\n7,Ana\n\n,\n",
        "# exported on Thursday, by me\nid,name\n# and a note; with marks\n7,Ana\n",
        "id,name,,\n7,Ana,,\n,,,\n",
        "id,name\n7,Ana,\n",
        "id,name\n7,\u00a0Ana\n",
        "id,name\n7,Ana",
    ],
)
def test_the_same_table_in_many_dialects_reads_the_same(text):
    assert read(text) == (["id", "name"], [["7", "Ana"]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_encoding_is_told_with_and_without_a_byte_order_mark(encoding):
    text = "id,name\n7,Øyvind\n"
    data = text.encode(encoding)
    assert text_of(data) == text
    assert text_of(gzip.compress(data)) == text
    big_endian = "\ufeff".encode("utf-16-be") + text.encode("utf-16-be")
    assert text_of(big_endian) == text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("id,name\n7,Øyvind\n".encode("latin-1"), "line 2: byte 0xd8 is not UTF-8; save it as UTF-8"),
        (b"PK\x03\x04rest", "a workbook"),
        (b"\xd0\xcf\x11\xe0rest", "an Excel workbook"),
        (b"id,name\n7,\x00\n", "line 2: character 0x00 is no text"),
        (b"\xff\xfea", "UTF-16 text that is cut short"),
        (b"\x1f\x8b\x08rest", "the gzip data is damaged or cut short"),
        (b"BZh91AY", "packed with bzip2"),
    ],
)
def test_what_is_no_table_of_text_is_refused_by_what_it_is(data, says):
    with pytest.raises(TableError) as refused:
        text_of(data)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n\n# only this\n", "empty"),
        ("a;b,c\n", "separated by ',': ['a;b', 'c'] or ';': ['a', 'b,c']"),
        ("sep=|\na|b\n", "separated by '|'; use"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 cells, the header names 2 columns"),
        ("a,b\n0,5,0,8\n", "'0' and '5' are two cells, or one number 0,5 with a decimal comma"),
        ("a,b,,\n0,5,0,8\n", "there is '0' below a column without a name: '0' and '5' are two cells, or one"),
        ("a;b\n1,2\n", "line 2 is separated by ',', the header (line 1) by ';'"),
        ('a,b\n1,"2\n', "line 2: a quotation mark is opened and never closed"),
        ("a,b\n1,2\n3,4,\n", ""),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_its_line(text, says):
    if not says:  # a blank at the end of one row only: told by the first wide row
        assert read(text)[1] == [["1", "2"], ["3", "4"]]
        return
    with pytest.raises(TableError) as refused:
        read(text)
    assert says in str(refused.value)


def test_rows_that_all_end_in_one_comma_too_many_are_taken():
    text = "name,load_kg,sets\nAna,62,5,\n"
    assert read(text)[1] == [["Ana", "62", "5"]]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("a;b\n0,5;1\n", ","),
        ("a;b\n0.5;1\n", "."),
        ("a;b\n5;1\n", "."),
        ("a;b\n1,234;1\n0,842;2\n", ","),
        ("a;b\n1.234;1\n0.842;2\n", "."),
        ('a,b\n"0,5","1"\n', ","),
        ('"a","b"\n1.234,5.678\n', "."),
        ("a;b\n-12,5;Okoro, A.\n", ","),
        ("a;b\n1,5e-3;1\n", ","),
    ],
)
def test_a_decimal_comma_is_told_by_the_numbers(text, mark):
    assert Table(text).decimal_mark([0, 1]) == mark


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "a;b\n1,234;1\n",
            "line 2: '1,234' is 1.234 with a decimal comma and 1234 with a thousands separator",
        ),
        (
            "a;b\n1.234;1\n",
            "line 2: '1.234' is 1.234 with a decimal point and 1234 with a thousands separator",
        ),
        ("a;b\n12.34,5;1\n", "line 2: '12.34,5' has a comma and a point"),
        ("a;b\n1.234,5;1.234\n", "line 2 has '1.234,5' and line 2 has '1.234'"),
        ("a;b\n0,5;1\n0.5;1\n", "line 2 has '0,5' and line 3 has '0.5'"),
    ],
)
def test_a_mark_that_could_be_either_is_refused_with_both_readings(text, says):
    with pytest.raises(TableError) as refused:
        Table(text).decimal_mark([0, 1])
    assert says in str(refused.value)


def test_names_behind_a_hash_are_the_header_where_numbers_follow():
    assert read("# time_s,position_m\n0.1,0.9\n") == (["time_s", "position_m"], [["0.1", "0.9"]])


def test_names_with_line_breaks_are_one_header_and_lines_are_still_told():
    text = 'a,"b\n(mm)","c\r\n(mm)"\n1,2,3\n\n4,5,x\n'
    table = Table(text)
    assert table.header == ["a", "b (mm)", "c (mm)"]
    assert list(table.rows()) == [(4, ["1", "2", "3"]), (6, ["4", "5", "x"])]
    inches = 'a,b "\n1,2\n'
    assert read(inches) == (["a", 'b "'], [["1", "2"]])


def test_a_table_of_tabs_may_begin_with_a_column_without_a_name():
    assert read("\tid\tname\n0\t7\tAna\n") == (["", "id", "name"], [["0", "7", "Ana"]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"id": 7}]', "line 1: this is JSON"),
        ('{\n"id": 7}', "line 1: this is JSON"),
        ("[[1, 2]]", "line 1: this is JSON"),
        ("\n<!doctype html>", "line 2: this is a page"),
        ("<?xml version='1.0'?>", "line 1: this is a page"),
    ],
)
def test_json_and_pages_are_no_tables(text, says):
    with pytest.raises(TableError) as refused:
        read(text)
    assert says in str(refused.value)


def test_a_number_is_what_people_write_and_no_more():
    assert number("−1,5", ",") == -1.5
    assert number("+.5") == 0.5
    assert number("1e-3") == 0.001
    for missing in ("", "NaN", "null", "#N/A", "-"):
        assert number(missing) != number(missing)
    for grouped in ("1.234,5", "1\u202f234,5", "1\u00a0234,5", "1\u2019234,5"):
        assert number(grouped, ",") == 1234.5
    for grouped in ("1,234.5", "1'234.5", "12,34,567.5"):
        assert number(grouped) in (1234.5, 1234567.5)
    for wrong in (
        "1 234,5",
        "12.34,5",
        "1.234,5 kg",
        "0.234,5",
        "1'23.5",
        "1_000",
        "٣",
        "１２",
        "inf",
        "0x10",
        "1,5",
        "1 000",
        "12:00",
        "1.5.",
    ):
        with pytest.raises(ValueError, match=r".*"):
            number(wrong)
    with pytest.raises(ValueError, match=r".*"):
        number("1.5", ",")
