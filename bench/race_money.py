"""The races for money: a coupon with five uses, and one gift card that many want to pay with."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bench.race_buyers import Buyer
from bench.race_ground import PRICE, Ground, Race, Told
from bench.race_sections import ORDERS, Sizes, confirming, fill_carts

USES = 5
DISCOUNTED = Decimal(PRICE) * 9 / 10
ENOUGH_FOR = 5  # orders


def coupon(ground: Ground, sizes: Sizes) -> Race:
    """Everybody has a coupon with five uses in a cart, sees the lower price, and confirms."""
    race = Race(f"{sizes.buyers} carts, a coupon with {USES} uses", ground.goods(1000))
    (variant,) = race.shelf
    code = f"RACE{ground.chance.randrange(10**8):08d}"
    staff = _staff(ground)
    promotion = _made(staff, "/api/promotions/", {"name": code, "kind": "percent", "percent": "10.00"})
    _made(staff, "/api/coupons/", {"promotion": promotion["id"], "code": code, "limit_total": USES})
    buyers = ground.buyers(sizes.buyers)
    fill_carts([(buyer, [(variant, 1)]) for buyer in buyers])
    for buyer in buyers:
        answer = buyer.send("POST", "/api/cart/coupon/", {"code": code}, keyed=False)
        if answer.status >= 300:
            raise RuntimeError(f"the coupon was not entered: {answer.status} {answer.body}")
    ground.run(race, [(buyer, confirming(buyer)) for buyer in buyers])
    ground.judge(race, refusals={"coupon_exhausted"}, orders=USES)
    race.wrong += _wrong_uses(ground, race, code)
    return race


def gift_card(ground: Ground, sizes: Sizes) -> Race:
    """Many customers pay an order each with one gift card, which is enough for five of them, and half a sixth."""
    race = Race(f"one gift card, {sizes.clones} orders, enough for {ENOUGH_FOR}", ground.goods(1000))
    (variant,) = race.shelf
    amount = Decimal(PRICE) * ENOUGH_FOR + PRICE // 2
    card = _made(_staff(ground), "/api/gift-cards/", {"amount": str(amount), "currency": "KES"})
    buyers = ground.buyers(sizes.clones)
    deeds = []
    for buyer in buyers:
        order = _made(buyer, ORDERS, {"items": [{"variant_id": variant, "quantity": 1}]})
        body = {"order_id": order["id"], "method": "gift_card", "code": card["code"]}
        deeds.append((buyer, lambda buyer=buyer, body=body: buyer.send("POST", "/api/payments/", body)))
    ground.run(race, deeds)
    told = race.told
    ground.judge_payments(race, refusals={"gift_card_empty"})
    race.wrong += _wrong_balance(ground, card["id"], amount, told)
    return race


def spent_twice(ground: Ground, sizes: Sizes) -> Race:
    """One customer pays one order with one gift card in many tabs, each with a key of its own."""
    race = Race(f"one order, one gift card, {sizes.clones} tabs", ground.goods(1000))
    (variant,) = race.shelf
    amount = Decimal(PRICE) * ENOUGH_FOR
    card = _made(_staff(ground), "/api/gift-cards/", {"amount": str(amount), "currency": "KES"})
    clones = ground.clones(sizes.clones)
    order = _made(clones[0], ORDERS, {"items": [{"variant_id": variant, "quantity": 1}]})
    body = {"order_id": order["id"], "method": "gift_card", "code": card["code"]}
    ground.run(race, [(clone, lambda clone=clone: clone.send("POST", "/api/payments/", body)) for clone in clones])
    ground.judge_payments(race, refusals={"already_paid"})
    paid = [told for told in race.told if told.answer.status < 300]
    if len(paid) != 1:
        race.wrong.append(f"{len(paid)} tabs were told that they paid")
    ((balance,),) = ground.stand.sql("SELECT balance FROM payments_giftcard WHERE id = %s", card["id"])
    if balance != amount - PRICE:
        race.wrong.append(f"double spending: {balance} of {amount} is left after an order of {PRICE}")
    return race


def _staff(ground: Ground) -> Buyer:
    (person,) = ground.buyers(1)
    ground.stand.sql("UPDATE accounts_user SET is_staff = TRUE, is_superuser = TRUE WHERE id = %s", person.person.id)
    return person


def _made(buyer: Buyer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = buyer.send("POST", path, body)
    if answer.status != 201:
        raise RuntimeError(f"{path}: {answer.status} {answer.body}")
    made: dict[str, Any] = answer.body
    return made


def _wrong_uses(ground: Ground, race: Race, code: str) -> Iterator[str]:
    for told in race.told:
        if told.order_id and Decimal(told.answer.body["total_amount"]) != DISCOUNTED:
            yield f"an order with the coupon costs {told.answer.body['total_amount']}, it should be {DISCOUNTED}"
    ((uses, redeemed),) = ground.stand.sql(
        "SELECT c.uses, (SELECT count(*) FROM orders_redemption AS r WHERE r.coupon_id = c.id"
        " AND r.released_at IS NULL) FROM orders_coupon AS c WHERE c.code = %s",
        code,
    )
    if (uses, redeemed) != (USES, USES):
        yield f"the coupon was used {redeemed} times, counted {uses}, it has {USES} uses"


def _wrong_balance(ground: Ground, card: str, amount: Decimal, told: list[Told]) -> Iterator[str]:
    """Name what is wrong about a card that was enough for some orders and a part of one more."""
    ((balance, spent),) = ground.stand.sql(
        "SELECT c.balance, coalesce(-sum(m.amount) FILTER (WHERE m.kind = 'spend'), 0) FROM payments_giftcard AS c"
        " LEFT JOIN payments_creditmovement AS m ON m.gift_card_id = c.id WHERE c.id = %s GROUP BY c.id",
        card,
    )
    if (balance, spent) != (0, amount):
        yield f"of {amount} on the card {spent} was spent and {balance} is left"
    users = [each.buyer.person.id for each in told]
    rows = ground.stand.sql(
        "SELECT o.user_id::text, o.status FROM orders_order AS o WHERE o.user_id = ANY(%s::uuid[])", users
    )
    paid = {user for user, status in rows if status == "paid"}
    if len(paid) != ENOUGH_FOR:
        yield f"{len(paid)} orders are paid, it should be {ENOUGH_FOR}"
    said = {each.buyer.person.id for each in told if each.answer.status < 300}
    if not paid <= said or len(said) != ENOUGH_FOR + 1:
        yield f"{len(said)} customers were told that the card paid, it paid {ENOUGH_FOR} and a part of one more"
