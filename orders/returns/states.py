"""The status of a return: locked by its order, changed by one table, and told."""

from uuid import UUID

from django.utils import timezone

from accounts.models import User
from ecommerce.events import emit
from orders.returns.exceptions import InvalidReturnTransition
from orders.returns.models import Return
from orders.services import lock_order, note_event
from orders.tasks import send_return_news


def order_of(return_id: UUID) -> UUID:
    return Return.objects.values_list("order_id", flat=True).get(pk=return_id)


def lock_return(return_id: UUID) -> Return:
    """Lock a return's order, which guards it, and read it. Must run inside a transaction."""
    order = lock_order(order_of(return_id))
    goods_return = Return.objects.get(pk=return_id)
    goods_return.order = order
    return goods_return


def refuse_transition(goods_return: Return, target: Return.Status) -> None:
    """Raise InvalidReturnTransition if the table does not let a locked return become ``target``."""
    if target not in Return.TRANSITIONS[goods_return.status]:
        raise InvalidReturnTransition(goods_return, target)


def move_return(goods_return: Return, target: Return.Status, *, actor: User | None, note: str = "") -> None:
    """Change the status of a locked return, save all of it, and note in the order's timeline who did it.

    Raises:
        InvalidReturnTransition: the table does not allow it; carries the allowed ones.
    """
    refuse_transition(goods_return, target)
    goods_return.status = target
    if not Return.TRANSITIONS[target]:
        goods_return.ended_at = timezone.now()
    goods_return.save()
    note_event(goods_return.order, f"return {goods_return.number} {target}{': ' * bool(note)}{note}", actor=actor)
    tell_of_return(goods_return)


def tell_of_return(goods_return: Return) -> None:
    """Keep the event that a return, of a locked order, is now what it is."""
    emit(
        f"return.{goods_return.status}",
        goods_return.pk,
        user_id=goods_return.order.user_id,
        order_id=str(goods_return.order_id),
        number=goods_return.number,
        status=str(goods_return.status),
    )


def tell_customer(goods_return: Return, news: str) -> None:
    """Owe the mail about what has become of a return: ``approved``, ``rejected``, ``refunded`` or ``exchanged``."""
    send_return_news.owe(f"return-{news}:{goods_return.pk}", return_id=str(goods_return.pk), news=news)
