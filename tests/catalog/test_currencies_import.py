"""Rates from a CSV file: all of them, or none and every reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from catalog.currencies.rates import set_rate
from catalog.models import ExchangeRate

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def rates_file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "rates.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def run(rates_file, capsys) -> Callable[..., str]:
    """Import a file with this content; return what was said, whether it went well or not."""

    def run(text: str | bytes, *arguments: str) -> str:
        try:
            call_command("import_rates", str(rates_file(text)), *arguments)
        except CommandError as error:
            return str(error)
        return capsys.readouterr().out.strip()

    return run


def stored() -> list[tuple[str, Decimal, datetime]]:
    return list(ExchangeRate.objects.order_by("currency", "valid_from").values_list("currency", "rate", "valid_from"))


def test_every_line_becomes_a_rate(run):
    before = timezone.now()

    said = run(
        "code,rate,valid_from\nUSD,129.50,2026-03-01T12:00:00Z\nUSD,130,2026-03-02T15:00:00+03:00\nUGX,0.0353,\n"
    )

    assert said == "rates.csv: 3 rates stored, 0 known already."
    ugx, *dollars = stored()
    assert dollars == [("USD", Decimal("129.5"), NOON), ("USD", Decimal(130), NOON.replace(day=2))]
    assert ugx[:2] == ("UGX", Decimal("0.0353"))
    assert before <= ugx[2] <= timezone.now()
    assert set(ExchangeRate.objects.values_list("base", "source", "created_by")) == {("KES", "rates.csv", None)}


def test_file_without_moments_is_valid_from_one_moment_on(run):
    assert (
        run("code,rate\nUSD,129.50\nEUR,141.50\n", "--source", "CBK") == "rates.csv: 2 rates stored, 0 known already."
    )

    rows = ExchangeRate.objects.all()
    assert {row.source for row in rows} == {"CBK"}
    assert len({row.valid_from for row in rows}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffcode,rate,valid_from\r\nUSD,129.50,2026-03-01T12:00:00Z\r\n",
        "code , rate, valid_from\n\n USD ,129.50 , 2026-03-01T12:00:00\n,,\n",
        '"code","rate","valid_from"\n"USD","129.50","2026-03-01 12:00Z"',
    ],
    ids=["Excel", "spaces and blank lines", "quoted"],
)
def test_what_spreadsheets_write_is_read(run, text):
    assert run(text) == "rates.csv: 1 rates stored, 0 known already."
    assert stored() == [("USD", Decimal("129.5"), NOON)]


def test_file_can_be_imported_again_and_continued(run):
    first = "code,rate,valid_from\nUSD,129.50,2026-03-01T12:00:00Z\n"
    run(first)
    (row,) = ExchangeRate.objects.all()

    assert run(first) == "rates.csv: 0 rates stored, 1 known already."
    assert run(f"{first}EUR,141.5,2026-03-01T12:00:00Z\n") == "rates.csv: 1 rates stored, 1 known already."
    assert ExchangeRate.objects.get(currency="USD") == row


def test_every_wrong_line_is_named_and_nothing_is_stored(run):
    said = run(
        "code,rate,valid_from\n"
        "USD,129.50,2026-03-01T12:00:00Z\n"
        'EUR,"1,141.50",\n'
        "XXX,1,\n"
        "KES,1,\n"
        "GBP,0,soon\n"
        "USD,129.60,2026-03-01T15:00:00+03:00\n"
        "UGX,,\n"
    )

    assert said.splitlines() == [
        'line 3: rate: Give a decimal string such as "129.50", with at most ten places.',
        'line 4: code: "XXX" is not a valid choice.',
        "line 5: code: Rates are counted in KES, so it has none.",
        "line 6: rate: A rate is more than zero.",
        "line 6: valid_from: Datetime has wrong format. Use one of these formats instead: "
        "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].",
        "line 7: the same currency and moment as line 2.",
        'line 8: rate: Give a decimal string such as "129.50", with at most ten places.',
        "Nothing is stored.",
    ]
    assert stored() == []


def test_line_that_contradicts_a_stored_rate_refuses_the_file(run):
    set_rate(currency="USD", rate=Decimal("129.50"), valid_from=NOON)

    said = run("code,rate,valid_from\nEUR,141.5,2026-03-01T12:00:00Z\nUSD,130,2026-03-01T12:00:00Z\n")

    assert said.splitlines() == [
        "line 3: USD has another rate, 129.5, from 2026-03-01T12:00:00+00:00 on.",
        "Nothing is stored.",
    ]
    assert stored() == [("USD", Decimal("129.5"), NOON)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The first line must be code,rate or code,rate,valid_from."),
        ("USD,129.50\n", "The first line must be code,rate or code,rate,valid_from."),
        ("code;rate\nUSD;129,50\n", "The first line must be code,rate or code,rate,valid_from."),
        ("rate,code\n1,USD\n", "The first line must be code,rate or code,rate,valid_from."),
        ("code,rate\n", "The file has no rates."),
        ("code,rate\nUSD,1\nEUR\n", "line 3: 1 values for 2 columns."),
        ("code,rate\nUSD,1\nEUR,1,2\n", "line 3: 3 values for 2 columns."),
        (b"code,rate\nUSD,1\n\xff,1\n", "The file is not UTF-8."),
        ('code,rate\nUSD,1\n"EUR,1\n', "line 3: unexpected end of data."),
        ("code,rate\nUSD,1\n\0EUR,1\n", 'line 3: code: "\0EUR" is not a valid choice.'),
    ],
)
def test_file_that_is_no_table_of_rates_is_refused(run, text, problem):
    assert run(text).splitlines() == [problem, "Nothing is stored."]
    assert stored() == []


def test_missing_file_and_directory_are_refused(tmp_path):
    for path, reason in ((tmp_path / "none.csv", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(CommandError, match=f"{reason}."):
            call_command("import_rates", str(path))


def test_rate_stored_by_another_at_the_same_moment_refuses_the_file(run, monkeypatch):
    set_rate(currency="USD", rate=Decimal("129.50"), valid_from=NOON)

    with monkeypatch.context() as patch:  # the other one had not committed when this import looked
        patch.setattr(ExchangeRate.objects, "filter", lambda **_: ExchangeRate.objects.none())
        said = run("code,rate,valid_from\nEUR,141.5,\nUSD,130,2026-03-01T12:00:00Z\n")

    assert said == "Somebody else stores rates of the same moment. Nothing is stored; try again."
    assert stored() == [("USD", Decimal("129.5"), NOON)]
