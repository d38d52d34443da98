"""Background work of the catalogue."""

from datetime import datetime
from uuid import UUID

from celery import shared_task

from ecommerce.outbox import owed_task


# Owed by a trigger on stock, under this name: see migration 0005_reviews_wishlist.
@owed_task("catalog.announce_stock")
def announce_stock(product_id: str) -> None:
    from catalog.wishlist.services import announce_stock as announce

    announce(product_id)


@owed_task("catalog.mail_stock_notices", network=True)
def mail_stock_notices(notice_ids: list[str], owed_at: str) -> None:
    from catalog.wishlist.services import mail_stock_notices as mail

    mail(notice_ids, datetime.fromisoformat(owed_at))


@shared_task(name="catalog.tend_stock_notices")
def tend_stock_notices() -> None:
    from catalog.wishlist.services import tend_stock_notices as tend

    tend()


@owed_task("catalog.process_image", network=True)
def process_image(image_id: str) -> None:
    from catalog.images.processing import process_image as process

    process(UUID(image_id))


@owed_task("catalog.remove_files", network=True)
def remove_files(names: list[str]) -> None:
    from ecommerce.pictures.storage import remove

    remove(names)


@shared_task(name="catalog.sweep_images")
def sweep_images() -> None:
    from catalog.images.sweeping import sweep

    sweep()


@shared_task(name="catalog.refresh_search")
def refresh_search() -> None:
    from catalog.searching.indexing import rebuild_search

    rebuild_search(everything=False)


@owed_task("catalog.index_products")
def index_products_later(product_ids: list[str]) -> None:
    from catalog.searching.indexing import index_locked

    index_locked([UUID(pk) for pk in product_ids])


@owed_task("catalog.move_merged_products")
def move_merged_products(brand_id: str) -> None:
    from catalog.taxonomy.services import move_merged_products as move

    move(UUID(brand_id))


@owed_task("catalog.follow_attribute")
def follow_attribute(code: str, changed_at: str = "") -> None:
    from catalog.attributes.following import follow_attribute as follow

    follow(code, changed_at=datetime.fromisoformat(changed_at) if changed_at else None)


@owed_task("catalog.conform_products")
def conform_products(code: str, product_ids: list[str]) -> None:
    from catalog.attributes.following import conform_products as conform

    conform(code, [UUID(pk) for pk in product_ids])


@owed_task("catalog.apply_count", network=True)  # no network, but a transaction for each chunk
def apply_count(count_id: str) -> None:
    from catalog.inventory.counting import work_on_count as work

    work(UUID(count_id))


@owed_task("catalog.run_import", network=True)
def run_import(import_id: str, run: int) -> None:
    from catalog.exchange.running import run_import as step

    step(UUID(import_id), run)


@owed_task("catalog.undo_import", network=True)
def undo_import(import_id: str, actor_id: str = "") -> None:
    from catalog.exchange.undoing import undo_import as step

    step(UUID(import_id), UUID(actor_id) if actor_id else None)


@shared_task(name="catalog.sweep_imports")
def sweep_imports() -> None:
    from catalog.exchange.sweeping import sweep

    sweep()


# Owed by a trigger on stock, under this name: see the inventory's migration.
@owed_task("catalog.gather_stock_alerts")
def gather_stock_alerts() -> None:
    from catalog.inventory.alerts import gather_stock_alerts as gather

    gather()


@owed_task("catalog.mail_stock_alerts", network=True)
def mail_stock_alerts(alert_ids: list[str], user_id: str = "", address: str = "") -> None:
    from catalog.inventory.alerts import mail_stock_alerts as mail

    mail(alert_ids, user_id=UUID(user_id) if user_id else None, address=address)


@shared_task(name="catalog.tend_stock_alerts")
def tend_stock_alerts() -> None:
    from catalog.inventory.alerts import tend_stock_alerts as tend

    tend()


@shared_task(name="catalog.forget_old_changes")
def forget_old_changes() -> None:
    from accounts.history.retention import forget_old_changes as forget

    forget()


@owed_task("catalog.retag_products")
def retag_products(old: str, new: str) -> None:
    from catalog.tagging.services import retag_products as retag

    retag(old, new)
