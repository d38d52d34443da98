"""Events of changed products: made from the list of changes that the catalogue keeps anyway."""

from django.db import transaction
from django.utils import timezone

from catalog.changes.exceptions import CursorFromElsewhere
from catalog.changes.reading import Place, changes_after, place_of, place_since
from ecommerce.cursors import InvalidCursor
from ecommerce.events import emit_all, event_of
from inbox.webhooks.models import FeedPlace

FEED = "products"
PAGE = 500


def follow_products() -> int:
    """Make an event for each product that has changed since the last time, however often; return how many."""
    made = 0
    while count := _follow_page():
        made += count
    return made


@transaction.atomic
def _follow_page() -> int:
    place, is_new = FeedPlace.objects.get_or_create(
        name=FEED, defaults={"cursor": place_since(timezone.now()).as_cursor()}
    )
    if is_new:
        return 0
    # Whoever comes second finds the place where the first has left it.
    place = FeedPlace.objects.select_for_update().get(pk=place.pk)
    page = changes_after(_place(place.cursor), PAGE)
    if page.changes:
        emit_all(event_of("product.changed", change.product_id) for change in page.changes)
    place.cursor = page.place.as_cursor()
    place.save(update_fields=["cursor", "updated_at"])
    return len(page.changes)


def _place(cursor: str) -> Place:
    try:
        return place_of(cursor)
    except (InvalidCursor, CursorFromElsewhere):  # the database was restored from a copy
        return place_since(timezone.now())
