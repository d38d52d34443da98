"""``manage.py check_mpesa_settings``: will M-PESA work with these settings, and if not, what is to be done?"""

import secrets
import time
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from ecommerce.phone import InvalidPhoneNumber, mask_phone, normalise_phone
from payments.exceptions import ProviderUnavailable, UnreadableEvent
from payments.models import ProviderEvent
from payments.providers.base import AttemptFacts, InitiateRequest, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.providers.mpesa.diagnosis import Finding, State, check_c2b_secret, examine
from payments.providers.mpesa.results import FAILURES, read_result

# When to ask about a test payment, in seconds after the prompt; the last time a failure is final.
_ASK_AT = (20, 35, 60, 95)
# How often to look for the answer about the balance, and the seconds between.
_BALANCE_LOOKS, _BALANCE_PAUSE = 20, 3


class Command(BaseCommand):
    help = (
        "Check the M-PESA settings line by line, without moving money: exit 1 and say what to do when one is wrong. "
        "The options try more, each on its own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--push", metavar="PHONE", help="ask this phone for KES 1, after a yes; real money moves")
        parser.add_argument(
            "--register-c2b",
            action="store_true",
            help="tell Safaricom where to report paybill and till payments; live, that works once",
        )
        parser.add_argument("--balance", action="store_true", help="ask for the balance, which tries the initiator")
        parser.add_argument(
            "--register-pull",
            metavar="PHONE",
            help="register for the list of received payments; PHONE is the one Safaricom has for the shortcode",
        )
        parser.add_argument(
            "--retry-initiator", action="store_true", help="use an initiator again that M-PESA has refused twice"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.provider = MpesaProvider()
        self.wrong = 0
        if options["retry_initiator"]:
            self.provider.initiator.forget_refusals()
        for finding in examine(self.provider, settings.PUBLIC_BASE_URL):
            self.tell(finding)
        if self.wrong and any(options[name] for name in ("push", "register_c2b", "register_pull", "balance")):
            self.stdout.write("Nothing more is tried before that is right.")
        else:
            self.try_more(options)
        if self.wrong:
            raise CommandError(f"Wrong: {self.wrong}. The lines above say what to do.")
        self.stdout.write("Nothing is wrong.")

    def try_more(self, options: dict[str, Any]) -> None:
        if options["register_c2b"]:
            self.tell(self.register_c2b())
        if options["register_pull"]:
            self.tell(self.register_pull(_phone(options["register_pull"])))
        if options["balance"]:
            self.tell(self.ask_balance())
        if options["push"]:
            self.tell(self.push(_phone(options["push"])))

    def tell(self, finding: Finding) -> None:
        self.wrong += finding.state == State.WRONG
        self.stdout.write(f"{finding.state:<12} {finding.about}: {finding.says}")
        if finding.advice:
            self.stdout.write(f"{'':<12} → {finding.advice}")

    # --- what needs to be asked for

    def register_c2b(self) -> Finding:
        about = "paybill and till payments"
        if check_c2b_secret(self.provider.settings).state != State.OK:
            return Finding(about, State.WRONG, "cannot be registered without a secret.", "Set MPESA_C2B_SECRET.")
        secret = self.provider.settings["C2B_SECRET"]
        confirmation = settings.PUBLIC_BASE_URL + reverse("c2b-confirmation", args=[secret])
        validation = settings.PUBLIC_BASE_URL + reverse("c2b-validation", args=[secret])
        try:
            registration = self.provider.register_urls(confirmation, validation)
        except ProviderUnavailable as error:
            return Finding(about, State.NOT_CHECKED, f"Safaricom gave no sensible answer ({error}).", "Try again.")
        if registration.registered:
            return Finding(about, State.OK, f"Safaricom reports them to {_shown(confirmation)}")
        if registration.already:
            return Finding(
                about,
                State.WRONG,
                f"other addresses are registered already ({registration.detail}).",
                "Delete them in the Daraja portal (self services, URL management), then run this again.",
            )
        return Finding(
            about,
            State.WRONG,
            f"Safaricom refuses the addresses ({registration.detail}).",
            "Ask apisupport@safaricom.co.ke, with that text.",
        )

    def register_pull(self, phone_number: str) -> Finding:
        about = "list of received payments"
        # Nothing is ever posted there, but the request must name an address.
        callback_url = f"{settings.PUBLIC_BASE_URL}/api/payments/result/{secrets.token_hex(16)}/"
        try:
            registered = self.provider.register_pull(phone_number, callback_url)
        except ProviderUnavailable as error:
            return Finding(about, State.NOT_CHECKED, f"Safaricom gave no sensible answer ({error}).", "Try again.")
        if registered:
            return Finding(about, State.OK, "the shortcode is registered.")
        return Finding(
            about,
            State.WRONG,
            "Safaricom does not register the shortcode.",
            "It takes a live shortcode, the product Pull Transactions on the app, and the phone that Safaricom has.",
        )

    def ask_balance(self) -> Finding:
        about = "initiator"
        if check_c2b_secret(self.provider.settings).state != State.OK:
            return Finding(about, State.WRONG, "cannot be answered without a secret.", "Set MPESA_C2B_SECRET.")
        result_url = settings.PUBLIC_BASE_URL + reverse("till-answer", args=[self.provider.settings["C2B_SECRET"]])
        started = timezone.now()
        try:
            conversation = self.provider.ask_balance(result_url)
        except ProviderUnavailable as error:
            return Finding(
                about,
                State.WRONG,
                f"M-PESA did not take the question ({error}).",
                "Try again; if it stays so, ask apisupport@safaricom.co.ke whether the app may use Account Balance.",
            )
        if not conversation:
            return Finding(about, State.WRONG, "there is none.", "Set MPESA_INITIATOR_NAME and the credential.")
        self.stdout.write("M-PESA has taken the question for the balance; its answer may take a minute.")
        for _ in range(_BALANCE_LOOKS):
            time.sleep(_BALANCE_PAUSE)
            for event in ProviderEvent.objects.filter(
                provider="mpesa", kind=ProviderEvent.Kind.TRANSFER_RESULT, created_at__gte=started
            ):
                if finding := self.read_balance(about, bytes(event.body), conversation):
                    return finding
        return Finding(
            about,
            State.NOT_CHECKED,
            "M-PESA took the question, but no answer has come.",
            "If payments too stay open until they are asked about, Safaricom cannot reach PUBLIC_BASE_URL.",
        )

    def read_balance(self, about: str, body: bytes, conversation: str) -> Finding | None:
        """Return what a report says, None when it is another one's."""
        try:
            if read_result(body).originator_id != conversation:
                return None
        except UnreadableEvent:
            return None
        result, accounts = self.provider.read_balance_result(body)
        if result.code != "0":
            says = FAILURES.get(result.code, result.detail)
            return Finding(
                about,
                State.WRONG,
                f"M-PESA answered with code {result.code}: {says}.",
                "See name, password and roles of the API operator in the M-PESA portal.",
            )
        for account in accounts:
            self.stdout.write(f"{'':<12} {account.name}: {account.currency} {account.current:,.2f}")
        return Finding(about, State.OK, "M-PESA takes name and credential.")

    def push(self, phone_number: str) -> Finding:
        about = "test payment"
        question = f"Ask {mask_phone(phone_number)} to pay KES 1? Real money moves, in the sandbox too. [yes/no] "
        if not _says_yes(question):
            return Finding(about, State.NOT_CHECKED, "not made.")
        reference = f"check-{secrets.token_hex(8)}"
        request = InitiateRequest(
            reference=reference,
            order_number="TEST",
            amount=Decimal(1),
            currency="KES",
            method="mpesa",
            phone_number=phone_number,
            email="",
            # Of no attempt, so its callback is refused; the question below tells the end.
            callback_url=f"{settings.PUBLIC_BASE_URL}/api/payments/mpesa/callback/{secrets.token_hex(16)}/",
            return_url="",
        )
        try:
            sent = self.provider.initiate(request)
        except ProviderUnavailable as error:
            return Finding(
                about, State.NOT_CHECKED, f"nobody knows whether the phone was asked ({error}).", "Look at the phone."
            )
        if not sent.accepted:
            return Finding(about, State.WRONG, f"M-PESA refused it ({sent.outcome.name}).", sent.detail)
        self.stdout.write("The phone is asked. Enter the PIN there; this takes up to two minutes.")
        return self.wait_for_end(about, reference, sent.provider_reference)

    def wait_for_end(self, about: str, reference: str, provider_reference: str) -> Finding:
        waited = 0
        for moment in _ASK_AT:
            time.sleep(moment - waited)
            waited = moment
            facts = AttemptFacts(reference, provider_reference, Decimal(1), "KES", "mpesa", float(moment))
            try:
                result = self.provider.query(facts)
            except ProviderUnavailable:
                continue
            if result.verdict == Verdict.SUCCEEDED:
                return Finding(
                    about,
                    State.OK,
                    "KES 1 was paid.",
                    "Pay an order next: that shows that callbacks arrive too. This KES 1 belongs to no order.",
                )
            if result.verdict == Verdict.FAILED:
                alert = result.outcome.alert
                return Finding(
                    about,
                    State.WRONG if alert else State.NOT_CHECKED,
                    f"it ended with {result.outcome.name} (code {result.result_code}).",
                    result.detail if alert else result.outcome.advice,
                )
        return Finding(about, State.NOT_CHECKED, "M-PESA has not said how it ended.", "Look at the phone's messages.")


def _phone(text: str) -> str:
    try:
        return normalise_phone(text)
    except InvalidPhoneNumber:
        raise CommandError(f"{text!r} is not a phone number; write it like 0712345678.") from None


def _says_yes(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("yes", "y", "ndio")
    except EOFError:  # nobody is there to answer
        return False


def _shown(url: str) -> str:
    """Return an address without its secret."""
    return url.rsplit("/", 3)[0] + "/…"
