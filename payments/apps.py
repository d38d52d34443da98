from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from orders import hooks
        from payments import cancelling, free, system_checks  # noqa: F401 - registers the checks

        hooks.after_placing.append(free.settle_free)
        hooks.before_cancel.append(cancelling.end_waiting)
        hooks.before_expiry.append(cancelling.lock_payment)
        hooks.after_cancel.append(cancelling.give_back)
