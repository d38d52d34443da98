"""Text for a drawing that knows neither joined letters nor writing from the right.

Arabic letters are replaced by the forms that they take beside their neighbours, as Unicode lists them, and the parts of
a line that run from the right are put into the order in which they are seen. It is enough for names and addresses; the
whole of it is Unicode's annex 9.
"""

import unicodedata
from functools import cache
from itertools import groupby

_FORMS = ("<isolated>", "<final>", "<initial>", "<medial>")
_FIRST_FORM, _LAST_FORM = 0xFE80, 0xFEFC  # Arabic Presentation Forms-B, without the vowel signs
_LAM, _TATWEEL = "\u0644", "\u0640"


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Return the forms of each letter, and of lam with an alef, by the names of Unicode."""
    forms: dict[str, dict[str, str]] = {}
    for code in range(_FIRST_FORM, _LAST_FORM + 1):
        form, *letters = unicodedata.decomposition(chr(code)).split()
        forms.setdefault("".join(chr(int(letter, 16)) for letter in letters), {})[form] = chr(code)
    return forms


def joined(text: str) -> str:
    """Return text with its Arabic letters in the forms that they take beside their neighbours."""
    if not any("\u0600" <= char <= "\u06ff" for char in text):
        return text
    letters = _letters(text)
    result = []
    for index, letter in enumerate(letters):
        forms = _forms().get(letter)
        if forms is None:
            result.append(letter)
            continue
        before = index > 0 and _joins_next(letters[index - 1])
        after = index + 1 < len(letters) and "<final>" in _forms().get(letters[index + 1], {})
        after = after and "<initial>" in forms
        result.append(forms.get(_FORMS[before + 2 * after], letter))
    return "".join(result)


def _letters(text: str) -> list[str]:
    """Return the letters of a text, with lam and alef as one; vowel signs would come between, and are left out."""
    letters: list[str] = []
    for char in text:
        if "\u064b" <= char <= "\u065f":
            continue
        if letters and letters[-1] == _LAM and _LAM + char in _forms():
            letters[-1] += char
        else:
            letters.append(char)
    return letters


def _joins_next(letter: str) -> bool:
    return letter == _TATWEEL or "<initial>" in _forms().get(letter, {})


def in_sight_order(line: str) -> str:
    """Return a line with what runs from the right turned round, so that it can be drawn from the left."""
    kinds = [_direction(char) for char in line]
    if "R" not in kinds:
        return line
    base = next(kind for kind in kinds if kind in "LR")
    _settle_neutrals(kinds, base)
    runs = [
        (kind, [char for char, _ in run]) for kind, run in groupby(zip(line, kinds, strict=True), lambda pair: pair[1])
    ]
    if base == "R":
        runs.reverse()
    return "".join("".join(_mirrored(chars) if kind == "R" else chars) for kind, chars in runs)


def _direction(char: str) -> str:
    kind = unicodedata.bidirectional(char)
    if kind in ("R", "AL"):
        return "R"
    return "L" if kind in ("L", "EN", "AN") else "N"


def _settle_neutrals(kinds: list[str], base: str) -> None:
    """Let what has no direction go with its neighbours if they agree, else with the line."""
    before = base
    for index, kind in enumerate(kinds):
        if kind == "N":
            after = next((later for later in kinds[index:] if later != "N"), base)
            kinds[index] = before if before == after else base
        before = kinds[index]


def _mirrored(chars: list[str]) -> list[str]:
    swapped = {"(": ")", ")": "(", "[": "]", "]": "["}
    return [swapped.get(char, char) for char in reversed(chars)]
