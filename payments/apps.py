from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from orders import hooks
        from payments import cancelling, system_checks  # noqa: F401 - registers the checks

        hooks.before_cancel.append(cancelling.end_waiting)
        hooks.before_expiry.append(cancelling.lock_payment)
        hooks.after_cancel.append(cancelling.give_back)
