"""What somebody meant who mistyped: the shop's own words that are spelled almost alike.

Candidates come from two indexes: words that share a key (one letter too many, missing, another, or two swapped; also
between spellings that sound alike), and words with many trigrams in common. A word that nobody knows may also be two
known ones without the space between them. Numbers are never corrected: 3080 is not a misspelt 3070.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product

from django.db import connection

from catalog.searching.words import pieces_of

MAX_CORRECTIONS = 8  # whole queries that are tried
_PER_WORD = 5
_SHORTEST = 4  # of three letters everything is one letter away from everything
_RARE = 5  # a word in fewer products than this may itself be a slip in the catalogue
_MUCH_MORE = 10
_MOST = 0.99  # the score of any correction
_SPLIT = 0.6  # the score of two words in one
_BEGUN = 0.65  # of a word that begins almost alike

_DIGITS = re.compile(r"[0-9]")
_LETTERS_THEN_NUMBER = re.compile(r"([a-z]{4,})([0-9]+[a-z]{0,2})")

_CANDIDATES = """
SELECT asked.position, (
        SELECT coalesce(sum(k.frequency), 0) FROM catalog_searchword AS k
        WHERE k.word >= asked.word COLLATE "C" AND k.word < (asked.word || '~') COLLATE "C"
    )::integer AS known, catalog_sound(asked.word), near.word, near.sound, near.frequency, near.alike, near.is_split
FROM unnest(%s::text[]) WITH ORDINALITY AS asked (word, position)
LEFT JOIN LATERAL (
    (
        SELECT v.word, v.sound, v.frequency, similarity(v.sound, catalog_sound(asked.word)) AS alike, FALSE AS is_split
        FROM catalog_searchword AS v
        WHERE v.keys && catalog_spelling_keys(catalog_sound(asked.word))
        ORDER BY alike DESC, v.frequency DESC LIMIT 25
    )
    UNION ALL
    (
        SELECT v.word, v.sound, v.frequency, similarity(v.sound, catalog_sound(asked.word)) AS alike, FALSE
        FROM catalog_searchword AS v
        WHERE v.sound %% catalog_sound(asked.word) AND length(asked.word) > 5
        ORDER BY alike DESC, v.frequency DESC LIMIT 25
    )
    UNION ALL
    (
        SELECT a.word || ' ' || b.word, '', least(a.frequency, b.frequency), 0, TRUE
        FROM generate_series(2, length(asked.word) - 2) AS n
        JOIN catalog_searchword AS a ON a.word = left(asked.word, n)
        JOIN catalog_searchword AS b ON b.word = substr(asked.word, n + 1)
        ORDER BY least(length(a.word), length(b.word)) DESC, least(a.frequency, b.frequency) DESC LIMIT 3
    )
) AS near ON length(asked.word) >= %s
"""


@dataclass(frozen=True)
class Correction:
    """A query that may have been meant; ``score`` is 1 for what was typed, and less the more was changed.

    A term is a word, or two that stand side by side: ``cooler master`` for ``coolermaster``.
    """

    terms: tuple[str, ...]
    score: float

    @property
    def text(self) -> str:
        return " ".join(self.terms)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.text.split())

    @property
    def query(self) -> str:
        return " & ".join(f"({' <-> '.join(term.split())}:*)" for term in self.terms)


@dataclass(frozen=True)
class _Candidate:
    word: str
    score: float


def corrections(words: Sequence[str], *, last_is_begun: bool = False) -> list[Correction]:
    """Return what may have been meant, the likeliest first; empty when every word is one of the shop's.

    With ``last_is_begun`` the last word may be the beginning of one. One statement.
    """
    pieces = [part for piece in pieces_of(words) for part in _apart(piece)][:MAX_CORRECTIONS]
    known, near = _candidates(pieces)
    unknown = [not often for often in known]
    if last_is_begun and unknown[-1]:
        near[-1] = [*near[-1], *_words_begun_like(pieces[-1])]
    choices: list[list[_Candidate]] = []
    for n, piece in enumerate(pieces):
        as_typed = _Candidate(piece, 1.0)
        if unknown[n]:
            # A part number may be unknown to the vocabulary; it must be found as it is.
            choices.append(near[n] or [as_typed])
        elif not any(unknown) and known[n] < _RARE:
            choices.append([as_typed, *near[n]])
        else:
            choices.append([as_typed])
    combined = (
        Correction(tuple(candidate.word for candidate in chosen), math.prod(candidate.score for candidate in chosen))
        for chosen in islice(product(*choices), _PER_WORD**3)
    )
    asked = tuple(pieces)
    likeliest = sorted((each for each in combined if each.terms != asked), key=lambda each: -each.score)
    return likeliest[:MAX_CORRECTIONS]


def _apart(piece: str) -> tuple[str, ...]:
    """Return a word and the number that follows it without a space: only the word can be misspelt."""
    match = _LETTERS_THEN_NUMBER.fullmatch(piece)
    return (match[1], match[2]) if match else (piece,)


def _candidates(pieces: Sequence[str]) -> tuple[list[int], list[list[_Candidate]]]:
    """Return for each word how often it is known, also as the beginning of another, and what it may stand for."""
    known = [0] * len(pieces)
    near: list[dict[str, float]] = [{} for _ in pieces]
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [list(pieces), _SHORTEST])
        rows = cursor.fetchall()
    for position, often, asked_sound, word, sound, frequency, alike, is_split in rows:
        n = position - 1
        known[n] = often
        if word is None or _DIGITS.findall(word) != _DIGITS.findall(pieces[n]):
            continue
        if often and frequency < _MUCH_MORE * often:
            continue
        score = _SPLIT if is_split else _score(pieces[n], asked_sound, word, sound, alike)
        if score > 0:
            near[n][word] = max(near[n].get(word, 0), min(score + 0.03 * math.log10(frequency + 1), _MOST))
    best = [sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_PER_WORD] for found in near]
    return known, [[_Candidate(word, score) for word, score in found] for found in best]


def _words_begun_like(asked: str) -> list[_Candidate]:
    """Return the most frequent words that begin like ``asked`` but for one letter behind its first."""
    if len(asked) < _SHORTEST:
        return []
    slips = {asked[:n] + "_" + asked[n + 1 :] for n in range(1, len(asked))}  # another letter
    slips |= {asked[:n] + "_" + asked[n:] for n in range(1, len(asked))}  # one is missing
    slips |= {asked[:n] + asked[n + 1 :] for n in range(1, len(asked))}  # one too many
    slips |= {asked[:n] + asked[n + 1] + asked[n] + asked[n + 2 :] for n in range(1, len(asked) - 1)}
    alike = " OR ".join(["word LIKE %s"] * len(slips))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT word, frequency FROM catalog_searchword WHERE {alike} "  # noqa: S608 - our own words
            "ORDER BY frequency DESC, word LIMIT %s",
            [*(f"{slip}%" for slip in sorted(slips)), _PER_WORD],
        )
        rows = cursor.fetchall()
    return [
        _Candidate(word, _BEGUN + 0.03 * math.log10(frequency + 1))
        for word, frequency in rows
        if _DIGITS.findall(word) == _DIGITS.findall(asked)
    ]


def _score(asked: str, asked_sound: str, word: str, sound: str, alike: float) -> float:
    """Return how likely ``word`` was meant, or 0: too many letters differ."""
    changes = min(_distance(asked, word), _distance(asked_sound, sound) + 0.3)
    allowed = 1.5 if len(asked) <= 5 else 2.5
    if changes > allowed:
        return 0.0
    score = 0.9 - 0.15 * changes + 0.15 * alike
    return score if asked[0] == word[0] else score - 0.08


def _distance(one: str, other: str) -> int:
    """Return how many letters must be added, dropped, replaced or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row = row, [i] + [0] * len(other)
        for j, match in enumerate(other, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != match))
            if before and j > 1 and letter == other[j - 2] and one[i - 2] == match:
                row[j] = min(row[j], before[j - 2] + 1)
        before = above
    return row[-1]
