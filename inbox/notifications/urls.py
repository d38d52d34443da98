from django.urls import path

from inbox.notifications import views

urlpatterns = [
    path("notifications/", views.NotificationsView.as_view(), name="notifications"),
    path("notifications/read/", views.ReadView.as_view(), name="notifications-read"),
    path("notifications/preferences/", views.WishesView.as_view(), name="notification-preferences"),
]
