"""Do the settings work? One finding for each, in words for the shop's owner."""

import base64
import binascii
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from payments.exceptions import ProviderUnavailable
from payments.providers.mpesa import stk
from payments.providers.mpesa.c2b import forbidden_words
from payments.providers.mpesa.client import DarajaAnswer, KeysRefused
from payments.providers.mpesa.provider import MpesaProvider

LIVE_HOST, SANDBOX_HOST = "api.safaricom.co.ke", "sandbox.safaricom.co.ke"
_SANDBOX_SHORTCODE = "174379"

# Well formed, and of a day on which nobody pushed anything: a question about it shows whether M-PESA takes our
# shortcode and passkey, and prompts nobody.
_IMPOSSIBLE_CHECKOUT = "ws_CO_01012000000000000700000000"

_DIGITS = re.compile(r"[0-9]{5,7}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,100}")
_LEAST_CREDENTIAL = 128  # bytes: an RSA key of 1024 bits


class State(StrEnum):
    OK = "ok"
    WRONG = "WRONG"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    about: str
    state: State
    says: str
    advice: str = ""


def _ok(about: str, says: str, advice: str = "") -> Finding:
    return Finding(about, State.OK, says, advice)


def _wrong(about: str, says: str, advice: str) -> Finding:
    return Finding(about, State.WRONG, says, advice)


def _unchecked(about: str, says: str, advice: str = "") -> Finding:
    return Finding(about, State.NOT_CHECKED, says, advice)


def examine(provider: MpesaProvider, public_url: str) -> Iterator[Finding]:
    """Look at everything that can be looked at without prompting anybody or moving money; four requests at most."""
    yield check_environment(provider.settings)
    yield check_shortcode(provider.settings)
    keys = check_keys(provider)
    yield keys
    if keys.state == State.OK:
        yield check_passkey(provider)
    else:
        yield _unchecked("passkey", "cannot be tried before the keys work.")
    yield check_address(provider.settings, public_url)
    yield check_initiator(provider)
    yield check_c2b_secret(provider.settings)


def _is_safaricom(settings: Mapping[str, Any]) -> bool:
    return urlsplit(settings["BASE_URL"]).hostname in (LIVE_HOST, SANDBOX_HOST)


def check_environment(settings: Mapping[str, Any]) -> Finding:
    host = urlsplit(settings["BASE_URL"]).hostname
    if host == LIVE_HOST:
        return _ok("MPESA_BASE_URL", "the live M-PESA. Payments move real money.")
    if host == SANDBOX_HOST:
        return _ok(
            "MPESA_BASE_URL",
            "Safaricom's sandbox, for trying out.",
            f"To be paid, set it to https://{LIVE_HOST} and use the keys, shortcode and passkey of the live app.",
        )
    if not host:
        return _wrong("MPESA_BASE_URL", "is not set.", f"Set it to https://{LIVE_HOST}.")
    return _ok("MPESA_BASE_URL", f"{host}: not Safaricom, but something that stands in for it.")


def check_shortcode(settings: Mapping[str, Any]) -> Finding:
    about, shortcode, till = "shortcode", settings["SHORTCODE"], settings["TILL_NUMBER"]
    is_till = settings["TRANSACTION_TYPE"] == "CustomerBuyGoodsOnline"
    if not _DIGITS.fullmatch(shortcode):
        return _wrong(
            about,
            "MPESA_SHORTCODE is not 5 to 7 digits." if shortcode else "MPESA_SHORTCODE is not set.",
            "Set it to your paybill number; for a till, to the store (head office) number from Safaricom's mail.",
        )
    if shortcode == _SANDBOX_SHORTCODE and urlsplit(settings["BASE_URL"]).hostname == LIVE_HOST:
        return _wrong(about, f"{shortcode} is the sandbox's.", "Set MPESA_SHORTCODE to your own paybill number.")
    if is_till and not _DIGITS.fullmatch(till):
        return _wrong(
            about,
            "MPESA_TRANSACTION_TYPE says till, but MPESA_TILL_NUMBER is not 5 to 7 digits.",
            "Set MPESA_TILL_NUMBER to the number that customers see, and MPESA_SHORTCODE to the store number.",
        )
    if till and not is_till:
        return _wrong(
            about,
            "MPESA_TILL_NUMBER is set, but MPESA_TRANSACTION_TYPE says paybill.",
            "For a till set MPESA_TRANSACTION_TYPE=CustomerBuyGoodsOnline; for a paybill remove MPESA_TILL_NUMBER.",
        )
    if is_till and till == shortcode:
        return _unchecked(
            about,
            f"till {till} and store number are the same, which is rare.",
            "If payments end with code 2028 or 2029, ask Safaricom for the store (head office) number of the till.",
        )
    kind = f"till {till} of the store number {shortcode}" if is_till else f"paybill {shortcode}"
    return _ok(about, f"{kind}.")


def check_keys(provider: MpesaProvider) -> Finding:
    about = "consumer key and secret"
    if not (provider.settings["CONSUMER_KEY"] and provider.settings["CONSUMER_SECRET"]):
        return _wrong(
            about,
            "MPESA_CONSUMER_KEY or MPESA_CONSUMER_SECRET is not set.",
            "Copy both from your app at developer.safaricom.co.ke.",
        )
    try:
        provider.client.renew_token()
    except KeysRefused:
        return _wrong(
            about,
            "Safaricom refuses them.",
            "Copy both again from your app at developer.safaricom.co.ke; a live app and a sandbox app have their own.",
        )
    except ProviderUnavailable as error:
        return _unchecked(about, f"Safaricom gave no sensible answer ({error}).", "Try again in a few minutes.")
    return _ok(about, "Safaricom gives a token for them.")


def check_passkey(provider: MpesaProvider) -> Finding:
    """Ask about a push that never was: the refusal tells what M-PESA thinks of shortcode and passkey."""
    about = "passkey"
    if not provider.settings["PASSKEY"]:
        return _wrong(about, "MPESA_PASSKEY is not set.", "Safaricom mails it when the app goes live.")
    body = {**stk.signature(provider.settings), "CheckoutRequestID": _IMPOSSIBLE_CHECKOUT}
    try:
        answer = provider.client.post(stk.QUERY_PATH, body)
        if not answer.error_message:  # the sandbox answers so now and then, and not the next time
            answer = provider.client.post(stk.QUERY_PATH, body)
    except ProviderUnavailable as error:
        return _unchecked(about, f"M-PESA gave no sensible answer ({error}).", "Try again in a few minutes.")
    return _passkey_finding(about, answer)


def _passkey_finding(about: str, answer: DarajaAnswer) -> Finding:
    message = answer.error_message.lower()
    if answer.product_missing:
        return _wrong(
            about,
            "the Daraja app may not use M-Pesa Express (STK push).",
            "Add the product to the app at developer.safaricom.co.ke.",
        )
    if "wrong credentials" in message:
        return _wrong(
            about,
            "M-PESA refuses it for this shortcode.",
            "Copy MPESA_PASSKEY again from Safaricom's mail; it belongs to one shortcode, and live is not sandbox. "
            "If it is right, set the computer's clock.",
        )
    if "merchant does not exist" in message or "businessshortcode" in message:
        return _wrong(
            about,
            "M-PESA does not know the shortcode.",
            "Set MPESA_SHORTCODE to the paybill, or the till's store number, for which M-Pesa Express was approved.",
        )
    if "timestamp" in message:
        return _wrong(about, "M-PESA refuses the time of the request.", "Set the computer's clock.")
    if "does not exist" in message or "checkoutrequestid" in message or "being processed" in message:
        return _ok(
            about, "M-PESA takes it with this shortcode.", "--push with your own phone number proves it with KES 1."
        )
    return _unchecked(
        about, f"M-PESA answered {answer.status} {answer.detail or 'nothing'}.", "Try again in a few minutes."
    )


def check_address(settings: Mapping[str, Any], public_url: str) -> Finding:
    """Tell whether Safaricom can call us, as far as that can be told from here."""
    about = "PUBLIC_BASE_URL"
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if not _is_safaricom(settings):
        return _unchecked(about, f"{public_url}: Safaricom is not asked to call it.")
    if words := forbidden_words(public_url):
        return _wrong(
            about,
            f"{public_url} holds {', '.join(words)}, for which Safaricom refuses addresses.",
            "Use another host name.",
        )
    if parts.netloc != parts.netloc.lower():
        return _wrong(about, f"{public_url} has capital letters.", "Write it in lower case.")
    if parts.scheme != "https":
        return _wrong(
            about,
            f"{public_url} is not https, so Safaricom does not call it.",
            "Put the shop behind https, with a certificate that browsers accept.",
        )
    addresses = _addresses(host)
    if not addresses:
        return _wrong(about, f"{host} has no address on the internet.", "Enter the host name in your DNS.")
    if private := [address for address in addresses if not ip_address(address).is_global]:
        return _wrong(
            about,
            f"{host} is {private[0]}, which only your own network can reach.",
            "Use a host name that leads to the shop from anywhere; callbacks do not arrive otherwise.",
        )
    return _ok(about, f"{public_url} can be found on the internet.", "Open it on a phone without Wi-Fi to be sure.")


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def check_initiator(provider: MpesaProvider) -> Finding:
    about = "initiator"
    name, credential = provider.initiator.name, provider.initiator.credential
    if not name and not credential:
        return _unchecked(
            about,
            "none is set: refunds and payouts are made by hand.",
            "For automatic ones set MPESA_INITIATOR_NAME and MPESA_SECURITY_CREDENTIAL.",
        )
    if not (name and credential):
        missing = "MPESA_SECURITY_CREDENTIAL" if name else "MPESA_INITIATOR_NAME"
        return _wrong(about, f"{missing} is not set.", "It takes both, or none.")
    if not _is_credential(credential) and _is_safaricom(provider.settings):
        return _wrong(
            about,
            "MPESA_SECURITY_CREDENTIAL is not an encrypted password.",
            "Make it with: python manage.py mpesa_security_credential <Safaricom's certificate>",
        )
    if provider.settings["B2C_SHORTCODE"] and not _DIGITS.fullmatch(provider.settings["B2C_SHORTCODE"]):
        return _wrong(about, "MPESA_B2C_SHORTCODE is not 5 to 7 digits.", "Set it to the shortcode that pays out.")
    if provider.initiator.is_stopped:
        return _wrong(
            about,
            "M-PESA has refused it twice, so it is not used any more.",
            "Set a new password for the operator in the M-PESA portal, then a new MPESA_SECURITY_CREDENTIAL; or, when "
            "the operator was only locked and is unlocked, run this with --retry-initiator.",
        )
    return _unchecked(
        about, f"{name}: the credential has the right form.", "--balance tries it, with a question for the balance."
    )


def _is_credential(credential: str) -> bool:
    try:
        return len(base64.b64decode(credential, validate=True)) >= _LEAST_CREDENTIAL
    except (binascii.Error, ValueError):
        return False


def check_c2b_secret(settings: Mapping[str, Any]) -> Finding:
    about, secret = "MPESA_C2B_SECRET", settings["C2B_SECRET"]
    advice = 'Make one with: python -c "import secrets; print(secrets.token_hex(16))"'
    if not secret:
        return _unchecked(about, "is not set: paybill and till payments are only claims until a statement.", advice)
    if words := forbidden_words(secret):
        return _wrong(about, f"holds {', '.join(words)}, for which Safaricom refuses addresses.", advice)
    if not _SECRET.fullmatch(secret):
        return _wrong(about, "must be 16 to 100 letters and digits.", advice)
    return _ok(about, "has the right form.", "Once, --register-c2b tells Safaricom the addresses with it.")
