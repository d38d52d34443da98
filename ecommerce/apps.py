from django.apps import AppConfig


class EcommerceConfig(AppConfig):
    name = "ecommerce"
    verbose_name = "Operations"
    default_auto_field = "django.db.models.BigAutoField"
