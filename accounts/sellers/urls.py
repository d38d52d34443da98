from django.urls import path

from accounts.sellers import views

urlpatterns = [
    path("sellers/", views.SellersView.as_view(), name="sellers"),
    path("sellers/me/", views.OwnSellerView.as_view(), name="own-seller"),
    path("sellers/<slug:key>/approve/", views.ApproveView.as_view(), name="seller-approve"),
    path("sellers/<slug:key>/reject/", views.RejectView.as_view(), name="seller-reject"),
    path("sellers/<slug:key>/suspend/", views.SuspendView.as_view(), name="seller-suspend"),
]
