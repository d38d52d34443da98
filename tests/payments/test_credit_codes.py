"""Codes of gift cards: told apart from slips, stored nowhere, the same again from their keys."""

from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from payments.credit import codes
from payments.credit.models import GiftCard
from tests.payments.gift_cards import code_of, gift_card

CARD = UUID("0198c0de-0000-7000-8000-000000000071")
KEY, OLD_KEY = "k" * 32, "o" * 32


@pytest.fixture(autouse=True)
def keys(settings):
    settings.GIFT_CARD_KEYS = [KEY]


def test_code_has_sixteen_characters_that_nobody_confuses():
    code = codes.code_for(CARD)

    assert len(code) == 16
    assert set(code) <= set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")
    assert codes.grouped(code) == f"{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}"
    assert codes.code_for(CARD) == code


@given(st.uuids(), st.integers(0, 15), st.sampled_from(codes.ALPHABET))
def test_one_wrong_character_is_noticed(card_id, place, character):
    code = codes.code_for(card_id)
    typed = code[:place] + character + code[place + 1 :]

    assert codes.normalise(typed) == (code if typed == code else "")


@given(st.uuids(), st.integers(0, 14))
def test_neighbours_that_changed_places_are_noticed(card_id, place):
    code = codes.code_for(card_id)
    typed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]

    assert codes.normalise(typed) == (code if typed == code else "")


@given(st.text(max_size=80))
def test_nonsense_is_no_code(text):
    assert codes.normalise(text) in ("", text.translate(codes.SEPARATORS).upper())


def test_older_key_still_opens_and_tells_its_cards(settings, db):
    settings.GIFT_CARD_KEYS = [OLD_KEY]
    old = gift_card()
    written = code_of(old)
    settings.GIFT_CARD_KEYS = [KEY, OLD_KEY]
    new = gift_card()

    assert code_of(old) == written
    assert old.code_hash in codes.hashes_of(codes.normalise(written))
    assert codes.code_for(new.pk) == codes.normalise(code_of(new))


def test_code_whose_key_is_gone_is_lost(settings, db):
    card = gift_card()
    settings.GIFT_CARD_KEYS = [OLD_KEY]

    with pytest.raises(codes.CodeLost):
        code_of(card)


def test_no_column_holds_a_code(db, run_owed_work):
    card = gift_card(recipient_email="achieng@example.com")
    plain, written = codes.normalise(code_of(card)), code_of(card)
    run_owed_work()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(c)::text FROM payments_giftcard AS c UNION ALL "
            "SELECT row_to_json(m)::text FROM ecommerce_outboxmessage AS m"
        )
        rows = [row for (row,) in cursor.fetchall()]

    assert len(rows) == 2
    assert not any(plain in row or written in row for row in rows)
    assert (GiftCard.objects.get().last4, plain[-4:]) == (plain[-4:], card.last4)
