"""Reading collections, by audience."""

from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from catalog.curation.models import Collection, CollectionProduct
from catalog.curation.rules import narrow
from catalog.models import ProductQuerySet
from catalog.permissions import staff_may
from catalog.selectors import by_id_or_url_key

_PUBLISHED = Q(published_from__lte=Now()) & (Q(published_until__isnull=True) | Q(published_until__gt=Now()))


def may_view_collections(user: Any) -> bool:
    return staff_may(user, "view_collection")


def collections_visible_to(user: Any) -> QuerySet[Collection]:
    """Every collection for staff who may see them; for others what is published."""
    return Collection.objects.all() if may_view_collections(user) else Collection.objects.filter(_PUBLISHED)


def find_collection(user: Any, key: str) -> Collection | None:
    """Return the collection with this UUID or url_key that the reader may see."""
    return collections_visible_to(user).filter(by_id_or_url_key(key)).first()


def products_of(collection: Collection, products: ProductQuerySet) -> ProductQuerySet:
    """Narrow to the products of a collection; one by hand annotates ``place``, by which it is ordered."""
    if collection.kind == Collection.Kind.BY_RULE:
        return narrow(products, collection.rule)
    return products.filter(places__collection=collection).annotate(place=F("places__position"))


def within(collection: Collection, products: ProductQuerySet) -> ProductQuerySet:
    """Narrow to the products of a collection, whatever their order."""
    if collection.kind == Collection.Kind.BY_RULE:
        return narrow(products, collection.rule)
    places = CollectionProduct.objects.filter(collection=collection).order_by()
    return products.filter(pk__in=places.values("product_id"))
