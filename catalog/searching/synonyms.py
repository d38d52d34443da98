"""Other words for the same thing: what staff say that people mean when they write simu, tv or friji."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import IntegrityError, transaction

from catalog.documents.keeping import remembered
from catalog.searching.models import SearchSynonym
from catalog.searching.words import MAX_WORDS, TextQuery, search_words
from ecommerce.exceptions import DomainError, ErrorRow
from ecommerce.prepared import Statement

MAX_TERM = 4  # words
MAX_READINGS = 8  # of one text, that which was typed among them
COLUMNS = ["term", "meaning", "two_way"]  # of a file

_MEANINGS = Statement(
    """
SELECT term, meaning FROM catalog_searchsynonym WHERE term = ANY(%(phrases)s)
UNION SELECT meaning, term FROM catalog_searchsynonym WHERE two_way AND meaning = ANY(%(phrases)s)
ORDER BY 1, 2
""",
    phrases="text[]",
)


class InvalidSynonym(DomainError):
    status_code = 400
    code = "invalid_synonym"


class SynonymExists(DomainError):
    code = "synonym_exists"
    message = "The search knows this already."


@dataclass(frozen=True)
class SynonymInput:
    term: str
    meaning: str
    two_way: bool = False


def query_of(words: Sequence[str]) -> TextQuery:
    """Return the query for what was typed and for everything that it may mean by the synonyms; one statement.

    A synonym is looked up as a whole, not as the beginning of a word, and once: its own synonyms are not. What has been
    looked up is remembered until the catalogue changes.
    """
    phrases = {
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + MAX_TERM, len(words)) + 1)
    }
    if not phrases:
        return TextQuery(tuple(words))
    wanted = tuple(sorted(phrases))
    rows = remembered(("synonyms", wanted), lambda: _look_up(wanted))
    meanings: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for term, meaning in rows:
        meanings.setdefault(tuple(term.split()), []).append(tuple(meaning.split()))
    typed = tuple(words)
    others = [reading for reading in _readings(typed, meanings) if reading != typed] if meanings else []
    return TextQuery(typed, tuple(others[: MAX_READINGS - 1]))


def _look_up(phrases: Sequence[str]) -> list[tuple[str, str]]:
    return [(term, meaning) for term, meaning in _MEANINGS.run(phrases=list(phrases))]


def _readings(words: tuple[str, ...], meanings: dict[tuple[str, ...], list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Return every way to read ``words``, the fewest changes first, up to ``MAX_READINGS``."""
    behind: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    readings = [behind]  # of the words from each place on, the last one first
    for start in range(len(words) - 1, -1, -1):
        found = [(changes, (words[start], *rest)) for changes, rest in readings[-1]]
        for length in range(1, min(MAX_TERM, len(words) - start) + 1):
            for meaning in meanings.get(words[start : start + length], ()):
                found += [(changes + 1, (*meaning, *rest)) for changes, rest in readings[-length]]
        found = [each for each in dict.fromkeys(found) if len(each[1]) <= 2 * MAX_WORDS]
        readings.append(sorted(found, key=lambda each: each[0])[:MAX_READINGS])
    return list(dict.fromkeys(reading for _, reading in readings[-1]))


# --- Keeping them ---------------------------------------------------------------------------------------------


def add_synonym(given: SynonymInput) -> SearchSynonym:
    """Keep a synonym, folded as the search folds words.

    Raises:
        InvalidSynonym: a side has no word or more than ``MAX_TERM``, or both are the same; one row each.
        SearchTooLong: a side is longer than a search may be.
        SynonymExists: it is kept already, in this direction or in both.
    """
    term, meaning = folded(given)
    if SearchSynonym.objects.filter(term=meaning, meaning=term, two_way=True).exists():
        raise SynonymExists()
    try:
        with transaction.atomic():
            return SearchSynonym.objects.create(term=term, meaning=meaning, two_way=given.two_way)
    except IntegrityError:
        raise SynonymExists() from None


def add_missing(synonyms: Iterable[SynonymInput]) -> int:
    """Keep those that are not kept yet, all or none; return how many.

    Raises:
        InvalidSynonym, SearchTooLong
    """
    added = 0
    with transaction.atomic():
        for given in synonyms:
            try:
                add_synonym(given)
            except SynonymExists:
                continue
            added += 1
    return added


def folded(given: SynonymInput) -> tuple[str, str]:
    """Return both sides as they are kept.

    Raises:
        InvalidSynonym, SearchTooLong
    """
    sides = {
        "term": search_words(given.term, attr="term"),
        "meaning": search_words(given.meaning, attr="meaning"),
    }
    wrong = [
        ErrorRow("invalid", f"Give 1 to {MAX_TERM} words of letters or digits.", name)
        for name, words in sides.items()
        if not 1 <= len(words) <= MAX_TERM
    ]
    if not wrong and sides["term"] == sides["meaning"]:
        wrong.append(ErrorRow("same_words", "Both are the same words to the search.", "meaning"))
    if wrong:
        raise InvalidSynonym(wrong)
    return " ".join(sides["term"]), " ".join(sides["meaning"])


def read_synonyms(path: Path) -> list[SynonymInput]:
    """Return the rows of a file.

    Raises:
        ValueError: the columns are others, or ``two_way`` is neither ``yes`` nor empty.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != COLUMNS:
            raise ValueError(f"its columns must be {','.join(COLUMNS)}")
        synonyms = []
        for row in rows:
            if row["two_way"] not in ("yes", "") or None in row.values() or None in row:
                raise ValueError(f"line {rows.line_num} is not term,meaning,yes or term,meaning,")
            synonyms.append(SynonymInput(row["term"], row["meaning"], two_way=row["two_way"] == "yes"))
        return synonyms
