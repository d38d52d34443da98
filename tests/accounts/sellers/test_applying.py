from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.sellers.models import PayoutDestination, SellerProfile
from accounts.sellers.selectors import destination_of
from tests.accounts.sellers.selling import APPLICATION, Status, applicant, decide, seller
from tests.clients import client_for
from tests.factories import UserFactory
from tests.racing import at_once

pytestmark = pytest.mark.django_db
URL = "/api/sellers/"
OWN = "/api/sellers/me/"
KINDS = SecurityEvent.Kind


def code(response):
    return response.json()["errors"][0]["code"]


def test_user_applies_and_waits():
    user = applicant()
    response = client_for(user).post(URL, APPLICATION, format="json")
    assert response.status_code == 201
    body = response.json()
    assert {name: body[name] for name in ("display_name", "url_key", "county", "status", "contact_phone")} == {
        "display_name": "Mama Njeri Electronics",
        "url_key": "mama-njeri-electronics",
        "county": "Nairobi",
        "status": "applied",
        "contact_phone": "+254712345678",
    }
    assert (body["payout"]["method"], body["payout"]["ends_with"]) == ("mpesa", "678")
    assert "254712345678" not in str(body["payout"])
    user.refresh_from_db()
    assert user.role == User.Role.CUSTOMER
    assert SecurityEvent.objects.filter(kind=KINDS.SELLER_APPLIED, user=user).count() == 1


def test_second_application_is_refused_and_changes_nothing():
    client = client_for(applicant())
    client.post(URL, APPLICATION, format="json")
    response = client.post(URL, APPLICATION | {"display_name": "Somebody Else"}, format="json")
    assert (response.status_code, code(response)) == (409, "already_applied")
    assert SellerProfile.objects.get().display_name == "Mama Njeri Electronics"


def test_two_addresses_of_like_names_differ_and_own_words_are_kept():
    first = client_for(applicant()).post(URL, APPLICATION | {"display_name": "A. B. & C"}, format="json").json()
    second = client_for(applicant()).post(URL, APPLICATION | {"display_name": "A B C"}, format="json").json()
    me = client_for(applicant()).post(URL, APPLICATION | {"display_name": "M-E..", "county": "Kisumu"}, format="json")
    assert (first["url_key"], second["url_key"], me.json()["url_key"]) == ("a-b-c", "a-b-c-2", "m-e")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mama Njeri ЕlectronicsX", "invalid_name"),  # a Cyrillic letter
        ("Mama\u202eNjeri", "invalid_name"),
        ("ByteMtaani Official", "reserved_name"),
        ("Byte Mtaani", "reserved_name"),
        ("Support", "reserved_name"),
        ("...", "invalid_name"),
        ("x" * 81, "max_length"),
    ],
)
def test_names_that_pass_for_others_are_refused(name, expected):
    response = client_for(applicant()).post(URL, APPLICATION | {"display_name": name}, format="json")
    assert (response.status_code, code(response)) == (400, expected)
    assert not SellerProfile.objects.exists()


def test_name_of_another_in_any_case_or_width_is_taken():
    seller()
    fullwidth = "\uff2dama njeri electronics"
    response = client_for(applicant()).post(URL, APPLICATION | {"display_name": fullwidth}, format="json")
    assert (response.status_code, code(response)) == (400, "display_name_taken")
    assert SellerProfile.objects.count() == 1


@pytest.mark.parametrize(
    "payout",
    [
        {"method": "mpesa"},
        {"method": "mpesa", "phone_number": "0712345678", "bank_code": "68"},
        {"method": "bank", "bank_code": "68", "account_name": "Njeri"},
        {"method": "bank", "bank_code": "68", "account_number": "12; DROP", "account_name": "Njeri"},
        {"method": "cash"},
        {"method": "mpesa", "phone_number": "0712345678" * 10},
    ],
)
def test_payout_details_are_whole_or_refused(payout):
    response = client_for(applicant()).post(URL, APPLICATION | {"payout": payout}, format="json")
    assert response.status_code == 400
    assert not PayoutDestination.objects.exists()


def test_status_and_role_are_not_writable():
    user = applicant()
    client_for(user).post(URL, APPLICATION | {"status": "approved", "decided_by": str(user.pk)}, format="json")
    client_for(user).patch(OWN, {"status": "approved", "url_key": "bytemtaani", "role": "seller"}, format="json")
    profile = SellerProfile.objects.get()
    assert (profile.status, profile.url_key, profile.decided_by) == ("applied", "mama-njeri-electronics", None)


def test_who_has_nothing_confirmed_or_is_an_admin_does_not_apply():
    stranger = client_for(UserFactory()).post(URL, APPLICATION, format="json")
    assert (stranger.status_code, code(stranger)) == (409, "contact_unconfirmed")
    admin = client_for(applicant(role=User.Role.ADMIN, is_staff=True)).post(URL, APPLICATION, format="json")
    assert (admin.status_code, code(admin)) == (409, "seller_refused")
    assert not SellerProfile.objects.exists()


def test_who_was_rejected_applies_again_and_not_all_day():
    user = applicant()
    client = client_for(user)
    client.post(URL, APPLICATION, format="json")
    decide(user, Status.REJECTED)
    again = client.post(URL, APPLICATION | {"about": "Better now."}, format="json")
    assert (again.status_code, again.json()["status"], again.json()["reason"]) == (201, "applied", "")
    answers = [client.post(URL, APPLICATION, format="json").status_code for _ in range(4)]
    assert answers == [409, 409, 409, 429]


@pytest.mark.django_db(transaction=True)
def test_five_applications_at_once_are_one():
    user = applicant()
    clients = [client_for(user) for _ in range(5)]
    answers = at_once([lambda c=c: c.post(URL, APPLICATION, format="json").status_code for c in clients])
    assert sorted(answers) == [201, 409, 409, 409, 409]
    assert SellerProfile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_users_with_one_name_one_gets_it():
    clients = [client_for(applicant()) for _ in range(4)]
    answers = at_once([lambda c=c: c.post(URL, APPLICATION, format="json").status_code for c in clients])
    assert answers.count(201) == 1
    assert set(answers) <= {201, 400, 409}


# --- The own profile -------------------------------------------------------------------------------------------


def test_own_profile_is_shown_and_changed_and_nobody_elses():
    user = seller()
    assert client_for(applicant()).get(OWN).status_code == 404
    assert client_for(applicant()).patch(OWN, {"about": "Mine"}, format="json").status_code == 404
    client = client_for(user)
    response = client.patch(OWN, {"about": "Repairs, too.", "county": "047"}, format="json")
    assert (response.status_code, response.json()["about"], response.json()["county"]) == (
        200,
        "Repairs, too.",
        "Nairobi",
    )
    assert response.json()["display_name"] == "Mama Njeri Electronics"


def test_another_destination_is_held_and_told(run_owed_work, settings):
    settings.SELLER_PAYOUT_HOLD = timedelta(hours=72)
    user = seller()
    assert destination_of(user.pk) is not None
    run_owed_work()
    mail.outbox.clear()
    client = client_for(user)
    response = client.patch(OWN, {"payout": {"method": "mpesa", "phone_number": "0722000111"}}, format="json")
    assert response.status_code == 200
    run_owed_work()
    [told] = mail.outbox
    assert (told.to, "72 hours" in told.body) == ([user.email], True)
    assert "722000111" not in told.body
    assert destination_of(user.pk) is None
    later = timezone.now() + timedelta(hours=72, minutes=1)
    found = destination_of(user.pk, at=later)
    assert found is not None
    assert found.phone_number == "+254722000111"
    assert SecurityEvent.objects.filter(kind=KINDS.SELLER_PAYOUT_CHANGED, user=user).count() == 1


def test_same_destination_again_changes_nothing(run_owed_work):
    user = seller()
    run_owed_work()
    mail.outbox.clear()
    response = client_for(user).patch(OWN, {"payout": APPLICATION["payout"]}, format="json")
    run_owed_work()
    assert (response.status_code, response.json()["payout"]["held_until"], mail.outbox) == (200, None, [])


def test_another_destination_takes_a_fresh_log_in(settings):
    user = seller()
    client = client_for(user)
    settings.FRESH_LOG_IN = timedelta(0)
    sent = {"about": "Stolen", "payout": {"method": "mpesa", "phone_number": "0722000111"}}
    response = client.patch(OWN, sent, format="json")
    assert (response.status_code, code(response)) == (403, "fresh_log_in_required")
    assert PayoutDestination.objects.get(user=user).phone_number == "+254712345678"
    assert SellerProfile.objects.get().about == ""
    assert client.patch(OWN, {"about": "Not money"}, format="json").status_code == 200
