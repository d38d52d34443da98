"""Mail and text messages in the language of their reader."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.translation import get_language

from accounts import services
from accounts.mail import mail_to
from accounts.models import User
from accounts.notifications import send_account_news
from accounts.otp.models import OneTimeCode
from accounts.otp.texts import text_of
from accounts.profiles.models import Profile
from ecommerce.mail import send_template
from tests.clients import client_for
from tests.factories import UserFactory

MAILS = Path(__file__).parents[2] / "ecommerce" / "templates" / "mail" / "accounts"
NAMES = sorted(str(path.relative_to(MAILS))[:-4] for path in MAILS.rglob("*.txt") if ".sw." not in path.name)
PHONE, EMAIL = "+254712345678", "wanjiku@example.com"

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    """Somebody who reads Swahili, and has said so over the API."""
    user = UserFactory(email=EMAIL, phone_number=PHONE, phone_verified_at=timezone.now(), first_name="Wanjiku")
    assert client_for(user).patch("/api/users/profile/", {"language": "sw"}).status_code == 200
    return user


def variables(path: Path) -> set[str]:
    return set(re.findall(r"{{ .*? }}", path.read_text()))


@pytest.mark.parametrize("name", NAMES)
def test_every_mail_about_accounts_says_the_same_in_swahili(name):
    english, swahili = MAILS / f"{name}.txt", MAILS / f"{name}.sw.txt"

    assert variables(swahili) == variables(english)
    assert len(swahili.read_text().strip().split("\n\n")) == len(english.read_text().strip().split("\n\n"))


def test_mails_speak_the_language_of_the_profile(reader, mailoutbox, run_owed_work, api_client):
    english = UserFactory(email="juma@example.com")
    for user in (reader, english):
        services.send_verification_mail(str(user.pk))
        services.send_notice(str(user.pk), "password_changed")
        api_client.post("/api/auth/password/reset/", {"email": user.email})
    run_owed_work()

    subjects = {to: [mail.subject for mail in mailoutbox if mail.to == [to]] for to in (EMAIL, "juma@example.com")}

    assert subjects[EMAIL] == [
        "Thibitisha anwani yako ya barua pepe kwa ByteMtaani",
        "Nenosiri lako la ByteMtaani limebadilishwa",
        "Nenosiri jipya la ByteMtaani",
    ]
    assert subjects["juma@example.com"] == [
        "Confirm your e-mail address for ByteMtaani",
        "Your password for ByteMtaani was changed",
        "A new password for ByteMtaani",
    ]


def test_link_and_code_of_a_swahili_mail_work(reader, mailoutbox, api_client):
    services.send_verification_mail(str(reader.pk))
    [digits] = re.findall(r"^[0-9]{6}$", mailoutbox[0].body, re.MULTILINE)

    answer = api_client.post("/api/auth/email/verify/", {"email": EMAIL, "code": digits})

    assert answer.status_code == 200
    assert "kwa saa 24; msimbo mara moja, kwa dakika 60" in mailoutbox[0].body


def test_mail_to_a_former_address_speaks_its_readers_language_too(reader, mailoutbox):
    mail_to(reader, "email_changed", to="former@example.com")

    assert (mailoutbox[0].to, "imebadilishwa" in mailoutbox[0].subject) == (["former@example.com"], True)


def test_months_speak_the_language_of_the_mail_and_of_nothing_else(reader, mailoutbox):
    happened = datetime(2026, 7, 3, 9, 0, tzinfo=UTC).isoformat()

    for user in (reader, UserFactory()):
        send_account_news(str(user.pk), "second_factor_added", {}, happened)

    assert "tarehe 3 Julai 2026, 09:00" in mailoutbox[0].body
    assert "on 3 July 2026, 09:00" in mailoutbox[1].body
    assert get_language() == "en"


def test_mail_that_was_not_translated_is_english_down_to_its_months(mailoutbox, tmp_path, settings):
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "plain.txt").write_text('News\n\nOn {{ day|date:"j F Y" }}.')
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]

    send_template("plain", to=EMAIL, context={"day": datetime(2026, 7, 3, tzinfo=UTC)}, language="sw")

    assert (mailoutbox[0].subject, mailoutbox[0].body) == ("News", "On 3 July 2026.\n")


# --- Text messages ------------------------------------------------------------------------------------------------


def test_codes_speak_the_language_of_whose_number_it_is(reader, phones, api_client):
    for number in (PHONE, "+254722000111"):
        api_client.post("/api/auth/otp/", {"phone_number": number})
    api_client.post("/api/auth/password/reset/", {"phone_number": PHONE})
    phones.run_owed_work()

    texts = [(number, re.sub(r"^[0-9]{6}", "######", text)) for number, text in phones.sent]

    warning = "Unatumika kwa dakika 5. Usimpe mtu yeyote, hata sisi."
    assert sorted(texts) == [
        (PHONE, f"###### ni msimbo wako wa ByteMtaani wa kuingia. {warning}"),
        (PHONE, f"###### ni msimbo wako wa ByteMtaani wa nenosiri jipya. {warning}"),
        (
            "+254722000111",
            "###### is your ByteMtaani code to log in. It is good for 5 minutes. Tell it to nobody, not even to us.",
        ),
    ]


def test_number_that_somebody_only_wrote_down_gets_no_message_in_their_language(phones, api_client):
    user = UserFactory(phone_number=PHONE)
    Profile.objects.create(user=user, language="sw")

    api_client.post("/api/auth/otp/", {"phone_number": PHONE})
    phones.run_owed_work()

    assert " is your ByteMtaani code" in phones.sent[0][1]
    assert User.objects.count() == 1


def test_code_that_confirms_a_new_number_speaks_to_who_asked(reader, phones):
    body = {"phone_number": "+254722000111", "password": "maji-ya-chai-7"}

    assert client_for(reader).post("/api/users/phone/", body).status_code == 200
    phones.run_owed_work()

    assert "wa kuthibitisha namba hii" in phones.sent[0][1]


@pytest.mark.parametrize("language", Profile.Language.values)
@pytest.mark.parametrize("purpose", ["log_in", "phone", "reset"])
def test_each_text_fits_into_one_message(language, purpose):
    text = text_of(OneTimeCode.Purpose(purpose), "123456", language=language)

    assert (text.isascii(), len(text) <= 160, text.startswith("123456 ")) == (True, True, True)
