import pytest

from catalog.models import Brand
from catalog.taxonomy.services import merge_brands
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, told
from tests.factories import BrandFactory, ProductFactory

pytestmark = pytest.mark.django_db

BRANDS = address("catalog_brand_changelist")


def test_brand_is_merged_after_a_question(staff):
    gone, kept = BrandFactory(name="Coolermaster"), BrandFactory(name="Cooler Master")
    product = ProductFactory(brand=gone)
    client, page = logged_in(staff), address("catalog_brand_merge", gone)

    asked = client.get(page)
    before = Brand.objects.get(pk=gone.pk).merged_into_id
    answer = client.post(page, {"into": str(kept.pk)})

    product.refresh_from_db()
    assert (asked.status_code, before, told(answer)) == (200, None, ["Has become part of Cooler Master."])
    assert (product.brand_id, listed(client.get(BRANDS))) == (kept.pk, [kept])
    assert "Coolermaster" in client.get(address("catalog_brand_change", kept)).content.decode()


def test_merge_that_makes_no_sense_is_told_and_changes_nothing(staff):
    brand, former = BrandFactory(), BrandFactory()
    merge_brands(former.pk, into=brand.pk)
    client, page = logged_in(staff), address("catalog_brand_merge", brand)

    itself, not_a_brand = client.post(page, {"into": str(brand.pk)}), client.post(page, {"into": str(former.pk)})

    assert told(itself) == ["A brand cannot become part of itself."]
    assert "Select a valid choice" in not_a_brand.content.decode()
    assert Brand.objects.get(pk=brand.pk).merged_into_id is None


def test_merging_is_for_those_who_may_change_and_delete():
    gone, kept = BrandFactory(), BrandFactory()
    client = logged_in(member_of_staff("catalog.change_brand"))

    answer = client.post(address("catalog_brand_merge", gone), {"into": str(kept.pk)})

    assert (answer.status_code, offered(client, address("catalog_brand_change", gone))) == (403, [])
    assert Brand.objects.get(pk=gone.pk).merged_into_id is None
