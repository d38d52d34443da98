"""The command that verifies invariants: all of them, or those of one group."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ecommerce.invariants import Verdict, verify


class InvariantsCommand(BaseCommand):
    """``groups`` are those that it verifies; none named: all."""

    groups: ClassVar[tuple[str, ...]] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        verdicts = verify(self.groups)
        broken = sum(bool(verdict.culprits) for verdict in verdicts)
        self.stdout.write(_as_json(verdicts) if options["json"] else "\n".join(_lines(verdicts)))
        if broken:
            raise CommandError(f"{broken} of {len(verdicts)} invariants do not hold.", returncode=1)
        if not options["json"]:
            self.stdout.write(f"All {len(verdicts)} invariants hold.")


def _lines(verdicts: list[Verdict]) -> list[str]:
    lines = []
    for verdict in verdicts:
        lines.append(f"{'WRONG' if verdict.culprits else 'ok   '}  {verdict.name}")
        lines += [f"       {culprit}" for culprit in verdict.culprits]
    return lines


def _as_json(verdicts: list[Verdict]) -> str:
    count = Counter(bool(verdict.culprits) for verdict in verdicts)
    told = {
        "checked_at": timezone.now().isoformat(),
        "holds": not count[True],
        "broken": count[True],
        "invariants": [
            {"group": v.group, "name": v.name, "holds": not v.culprits, "culprits": v.culprits} for v in verdicts
        ],
    }
    return json.dumps(told, indent=2)
