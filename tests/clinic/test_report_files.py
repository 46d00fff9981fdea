"""A report as CSV, as a spreadsheet and as PDF: the same value, each readable by what reads such files, and
nothing that somebody wrote taken for anything but text."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from clinic.adapters.reports.files import written
from clinic.adapters.reports.paper import TEMPLATE, as_pdf
from clinic.adapters.reports.spreadsheet import LONGEST_CELL
from clinic.rules.reports import (
    MOST,
    Attached,
    Cell,
    Column,
    Format,
    Holds,
    Passage,
    Report,
    Table,
    Term,
    Texts,
    file_stem,
    fits,
)
from tests.support.paper import files, formulas, pages, sheets, standards, text_of

AT = datetime(2027, 3, 29, 15, 10, tzinfo=UTC)  # 11:10 in New York
FORMULA = '=HYPERLINK("http://example.org")'
COLUMNS = (
    Column(name="at", title="When", holds=Holds.INSTANT),
    Column(name="on", title="Day", holds=Holds.DAY),
    Column(name="what", title="What", wide=True),
    Column(name="how", title="How", holds=Holds.TERM),
    Column(name="amount", title="Amount", unit="mg", holds=Holds.NUMBER),
    Column(name="change", title="Change", holds=Holds.NUMBER),
    Column(name="safe", title="Safe", holds=Holds.YES_NO),
    Column(name="id", title="Id", paper=False),
    Column(name="why", title="Why", below=True),
)
LATE = Term(code="met_late", words="done late")
ROW: tuple[Cell, ...] = (AT, date(2027, 3, 29), FORMULA, LATE, Decimal("80.500"), -3, True, "abc", None)


def report(*parts: Table | Texts, **more: Any) -> Report:
    return replace(
        Report(
            kind="course_record",
            title="Course record",
            clinic="Alder House",
            code="A-06",
            made_at=AT,
            made_by="Carla Cedar",
            zone=ZoneInfo("America/New_York"),
            language="en",
            about=[("Patient", "Pat Example, A-06")],
            parts=parts,
        ),
        **more,
    )


def table(*rows: tuple[Cell, ...], **more: Any) -> Table:
    return replace(Table(name="doses", title="Doses", columns=COLUMNS, rows=rows, empty="None."), **more)


def texts(*said: str) -> Texts:
    return Texts(
        name="notes",
        title="Notes",
        passages=[Passage(title="Note", by="Ada Alder, 29 March 2027", text=text) for text in said],
    )


def test_csv_of_one_table_holds_codes_numbers_and_iso_times_and_begins_no_formula() -> None:
    content = written(report(table(ROW)), Format.CSV).decode()
    (row,) = csv.DictReader(io.StringIO(content))
    assert row == {
        "at": "2027-03-29T11:10:00-04:00",
        "on": "2027-03-29",
        "what": f"'{FORMULA}",
        "how": "met_late",
        "amount": "80.500",
        "change": "-3",
        "safe": "yes",
        "id": "abc",
        "why": "",
    }


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe_before_it_and_a_number_stays_one(
    begin: str,
) -> None:
    row = (AT, None, f"{begin}1+1", None, Decimal("-1.5"), -3, None, "", None)
    (read,) = csv.DictReader(io.StringIO(written(report(table(row)), Format.CSV).decode(), newline=""))
    assert read["what"] == f"'{begin}1+1"
    assert (read["amount"], read["change"]) == ("-1.5", "-3")


def test_several_tables_are_an_archive_of_one_csv_file_each_with_what_the_report_says_of_itself() -> None:
    content = written(report(table(ROW), texts(FORMULA, "second"), note="As it stands."), Format.CSV)
    found = files(content)
    assert list(found) == ["about", "doses", "notes"]
    assert {row["what"]: row["says"] for row in found["about"]} == {
        "Patient": "Pat Example, A-06",
        "": "As it stands.",
    }
    assert [row["text"] for row in found["notes"]] == [f"'{FORMULA}", "second"]
    assert found["doses"][0]["how"] == "met_late"


def test_a_spreadsheet_holds_numbers_as_numbers_times_in_the_clinics_zone_and_no_formula() -> None:
    content = written(report(table(ROW), texts("a note")), Format.XLSX)
    found = sheets(content)
    assert list(found) == ["Course record", "Doses", "Notes"]
    head, row = found["Doses"]
    assert head == ["When", "Day", "What", "How", "Amount, mg", "Change", "Safe", "Id", "Why"]
    assert row[0] == datetime(2027, 3, 29, 11, 10)  # noqa: DTZ001  # a spreadsheet knows no zones
    assert row[1] == datetime(2027, 3, 29)  # noqa: DTZ001
    assert row[2:] == [FORMULA, "done late", 80.5, -3, "yes", "abc", None]
    assert formulas(content) == 0
    assert ["Times", "America/New_York"] in found["Course record"]


def test_a_text_longer_than_a_cell_goes_on_below_and_sheets_of_one_title_have_two_names() -> None:
    long = "w" * (LONGEST_CELL + 5)
    found = sheets(written(report(texts(long, "after"), texts("other")), Format.XLSX))
    assert list(found) == ["Course record", "Notes", "Notes 2"]
    assert "".join(str(row[2]) for row in found["Notes"][1:3]) == long
    assert found["Notes"][3][2] == "after"


def test_a_pdf_is_pdf_a_and_accessible_with_title_language_and_the_time_it_was_made() -> None:
    content = as_pdf(report(table(ROW), texts("a note"), language="de"))
    reader = PdfReader(io.BytesIO(content))
    root: Any = reader.trailer["/Root"]
    assert standards(content) == {"pdfaid:part": "2", "pdfaid:conformance": "A", "pdfuaid:part": "1"}
    assert root["/Lang"] == "de" and root["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in root
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.creation_date) == ("Course record", AT)
    width, height = reader.pages[0].mediabox.width, reader.pages[0].mediabox.height
    assert (round(float(width)), round(float(height))) == (595, 842), "A4"
    assert all(
        "/FontFile3" in font["/FontDescriptor"] or "/FontFile2" in font["/FontDescriptor"]
        for page in reader.pages
        for one in page["/Resources"]["/Font"].values()  # type: ignore[index]
        for font in one["/DescendantFonts"]
    ), "every font is inside"


def test_each_page_of_a_pdf_says_clinic_code_who_made_it_when_and_which_page_of_how_many() -> None:
    found = pages(as_pdf(report(table(*[ROW] * 80))))
    assert len(found) > 1
    for number, page in enumerate(found, 1):
        assert "Alder House" in page and "Course record · A-06" in page
        assert "Made 29 March 2027, 11:10 by Carla Cedar" in page
        assert f"Page {number} of {len(found)}" in page
        assert "When Day What How" in " ".join(page.split()), "a table's head is on every page of it"


@pytest.mark.parametrize(
    "said",
    [
        "Größe, Straße, Übelkeit",
        "œuvre, été, naïve, façon, Noël",
        "¿Qué tal? mañana, señal, corazón",
        "Ελληνικά: ψυχοθεραπεία, ώρα",
        "Кириллица, ćevapčići, żółć",
        "≥ 37.5 °C, ½, ± 3, µg, €, “so” – … — 10²",
    ],
)
def test_letters_of_other_languages_come_out_as_they_went_in(said: str) -> None:
    assert said in text_of(as_pdf(report(texts(said))))


def test_a_character_that_no_font_inside_has_is_written_as_its_code_point_and_the_file_says_so() -> None:
    found = text_of(as_pdf(report(texts("so \N{GRINNING FACE} and 漢 and \ue000 and \ufeff."))))
    assert "so [U+1F600] and [U+6F22] and [U+E000] and [U+FEFF]." in found
    assert "stands for a character that the fonts of this file do not have" in found
    assert "stands for a character" not in text_of(as_pdf(report(texts("plain"))))


def test_what_people_write_is_never_markup_on_paper() -> None:
    said = '#panic("x") #let a = 1 $x$ *bold* _it_ <label> @ref \\ // /* = Head "q" #read("/etc/passwd")'
    everywhere = report(
        table((AT, None, said, Term(code="x", words=said), None, None, None, "", said)),
        texts(said),
        title=said,
        clinic=said,
        made_by=said,
        about=[(said, said)],
        note=said,
    )
    assert text_of(as_pdf(everywhere)).count('#read("/etc/passwd")') >= 8


def test_a_pdf_uses_only_the_fonts_that_come_with_the_compiler_and_is_the_same_bytes_each_time() -> None:
    one = report(table(ROW), texts("a note, and ✓ عربي"))
    content = as_pdf(one)
    used = {
        str(font["/BaseFont"]).partition("+")[2].partition("-")[0]
        for page in PdfReader(io.BytesIO(content)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert used <= {"LibertinusSerif", "DejaVuSansMono", "NewCM10", "NewCMMath"} and used
    assert "import" not in TEMPLATE.read_text(encoding="utf-8"), "no package that would be fetched"
    assert as_pdf(one) == content


def test_a_file_inside_a_pdf_makes_it_pdf_a_3_and_comes_out_as_it_went_in() -> None:
    inside = '{"content":{"name":"Größe"},"digest":"abc"}'.encode()
    content = as_pdf(
        report(
            texts("a note"),
            attached=Attached(
                name="copy.json", media_type="application/json", content=inside, says="The same as data"
            ),
        )
    )
    assert standards(content)["pdfaid:part"] == "3"
    assert PdfReader(io.BytesIO(content)).attachments["copy.json"] == [inside]


def test_lines_of_a_note_stay_lines_and_a_digest_comes_out_whole() -> None:
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    content = as_pdf(report(table((*ROW[:-1], digest)), texts("first\r\nsecond\n\nthird")))
    assert f"Why: {digest}" in text_of(content)
    lines = [line.strip() for page in pages(content) for line in page.split("\n")]
    assert {"first", "second", "third"} <= set(lines)


def test_an_empty_table_says_that_nothing_is_on_record() -> None:
    assert "Doses None." in text_of(as_pdf(report(table())))


def test_what_is_too_large_for_a_format_does_not_fit_and_the_largest_that_does_is_made() -> None:
    largest = MOST[Format.PDF]
    assert fits(report(table(*[ROW] * largest)), Format.PDF)
    assert not fits(report(table(*[ROW] * (largest + 1))), Format.PDF)
    assert fits(report(table(*[ROW] * (largest + 1))), Format.XLSX)
    assert not fits(report(texts("w" * 2_000_001)), Format.PDF)


def test_a_file_is_named_by_kind_code_and_day_and_by_nothing_that_says_who_it_is() -> None:
    assert file_stem(report(), clinic="alder") == "course-record-A-06-2027-03-29"
    assert file_stem(report(code=""), clinic="alder") == "course-record-alder-2027-03-29"
    assert file_stem(report(code='a/b"c\né'), clinic="alder") == "course-record-a-b-c-2027-03-29"
