"""Finding the category and the brand that a file means, and making those that the shop has not got."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from uuid import UUID

from django.utils.text import slugify

from catalog import services
from catalog.importing.cleaning import cut_at_word, fold
from catalog.importing.records import fingerprint
from catalog.models import Brand, Category

UNCATEGORISED = ("Uncategorised",)

Path = tuple[str, ...]

_CATEGORY_NAME: int = Category._meta.get_field("category_name").max_length or 0
_CATEGORY_KEY: int = Category._meta.get_field("url_key").max_length or 0
_BRAND_KEY: int = Brand._meta.get_field("url_key").max_length or 0


class CategoryTree:
    """The shop's categories by the paths of a file.

    A path is known by its url_key (``computers--components--memory``), so a category that staff have renamed or
    moved is found again. A path of one name means the one category of that name, wherever it stands. Must be made
    anew after a rollback. With ``by_names`` a path is first looked for among the present names: an export has those.

    ``keys`` gives paths that have url_keys of their own.
    """

    def __init__(self, keys: Mapping[Path, str] | None = None, *, by_names: bool = False) -> None:
        self._keys = keys or {}
        self._found: dict[Path, Category] = {}
        self._by_key: dict[str, Category] = {}
        self._by_id: dict[UUID, Category] = {}
        self._by_name: defaultdict[str, list[Category]] = defaultdict(list)
        categories = list(Category.objects.all())
        for category in categories:
            self._remember(category)
        if by_names:
            names = {category.pk.hex: category.category_name for category in categories}
            self._found = {tuple(names[pk] for pk in category.path.split(".")): category for category in categories}

    def _remember(self, category: Category) -> None:
        self._by_key[category.url_key] = category
        self._by_id[category.pk] = category
        self._by_name[category.category_name.casefold()].append(category)

    def known(self, category_id: UUID) -> Category:
        """Return the category of a product."""
        if category_id not in self._by_id:  # somebody has made it meanwhile
            self._remember(Category.objects.get(pk=category_id))
        return self._by_id[category_id]

    def resolve(self, path: Path) -> Category:
        """Return the category at this path; it and those above it are made where missing."""
        path = path or UNCATEGORISED
        if path not in self._found:
            same_name = self._by_name[path[0].casefold()] if len(path) == 1 and path not in self._keys else []
            self._found[path] = same_name[0] if len(same_name) == 1 else self._at(path)
        return self._found[path]

    def _at(self, path: Path) -> Category:
        key = self._keys.get(path) or _path_key(path)
        if key not in self._by_key:
            parent = self._at(path[:-1]) if len(path) > 1 else None
            name = next(name for name in _names(path) if not self._by_name[name.casefold()])
            self._remember(services.save_category(category_name=name, url_key=key, parent=parent))
        return self._by_key[key]


def _path_key(path: Path) -> str:
    """Return a url_key that no other path has; slugs hold no double hyphen, so it can part the levels."""
    key = "--".join(_slug(name) for name in path)
    if len(key) <= _CATEGORY_KEY:
        return key
    tail = f"--{fingerprint(key)}"
    return key[: _CATEGORY_KEY - len(tail)] + tail


def _slug(name: str) -> str:
    """Return a slug that keeps different names apart, also in scripts that a slug cannot hold."""
    slug, folded = slugify(name), fold(name)
    if slug and fold(slug) == folded:
        return slug
    return f"{slug}-{fingerprint(folded or name)}".lstrip("-")


def _names(path: Path) -> Iterator[str]:
    """Yield names for the last category of a path, the plainest first; names are unique over the whole tree."""
    name, *above = reversed(path)
    yield name
    for level in range(1, len(above) + 1):
        note = ", ".join(above[:level])
        if note != name:  # "Cases (Cases)" tells nobody anything
            yield _with_note(name, note)
    for number in count(2):
        yield _with_note(name, str(number))


def _with_note(name: str, note: str) -> str:
    note = f" ({cut_at_word(note, _CATEGORY_NAME // 2)})"
    return cut_at_word(name, _CATEGORY_NAME - len(note)) + note


class BrandBook:
    """The shop's brands by folded name: Cooler Master, Coolermaster and COOLER-MASTER are one.

    A brand that the shop has keeps its spelling; a new one gets that of ``spellings``. Must be made anew after a
    rollback.
    """

    def __init__(self, spellings: Mapping[str, str], keys: Mapping[str, str] | None = None) -> None:
        self._spellings = spellings
        self._keys = keys or {}
        self._taken: set[str] = set()
        self._ids: dict[str, UUID] = {}
        brands = list(Brand.objects.order_by("created_at", "id"))
        for brand in brands:
            self._taken.add(brand.url_key)
            self._ids.setdefault(fold(brand.name), brand.merged_into_id or brand.pk)
        for brand in brands:  # a brand that staff have renamed is still known by its url_key
            self._ids.setdefault(fold(brand.url_key), brand.merged_into_id or brand.pk)

    def resolve(self, names: Iterable[str]) -> dict[str, UUID]:
        """Return the brands of these names; missing ones are made, with one statement."""
        folded = {name: fold(name) for name in names if name}
        new: dict[str, Brand] = {}
        for name, key in folded.items():
            if key not in self._ids and key not in new:
                spelling = self._spellings.get(key, name)
                new[key] = Brand(name=spelling, url_key=self._url_key(spelling, key))
        Brand.objects.bulk_create(new.values())
        self._ids |= {key: brand.pk for key, brand in new.items()}
        return {name: self._ids[key] for name, key in folded.items()}

    def _url_key(self, name: str, folded: str) -> str:
        tail = f"-{fingerprint(folded)}"
        slug = self._keys.get(folded) or _slug(name)[:_BRAND_KEY]
        if slug in self._taken:
            slug = slug[: _BRAND_KEY - len(tail)] + tail
        self._taken.add(slug)
        return slug
