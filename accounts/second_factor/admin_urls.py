from django.contrib import admin
from django.urls import path

from accounts.second_factor.admin_views import second_factor

urlpatterns = [path("second-factor/", admin.site.admin_view(second_factor), name="admin-second-factor")]
