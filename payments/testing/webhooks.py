# ruff: noqa: S101 - rules are asserts
"""Rules for what a provider sends by itself: only its own words are believed, and nothing breaks the shop."""

import hmac
from collections.abc import Mapping
from typing import Any

import pytest

from payments.exceptions import ForgedEvent, UnreadableEvent
from payments.providers.base import About, Notice, PaymentProvider
from payments.testing.hooks import ProviderHooks, misfits, needs

ODD_BODIES: Mapping[str, bytes] = {
    "empty": b"",
    "space": b" ",
    "null": b"null",
    "number": b"1",
    "text": b'"charge.success"',
    "list": b"[]",
    "object": b"{}",
    "half": b'{"event": "charge.success", "data": {',
    "not_utf8": b"\xff\xfe\xfa\x00",
    "utf16": '{"event": "charge.success"}'.encode("utf-16"),
    "bom": b'\xef\xbb\xbf{"event": "charge.success"}',
    "lone_surrogate": b'{"event": "\\ud800", "type": "\\ud800"}',
    "nul": b'{"event": "a\\u0000b", "type": "a\\u0000b", "data": {"id": "\\u0000", "reference": "\\u0000"}}',
    "deep": b"[" * 50_000,
    "deep_object": b'{"data":' * 20_000 + b"1" + b"}" * 20_000,
    "nan": b'{"event": NaN, "data": {"amount": Infinity}}',
    "long_number": b'{"data": {"id": ' + b"9" * 5_000 + b"}}",
    "long_text": b'{"event": "' + b"x" * 100_000 + b'", "id": "' + b"y" * 100_000 + b'"}',
    "wrong_types": b'{"event": [], "event_type": {}, "type": 1, "data": [{}], "resource": 7, "id": {}}',
    "deep_wrong_types": b'{"event": "charge.success", "type": "charge.succeeded", "data": {"object": 1, "id": []}}',
    "html": b"<html></html>",
}


NOT_FORGED = "what does not fit is no event: raise ForgedEvent, which False does not replace"


class WebhookRules(ProviderHooks):
    @needs("webhook", "sign")
    def test_genuine_event_is_proven_and_read(self, provider: PaymentProvider) -> None:
        body = self.webhook()

        proven = provider.check_webhook(self.sign(body), body)
        notice = provider.read_webhook(body)

        assert proven is True, "check_webhook does not believe what sign signs; are its header names in lower case?"
        assert notice.event_id
        assert notice.kind
        assert (notice.about, notice.reference) == (About.PAYMENT, self.reference)
        assert misfits(notice) == []

    @needs("webhook", "sign")
    def test_event_delivered_twice_has_one_id(self, provider: PaymentProvider) -> None:
        assert provider.read_webhook(self.webhook()) == provider.read_webhook(self.webhook())

    @needs("webhook", "sign")
    def test_event_without_a_signature_is_not_proven(self, provider: PaymentProvider) -> None:
        body = self.webhook()

        assert self._check(provider, {}, body) is ForgedEvent, NOT_FORGED

    @needs("webhook", "sign")
    def test_event_that_lacks_a_header_is_not_proven(self, provider: PaymentProvider) -> None:
        body = self.webhook()
        headers = self.sign(body)
        believed = []

        for name in headers if self.every_header_is_needed else ():
            others = {other: value for other, value in headers.items() if other != name}
            if self._check(provider, others, body) is True:
                believed.append(name)

        assert believed == []

    @needs("webhook", "sign")
    def test_event_of_which_a_byte_was_changed_is_not_proven(self, provider: PaymentProvider) -> None:
        body = self.webhook()
        headers = self.sign(body)
        believed = []

        for place in range(0, len(body), max(1, len(body) // 100)):
            changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            if self._check(provider, headers, changed) is True:
                believed.append(place)
        spaced = (body + b" ", body + b"\n", b" " + body) if self.signature_covers_spaces else ()
        for changed in (*spaced, body[:-1], b""):
            if self._check(provider, headers, changed) is True:
                believed.append(len(changed))

        assert believed == []

    @needs("webhook", "sign")
    @pytest.mark.parametrize("value", ["", "0", "é", "\x00", "a" * 10_000, "t=,v1=", "sha512=x", "\udc80"])
    def test_signature_that_is_none_is_not_proven(self, provider: PaymentProvider, value: str) -> None:
        body = self.webhook()
        headers = dict.fromkeys(self.sign(body), value)

        assert self._check(provider, headers, body) is ForgedEvent, NOT_FORGED

    @needs("webhook", "sign")
    def test_signatures_are_compared_in_constant_time(
        self, provider: PaymentProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not self.compares_signatures:
            pytest.skip("verifies by a public key")
        compared = []
        compare = hmac.compare_digest

        def watched(left: Any, right: Any) -> bool:
            compared.append((left, right))
            return compare(left, right)

        monkeypatch.setattr(hmac, "compare_digest", watched)
        body = self.webhook()

        assert provider.check_webhook(self.sign(body), body) is True
        assert compared != []

    @needs("webhook", "sign")
    @pytest.mark.parametrize("name", ODD_BODIES)
    def test_odd_body_never_breaks_the_check(self, provider: PaymentProvider, name: str) -> None:
        body = ODD_BODIES[name]

        assert self._check(provider, self.sign(self.webhook()), body) is not True
        # What the provider itself would have signed may be proven, and must be readable or not, but never break.
        self._check(provider, self.sign(body), body)

    @needs("webhook", "sign")
    @pytest.mark.parametrize("name", ODD_BODIES)
    def test_odd_body_is_read_or_left_for_a_person(self, provider: PaymentProvider, name: str) -> None:
        try:
            notice = provider.read_webhook(ODD_BODIES[name])
        except UnreadableEvent:
            return
        assert isinstance(notice, Notice)
        assert notice.event_id
        assert misfits(notice) == []

    def _check(self, provider: PaymentProvider, headers: Mapping[str, str], body: bytes) -> bool | type[ForgedEvent]:
        try:
            return provider.check_webhook(headers, body)
        except ForgedEvent as error:
            self.told.append(repr(error))
            return ForgedEvent
