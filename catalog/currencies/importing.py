"""Rates from a CSV file: all of them, or none and every reason."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from catalog.currencies.serializers import SetRateSerializer
from catalog.models import ExchangeRate
from ecommerce.currencies import ISO_4217

REQUIRED, OPTIONAL = ("code", "rate"), "valid_from"


class RefusedFile(Exception):
    """Nothing was stored; each problem is one sentence with its line."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True)
class RateLine:
    number: int
    currency: str
    rate: Decimal
    valid_from: datetime


@dataclass(frozen=True)
class Imported:
    stored: int
    unchanged: int


class RateLineSerializer(SetRateSerializer):
    code = serializers.ChoiceField(choices=sorted(ISO_4217))

    def validate_code(self, code: str) -> str:
        if code == settings.BASE_CURRENCY:
            raise serializers.ValidationError(f"Rates are counted in {code}, so it has none.")
        return code


@transaction.atomic
def import_rates(path: Path, *, source: str) -> Imported:
    """Store the rates of a file with the columns ``code,rate`` or ``code,rate,valid_from``.

    A rate without a moment is valid from now. One that is stored already, with the same value, is left alone.

    Raises:
        RefusedFile: the file or any of its lines is wrong, or contradicts what is stored.
        IntegrityError: somebody else stored a rate of the same moment just now.
    """
    lines = _checked_lines(path)
    base = settings.BASE_CURRENCY
    moments = {line.valid_from for line in lines}
    stored = {
        (row.currency, row.valid_from): row.rate
        for row in ExchangeRate.objects.filter(base=base, valid_from__in=moments)
    }
    problems, new = [], []
    for line in lines:
        known = stored.get((line.currency, line.valid_from))
        if known is None:
            new.append(line)
        elif known != line.rate:
            problems.append(
                f"line {line.number}: {line.currency} has another rate, {known.normalize():f}, "
                f"from {line.valid_from.isoformat()} on."
            )
    if problems:
        raise RefusedFile(*problems)
    ExchangeRate.objects.bulk_create(
        (
            ExchangeRate(base=base, currency=line.currency, rate=line.rate, valid_from=line.valid_from, source=source)
            for line in new
        ),
        batch_size=1000,
    )
    return Imported(stored=len(new), unchanged=len(lines) - len(new))


def _checked_lines(path: Path) -> list[RateLine]:
    now = timezone.now()
    lines: dict[tuple[str, datetime], RateLine] = {}
    problems = []
    for number, cells in _read(path):
        form = RateLineSerializer(data={name: text for name, text in cells.items() if text or name != OPTIONAL})
        if not form.is_valid():
            problems += [f"line {number}: {name}: {texts[0]}" for name, texts in form.errors.items()]
            continue
        data = form.validated_data
        line = RateLine(number, data["code"], data["rate"], data.get("valid_from") or now)
        first = lines.setdefault((line.currency, line.valid_from), line)
        if first is not line:
            problems.append(f"line {number}: the same currency and moment as line {first.number}.")
    if problems:
        raise RefusedFile(*problems)
    if not lines:
        raise RefusedFile("The file has no rates.")
    return list(lines.values())


def _read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line with its number. Problems of the file as a whole come as RefusedFile."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if header not in ([*REQUIRED], [*REQUIRED, OPTIONAL]):
                raise RefusedFile("The first line must be code,rate or code,rate,valid_from.")
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    raise RefusedFile(f"line {reader.line_num}: {len(row)} values for {len(header)} columns.")
                yield reader.line_num, dict(zip(header, (cell.strip() for cell in row), strict=True))
    except UnicodeDecodeError:
        raise RefusedFile("The file is not UTF-8.") from None
    except csv.Error as error:
        raise RefusedFile(f"line {reader.line_num}: {error}.") from None
    except OSError as error:
        raise RefusedFile(f"{path}: {error.strerror}.") from None
