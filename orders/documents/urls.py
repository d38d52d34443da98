from django.urls import path

from orders.documents import views

urlpatterns = [
    path("orders/<uuid:order_id>/invoice/", views.InvoiceView.as_view(), name="order-invoice"),
    path("orders/<uuid:order_id>/credit-notes/", views.CreditNotesView.as_view(), name="order-credit-notes"),
    path(
        "orders/<uuid:order_id>/credit-notes/<slug:number>/", views.CreditNoteView.as_view(), name="order-credit-note"
    ),
    path("orders/<uuid:order_id>/packing-slip/", views.PackingSlipView.as_view(), name="order-packing-slip"),
    path("documents/", views.DocumentListView.as_view(), name="document-list"),
    path("documents/export/", views.DocumentExportView.as_view(), name="document-export"),
]
