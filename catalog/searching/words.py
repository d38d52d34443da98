"""What people type, as words, and as the query that PostgreSQL understands."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from ecommerce.exceptions import DomainError, ErrorRow

MAX_LENGTH = 100
MAX_WORDS = 8

_WORD = re.compile(r"[a-z0-9]+(?:[-_./][a-z0-9]+)*")
_SEPARATOR = re.compile(r"[-_./]")
_BOUNDARY = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"})

_MAX_JOINED = 4  # of more words, only the short ones are tried together
_SHORT = 3


class SearchTooLong(DomainError):
    status_code = 400
    code = "search_too_long"
    message = f"Search for at most {MAX_LENGTH} characters and {MAX_WORDS} words."


def search_words(text: str, *, attr: str = "search") -> list[str]:
    """Return the words of a query, folded as the index folds them.

    Raises:
        SearchTooLong: more than ``MAX_LENGTH`` characters or ``MAX_WORDS`` words.
    """
    if len(text) > MAX_LENGTH:
        raise SearchTooLong([ErrorRow(SearchTooLong.code, SearchTooLong.message, attr)])
    # As unaccent() does; what is left of other scripts and signs separates words.
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    words = _WORD.findall(folded)
    if len(words) > MAX_WORDS:
        raise SearchTooLong([ErrorRow(SearchTooLong.code, SearchTooLong.message, attr)])
    return words


def pieces_of(words: Sequence[str]) -> list[str]:
    """Return the words without separators, as the index has them: ``wi-fi`` is two."""
    return [piece for word in words for piece in _SEPARATOR.split(word)]


@dataclass(frozen=True)
class TextQuery:
    """Words that must all be found, in PostgreSQL's syntax; without words it is empty.

    ``others`` are readings of the same text by synonyms, each of which will do as well. Only ``[a-z0-9]`` and our own
    operators reach it.
    """

    words: tuple[str, ...]
    others: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def matching(self) -> str:
        """Each word as a prefix, written together or apart: ``wi-fi``, ``wifi``, ``8gb``, ``8 gb``, ``a 15``."""
        return " | ".join(query._own_matching for query in self._readings)

    @cached_property
    def _own_matching(self) -> str:
        terms = [_spelled(word) for word in self.words]
        together = [" & ".join(terms)]
        for n, (left, right) in enumerate(pairwise(self.words)):
            if len(self.words) <= _MAX_JOINED or min(len(left), len(right)) <= _SHORT:
                joined = f"{''.join(pieces_of([left, right]))}:*"
                together.append(" & ".join([*terms[:n], joined, *terms[n + 2 :]]))
        return " | ".join(together)

    @cached_property
    def ranking(self) -> str:
        """Any of the words, as a prefix: what ranks a match is how many are found, and where."""
        return " | ".join(f"{leaf}:*" for leaf in self._leaves)

    @cached_property
    def exact(self) -> str:
        """Any of the words, whole."""
        return " | ".join(self._leaves)

    @cached_property
    def _readings(self) -> "list[TextQuery]":
        return [self, *(TextQuery(words) for words in self.others)]

    @cached_property
    def _leaves(self) -> list[str]:
        """Every piece in which a word may stand in the index."""
        return list(dict.fromkeys(leaf for query in self._readings for leaf in query._own_leaves))

    @cached_property
    def _own_leaves(self) -> list[str]:
        written = pieces_of(self.words)
        joined = [_SEPARATOR.sub("", word) for word in self.words]
        apart = [part for piece in written for part in _BOUNDARY.split(piece)]
        return written + joined + apart

    @cached_property
    def phrase(self) -> str:
        """The words one after the other, or written as one; empty for single words."""
        several = [pieces_of(query.words) for query in self._readings if len(query.words) > 1]
        return " | ".join(f"{' <-> '.join(pieces)} | {''.join(pieces)}" for pieces in several)


def _spelled(word: str) -> str:
    pieces = _SEPARATOR.split(word)
    spellings = [" & ".join(f"{piece}:*" for piece in pieces)]
    if len(pieces) > 1:
        spellings.append(f"{''.join(pieces)}:*")
    else:
        for boundary in _BOUNDARY.finditer(word):
            left, right = word[: boundary.start()], word[boundary.start() :]
            # A prefix of one letter is in half of the catalogue: too much to look through for a spelling.
            spellings.append(f"({left} <-> {right}{':*' if len(right) > 1 else ''})")
    return spellings[0] if len(spellings) == 1 and len(pieces) == 1 else f"({' | '.join(spellings)})"
