from inbox.notifications.urls import urlpatterns as notifications
from inbox.webhooks.urls import urlpatterns as webhooks

urlpatterns = [*webhooks, *notifications]
