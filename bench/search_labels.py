"""Queries with what they must find, made by rule from the rows of whatever catalogue is in the database.

A query is a hit when one of the first three results is what was meant. The rules use only the rows (part numbers,
brands, categories, names) and plain English words, so that no catalogue has to be carried along.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from catalog.models import Product

FIRST = 3

# Misspelt as people do: by ear, a letter too few, too many, swapped, or the neighbour's on the keyboard.
PLAIN = [
    ("ifone", "iphone"),
    ("ipone", "iphone"),
    ("iphnoe case", "iphone"),
    ("labtop", "laptop"),
    ("labtop bag", "laptop"),
    ("laptp", "laptop"),
    ("hedphones", "headphone"),
    ("headfones", "headphone"),
    ("headphnes", "headphone"),
    ("head phones", "headphone"),
    ("keybord", "keyboard"),
    ("kyboard", "keyboard"),
    ("moniter", "monitor"),
    ("montior", "monitor"),
    ("priner", "printer"),
    ("pritner", "printer"),
    ("bluetoth", "bluetooth"),
    ("blutooth speaker", "bluetooth|speaker"),
    ("speeker", "speaker"),
    ("chargr", "charger"),
    ("charjer", "charger"),
    ("baterry", "batter"),
    ("wireles mouse", "wireless"),
    ("camra", "camera"),
    ("micropone", "microphone"),
    ("adaptr", "adapt"),
    ("projecter", "projector"),
    ("flash drve", "flash|drive"),
    ("graphcs card", "graphics|card"),
    ("samsng", "samsung"),
    ("samsugn galaxy", "samsung"),
    ("galxy", "galaxy"),
    ("corsiar", "corsair"),
    ("logitec keyboard", "logitech"),
    ("kingstn", "kingston"),
    ("seagat", "seagate"),
    ("coolermaster", "cooler ?master"),
    ("westerndigital", "western ?digital"),
    ("cannon ink", "canon|ink"),
    ("usb hub", "hub"),
]

_SEPARATORS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Row:
    pk: str
    name: str
    brand: str
    categories: tuple[str, ...]
    numbers: frozenset[str]  # as written


@dataclass(frozen=True)
class Label:
    kind: str
    query: str
    is_meant: Callable[[Row], bool] = field(compare=False)


def write_sample(file: Path, sample: Path, *, size: int, seed: int = 20261121) -> Path:
    """Write ``size`` of a catalogue file's priced products, drawn by chance, to another file."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        priced = [line for line in lines if (json.loads(line)["price"] or "0").strip("0.")]
    drawn = random.Random(seed).sample(priced, min(size, len(priced)))
    with gzip.open(sample, "wt", encoding="utf-8", compresslevel=1) as out:
        out.writelines(drawn)
    return sample


def squeezed(text: str) -> str:
    return _SEPARATORS.sub("", text.casefold())


def read_rows() -> dict[str, Row]:
    """Read all products for sale."""
    rows = {}
    products = Product.objects.for_sale().select_related("brand", "category").defer("search_vector", "description")
    for product in products.prefetch_related("variants").order_by("pk"):
        further = product.attributes.get("part_numbers")
        numbers = {variant.mpn for variant in product.variants.all()}
        numbers |= {number for number in further if isinstance(number, str)} if isinstance(further, list) else set()
        rows[str(product.pk)] = Row(
            pk=str(product.pk),
            name=product.product_name,
            brand=product.brand.name if product.brand else "",
            categories=(product.category.category_name,),
            numbers=frozenset(numbers - {""}),
        )
    return rows


def misspelt(word: str, chance: random.Random) -> str:
    """Return a word with one slip behind its first letter."""
    place = chance.randrange(1, len(word) - 1)
    slips = [
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        word[:place] + chance.choice("aeinorst") + word[place + 1 :],
    ]
    return chance.choice([slip for slip in slips if slip != word] or [word[:-1]])


def labels(rows: dict[str, Row], *, seed: int = 20261121) -> list[Label]:
    """Return the labelled queries for these rows; the same rows and seed give the same queries."""
    chance = random.Random(seed)
    every = sorted(rows.values(), key=lambda row: row.pk)
    chance.shuffle(every)
    return [
        *_numbers(every),
        *_brands(every, chance),
        *_categories(every, chance),
        *_names(every, chance),
        *_plain(every),
    ]


def _numbers(rows: list[Row]) -> Iterator[Label]:
    def label(kind: str, query: str, number: str) -> Label:
        key = squeezed(number)
        return Label(kind, query, lambda row: any(squeezed(each).startswith(key) for each in row.numbers))

    dashed, plain, further = [], [], []
    for row in rows:
        for number in sorted(row.numbers):
            if not (5 <= len(number) <= 20 and re.search(r"\d", number) and re.fullmatch(r"[\w.-]+", number)):
                continue
            (dashed if "-" in number.strip("-") else plain).append(number)
            if len(row.numbers) > 1:
                further.append(sorted(row.numbers)[-1])
    for number in plain[:15]:
        yield label("part number", number.lower(), number)
    for number in dashed[:15]:
        yield label("part number", number, number)
    for number in dashed[15:30]:
        yield label("part number without dashes", number.replace("-", ""), number)
    for number in dashed[30:40]:
        yield label("part number with spaces", number.replace("-", " "), number)
    for number in [each for each in further if re.fullmatch(r"[A-Za-z0-9.-]{5,20}", each)][:15]:
        yield label("further part number", number, number)
    for number in [each for each in plain if len(each) >= 8][15:25]:
        yield label("beginning of a part number", number[:-1], number[:-1])


def _brands(rows: list[Row], chance: random.Random) -> Iterator[Label]:
    amounts = Counter(row.brand for row in rows)
    common = [
        brand for brand, amount in amounts.most_common() if amount >= 15 and re.fullmatch(r"[A-Za-z ]{5,}", brand)
    ]

    def label(kind: str, query: str, brand: str) -> Label:
        key = squeezed(brand)
        return Label(kind, query, lambda row: squeezed(row.brand) == key or key in squeezed(row.name))

    for brand in common[:15]:
        yield label("brand", brand, brand)
    for brand in [each for each in common if " " not in each][:25]:
        yield label("misspelt brand", misspelt(brand.lower(), chance), brand)
    for brand in [each for each in common if " " in each][:10]:
        yield label("brand without space", brand.lower().replace(" ", ""), brand)


def _categories(rows: list[Row], chance: random.Random) -> Iterator[Label]:
    amounts = Counter(row.categories[-1] for row in rows)
    common = [
        name
        for name, amount in amounts.most_common()
        if amount >= 15 and re.fullmatch(r"[A-Za-z ]{5,30}", name) and name != "Uncategorised"
    ]

    def label(kind: str, query: str, name: str) -> Label:
        stems = [word[:-1].lower() for word in name.split()]
        return Label(
            kind,
            query,
            lambda row: name in row.categories or all(stem in row.name.lower() for stem in stems),
        )

    for name in common[:15]:
        yield label("category", name.lower(), name)
    for name in [each for each in common if " " not in each and len(each) > 6][:10]:
        yield label("misspelt category", misspelt(name.lower(), chance), name)


def _names(rows: list[Row], chance: random.Random) -> Iterator[Label]:
    tidy = [row for row in rows if re.fullmatch(r"[A-Za-z0-9 -]{15,60}", row.name) and len(row.name.split()) <= 7]

    def label(kind: str, query: str, words: list[str]) -> Label:
        return Label(kind, query, lambda row: all(squeezed(word) in squeezed(row.name) for word in words))

    for row in tidy[:15]:
        yield label("name", row.name, row.name.split())
    for row in tidy[15:25]:
        yield label("beginning of a name", row.name[: len(row.name) * 2 // 3].strip(" -"), row.name.split()[:2])
    some = [row for row in tidy[25:] if re.fullmatch(r"[A-Za-z]{6,}", row.name.split()[0])]
    for row in some[:20]:
        first, *others = row.name.split()
        other = max(others, key=len)
        yield label("misspelt name", f"{misspelt(first.lower(), chance)} {other.lower()}", [first, other])


def _plain(rows: list[Row]) -> Iterator[Label]:
    names = [row.name.lower() for row in rows]
    for query, pattern in PLAIN:
        if any(re.search(pattern, name) for name in names):
            yield Label("plain words", query, lambda row, pattern=pattern: bool(re.search(pattern, row.name.lower())))
