import pytest
from django.contrib.auth.models import Permission
from django.core import mail

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.sellers.models import SellerProfile
from tests.accounts.sellers.selling import APPLICATION, Status, applicant, decide, seller
from tests.admin_pages import address, told
from tests.clients import client_for
from tests.factories import PASSWORD, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db
KINDS = SecurityEvent.Kind
REASON = {"reason": "The phones were not new."}


def url(what):
    return f"/api/sellers/mama-njeri-electronics/{what}/"


def code(response):
    return response.json()["errors"][0]["code"]


@pytest.fixture
def admin(db):
    return UserFactory(is_staff=True, role=User.Role.ADMIN, email="boss@example.com")


@pytest.fixture
def waiting(db):
    user = applicant(email="njeri@example.com")
    client_for(user).post("/api/sellers/", APPLICATION, format="json")
    return user


def test_approval_gives_the_role_ends_what_is_open_tells_and_leaves_a_trail(waiting, admin, run_owed_work):
    before = client_for(waiting)
    response = client_for(admin).post(url("approve"), {}, format="json")
    assert (response.status_code, response.json()["status"]) == (200, "approved")
    waiting.refresh_from_db()
    assert waiting.role == User.Role.SELLER
    assert before.get("/api/users/profile/").status_code == 401
    profile = SellerProfile.objects.get()
    assert (profile.decided_by, profile.decided_at is not None) == (admin, True)
    trail = SecurityEvent.objects.filter(user=waiting, actor=admin).values_list("kind", flat=True)
    assert set(trail) == {KINDS.SELLER_APPROVED, KINDS.ROLES_CHANGED}
    run_owed_work()
    assert ["You can sell" in message.subject for message in mail.outbox] == [True]


def test_rejection_says_why(waiting, admin, run_owed_work):
    response = client_for(admin).post(url("reject"), REASON, format="json")
    assert (response.status_code, response.json()["reason"]) == (200, REASON["reason"])
    run_owed_work()
    assert [REASON["reason"] in message.body for message in mail.outbox] == [True]
    waiting.refresh_from_db()
    assert waiting.role == User.Role.CUSTOMER
    assert client_for(waiting).get("/api/sellers/me/").json()["reason"] == REASON["reason"]


def test_decision_from_another_status_is_refused_with_what_is_allowed(waiting, admin, run_owed_work):
    client = client_for(admin)
    assert client.post(url("approve"), {}, format="json").status_code == 200
    again = client.post(url("approve"), {}, format="json")
    assert (again.status_code, code(again), again.json()["allowed"]) == (409, "invalid_seller_decision", ["suspended"])
    rejected = client.post(url("reject"), REASON, format="json")
    assert (rejected.status_code, SellerProfile.objects.get().status) == (409, "approved")
    run_owed_work()
    assert len(mail.outbox) == 1
    assert SecurityEvent.objects.filter(kind=KINDS.SELLER_APPROVED).count() == 1


@pytest.mark.parametrize("what", ["reject", "suspend"])
def test_harsh_decisions_need_a_reason(waiting, admin, what):
    response = client_for(admin).post(url(what), {"reason": " "}, format="json")
    assert (response.status_code, SellerProfile.objects.get().status) == (400, "applied")


def test_nobody_approves_themselves_even_with_the_right(waiting):
    waiting.is_staff = True
    waiting.save()
    waiting.user_permissions.add(*Permission.objects.filter(codename__endswith="sellerprofile"))
    response = client_for(waiting).post(url("approve"), {}, format="json")
    assert (response.status_code, code(response)) == (409, "seller_refused")
    waiting.refresh_from_db()
    assert (SellerProfile.objects.get().status, waiting.role) == ("applied", User.Role.CUSTOMER)


def test_staff_without_the_right_and_stale_log_ins_decide_nothing(waiting, admin, settings):
    clerk = UserFactory(is_staff=True)
    assert client_for(clerk).post(url("approve"), {}, format="json").status_code == 403
    assert client_for(clerk).get("/api/sellers/").status_code == 403
    client = client_for(admin)
    settings.FRESH_LOG_IN = settings.FRESH_LOG_IN * 0
    response = client.post(url("approve"), {}, format="json")
    assert (response.status_code, code(response)) == (403, "fresh_log_in_required")
    assert SellerProfile.objects.get().status == "applied"


def test_who_became_an_admin_or_was_shut_out_meanwhile_is_not_approved(waiting, admin):
    User.objects.filter(pk=waiting.pk).update(is_active=False)
    assert client_for(admin).post(url("approve"), {}, format="json").status_code == 409
    User.objects.filter(pk=waiting.pk).update(is_active=True, role=User.Role.ADMIN)
    assert client_for(admin).post(url("approve"), {}, format="json").status_code == 409
    waiting.refresh_from_db()
    assert (waiting.role, SellerProfile.objects.get().status) == (User.Role.ADMIN, "applied")


def test_role_is_not_given_around_a_suspension(admin):
    user = seller()
    decide(user, Status.SUSPENDED)
    response = client_for(admin).put(f"/api/users/{user.pk}/roles/", {"roles": ["seller"]}, format="json")
    assert (response.status_code, code(response)) == (409, "roles_refused")
    user.refresh_from_db()
    assert user.role == User.Role.CUSTOMER


def test_list_is_the_work_of_staff(waiting, admin):
    seller("Another", phone="+254700000001")
    found = client_for(admin).get("/api/sellers/?status=applied").json()
    assert [row["user"]["email"] for row in found["results"]] == ["njeri@example.com"]
    assert client_for(admin).get("/api/sellers/?search=another").json()["count"] == 1
    assert client_for(admin).get("/api/sellers/?status=odd").status_code == 400


def test_two_decisions_at_once_leave_one(together):
    user = applicant()
    client_for(user).post("/api/sellers/", APPLICATION, format="json")
    clients = [client_for(UserFactory(is_staff=True, role=User.Role.ADMIN)) for _ in range(4)]
    whats = ["approve", "reject", "approve", "reject"]
    calls = [
        lambda c=c, w=w: c.post(url(w), REASON, format="json").status_code for c, w in zip(clients, whats, strict=True)
    ]
    assert sorted(together(*calls)) == [200, 409, 409, 409]
    user.refresh_from_db()
    assert (user.role == User.Role.SELLER) == (SellerProfile.objects.get().status == "approved")
    decisions = [KINDS.SELLER_APPROVED, KINDS.SELLER_REJECTED]
    assert SecurityEvent.objects.filter(kind__in=decisions).count() == 1


# --- In the admin ----------------------------------------------------------------------------------------------


def test_admin_page_lists_who_waits_and_decides(waiting, client, run_owed_work):
    boss = UserFactory(is_staff=True, is_superuser=True, role=User.Role.ADMIN)
    client.force_login(boss)
    assert b"Applications to sell" in client.get("/admin/").content
    assert b"Mama Njeri" in client.get("/admin/accounts/sellerprofile/?status__exact=applied").content
    profile = SellerProfile.objects.get()
    page = client.get(f"/admin/accounts/sellerprofile/{profile.pk}/change/").content
    assert b"678" in page
    assert b"254712345678" not in page.replace(profile.contact_phone.encode(), b"")
    url = address("accounts_sellerprofile_reject", profile)
    assert client.post(url, {"reason": ""}).status_code == 200
    profile.refresh_from_db()
    assert profile.status == "applied"
    client.post(url, {"reason": "No shop there."})
    profile.refresh_from_db()
    assert (profile.status, profile.reason, profile.decided_by) == ("rejected", "No shop there.", boss)


def test_admin_decides_only_after_a_fresh_log_in(waiting, client, settings):
    client.force_login(UserFactory(is_staff=True, is_superuser=True, role=User.Role.ADMIN))
    settings.FRESH_LOG_IN = settings.FRESH_LOG_IN * 0
    profile = SellerProfile.objects.get()
    response = client.post(address("accounts_sellerprofile_approve", profile), {})
    assert "fresh log-in" in told(response)[0]
    profile.refresh_from_db()
    assert profile.status == "applied"


# --- What is sold ----------------------------------------------------------------------------------------------


def test_erasure_takes_the_profile_along_when_nothing_is_sold(waiting, run_owed_work):
    assert client_for(waiting).post("/api/users/erase/", {"password": PASSWORD}, format="json").status_code < 300
    run_owed_work()
    assert not SellerProfile.objects.exists()


def test_seller_with_products_is_not_erased(db):
    user = seller()
    ProductFactory(seller=user)
    response = client_for(user).post("/api/users/erase/", {"password": PASSWORD}, format="json")
    assert (response.status_code, SellerProfile.objects.count()) == (409, 1)
