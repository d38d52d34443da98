"""Addresses of stock and warehouses."""

from django.urls import path

from catalog.inventory import count_views, views

urlpatterns = [
    path("stock/", views.StockViewSet.as_view({"get": "list"})),
    path("stock/movements/", views.MovementViewSet.as_view({"get": "list"})),
    path("stock/adjust/", views.AdjustStockView.as_view()),
    path("stock/transfer/", views.TransferStockView.as_view()),
    path("stock/alerts/", views.AlertViewSet.as_view({"get": "list"})),
    path("stock/counts/", count_views.CountViewSet.as_view({"get": "list", "post": "create"})),
    path("stock/counts/sheet/", count_views.CountSheetView.as_view()),
    path("stock/counts/<uuid:pk>/", count_views.CountViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("stock/counts/<uuid:pk>/apply/", count_views.ApplyCountView.as_view()),
    path("stock/counts/<uuid:pk>/lines/", count_views.CountLineViewSet.as_view({"get": "list"})),
    path("stock/<uuid:pk>/", views.StockViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("warehouses/", views.WarehouseViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "warehouses/<str:key>/",
        views.WarehouseViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
]
