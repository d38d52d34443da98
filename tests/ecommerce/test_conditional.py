import pytest
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http import ConditionalMixin, version_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
ITEM = {"status": "pending", "amount": "1500.00"}


class ItemView(ConditionalMixin, APIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        response = Response(ITEM, headers={"X-Other": "1"})
        response.set_cookie("seen", "1")
        return response

    def post(self, request: Request) -> Response:
        return Response(ITEM)


class LostView(ItemView):
    def get(self, request: Request) -> Response:
        return Response(ITEM, status=202)


urlpatterns = [path("api/item/", ItemView.as_view()), path("api/lost/", LostView.as_view())]


def test_answer_carries_a_weak_tag_of_its_body(api_client):
    answer = api_client.get("/api/item/")

    assert (answer.status_code, answer.json()) == (200, ITEM)
    assert answer["ETag"] == f'W/"{version_of(answer.content)}"'
    assert api_client.get("/api/item/")["ETag"] == answer["ETag"]


def test_tag_changes_with_the_body(api_client, monkeypatch):
    before = api_client.get("/api/item/")["ETag"]
    monkeypatch.setitem(ITEM, "status", "successful")

    answer = api_client.get("/api/item/", HTTP_IF_NONE_MATCH=before)

    assert (answer.status_code, answer.json()["status"]) == (200, "successful")
    assert answer["ETag"] != before


@pytest.mark.parametrize("form", ["{}", '"other", {}', "*", "strong"])
def test_client_that_has_the_body_gets_an_empty_304(api_client, form):
    tag = api_client.get("/api/item/")["ETag"]
    known = tag.removeprefix("W/") if form == "strong" else form.format(tag)

    answer = api_client.get("/api/item/", HTTP_IF_NONE_MATCH=known)

    assert (answer.status_code, answer.content) == (304, b"")
    assert (answer["ETag"], answer["Cache-Control"], answer.cookies["seen"].value) == (tag, "no-store", "1")
    assert "X-Request-Id" in answer
    assert "Content-Type" not in answer
    assert "X-Other" not in answer


@pytest.mark.parametrize("known", ['"other"', "not a tag", "", 'W/"'])
def test_other_tags_and_nonsense_get_the_body(api_client, known):
    answer = api_client.get("/api/item/", HTTP_IF_NONE_MATCH=known)

    assert (answer.status_code, answer.json()) == (200, ITEM)


def test_head_is_answered_alike(api_client):
    tag = api_client.get("/api/item/")["ETag"]

    assert api_client.head("/api/item/")["ETag"] == tag
    assert api_client.head("/api/item/", HTTP_IF_NONE_MATCH=tag).status_code == 304


def test_writes_and_other_statuses_have_no_tag(api_client):
    written = api_client.post("/api/item/", {}, HTTP_IF_NONE_MATCH="*")
    lost = api_client.get("/api/lost/", HTTP_IF_NONE_MATCH="*")

    assert [(answer.status_code, "ETag" in answer) for answer in (written, lost)] == [(200, False), (202, False)]
