from django.urls import path
from rest_framework.routers import SimpleRouter

from catalog import views
from catalog.attributes.views import AttributeViewSet, CategoryAttributesView
from catalog.changes.views import ProductChangesView
from catalog.curation.views import CollectionProductViewSet, CollectionViewSet
from catalog.currencies.views import CurrencyViewSet
from catalog.editing.views import ProductEditorViewSet, RemovedProductsViewSet
from catalog.exchange.export_views import ExportView
from catalog.exchange.views import ImportViewSet, UploadImportView
from catalog.history.views import PriceListHistoryViewSet, ProductHistoryViewSet
from catalog.images.views import ProductImageOrderView, ProductImageViewSet
from catalog.inventory.urls import urlpatterns as inventory_urls
from catalog.prices.upload_views import ExportPricesView, UploadPricesView
from catalog.prices.views import CustomerGroupViewSet, PriceListItemViewSet, PriceListViewSet
from catalog.reviews.views import ProductReviewViewSet, ReviewViewSet
from catalog.searching.synonym_views import SynonymViewSet
from catalog.searching.views import SearchView, SuggestView
from catalog.sellers.views import StorefrontView
from catalog.tagging.views import ProductTagsView, TagViewSet
from catalog.taxonomy.views import BrandViewSet, CategoryViewSet
from catalog.wishlist.views import StockNoticeView, WishlistViewSet

router = SimpleRouter()
router.register("products", views.ProductViewSet, basename="product")
router.register("categories", CategoryViewSet, basename="category")
router.register("brands", BrandViewSet, basename="brand")
router.register("attributes", AttributeViewSet, basename="attribute")
router.register("tags", TagViewSet, basename="tag")
router.register("currencies", CurrencyViewSet, basename="currency")
router.register("collections", CollectionViewSet, basename="collection")
router.register("price-lists", PriceListViewSet, basename="price-list")
router.register("customer-groups", CustomerGroupViewSet, basename="customer-group")
router.register("imports", ImportViewSet, basename="import")
router.register("search/synonyms", SynonymViewSet, basename="search-synonym")
router.register("reviews", ReviewViewSet, basename="review")

urlpatterns = [
    path("products/search/", SearchView.as_view()),  # before the look-up of a product by its url_key
    path("products/changes/", ProductChangesView.as_view()),
    path("products/suggest/", SuggestView.as_view()),
    path("products/removed/", RemovedProductsViewSet.as_view({"get": "list"})),
    path("products/import/", UploadImportView.as_view()),
    path("products/export/", ExportView.as_view()),
    *router.urls,
    path("products/<str:key>/edit/", ProductEditorViewSet.as_view({"get": "retrieve"})),
    path("products/<str:key>/restore/", ProductEditorViewSet.as_view({"post": "restore"})),
    path("categories/<str:key>/attributes/", CategoryAttributesView.as_view()),
    path("products/<str:key>/history/", ProductHistoryViewSet.as_view({"get": "list"})),
    path("products/<str:key>/images/", ProductImageViewSet.as_view({"get": "list", "post": "create"})),
    path("products/<str:key>/images/reorder/", ProductImageOrderView.as_view()),
    path(
        "products/<str:key>/images/<uuid:pk>/",
        ProductImageViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("products/<str:key>/reviews/", ProductReviewViewSet.as_view({"get": "list", "post": "create"})),
    path("products/<str:key>/tags/", ProductTagsView.as_view()),
    path("products/<str:key>/notify/", StockNoticeView.as_view()),
    path("collections/<str:key>/products/", CollectionProductViewSet.as_view({"get": "list", "put": "set_all"})),
    path("price-lists/<uuid:pk>/export/", ExportPricesView.as_view()),
    path("price-lists/<uuid:pk>/upload/", UploadPricesView.as_view()),
    path("price-lists/<uuid:pk>/history/", PriceListHistoryViewSet.as_view({"get": "list"})),
    path("price-lists/<uuid:pk>/items/", PriceListItemViewSet.as_view({"get": "list", "put": "set_all"})),
    path("sellers/<slug:key>/", StorefrontView.as_view(), name="storefront"),
    path("wishlist/", WishlistViewSet.as_view({"get": "list", "post": "create"})),
    path("wishlist/<uuid:product_id>/", WishlistViewSet.as_view({"delete": "destroy"})),
    *inventory_urls,
]
