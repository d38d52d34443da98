from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from accounts.people.facts import facts
        from orders import hooks
        from payments import (
            cancelling,
            free,
            order_documents,
            privacy,
            selectors,
            services,
            system_checks,  # noqa: F401 - registers the checks
        )

        hooks.after_placing.append(free.settle_free)
        hooks.before_cancel.append(cancelling.end_waiting)
        hooks.before_expiry.append(cancelling.lock_payment)
        hooks.after_cancel.append(cancelling.give_back)
        hooks.before_change.append(cancelling.lock_payment)
        hooks.total_changed.append(cancelling.follow_total)
        hooks.give_back.append(cancelling.give_part_back)
        hooks.give_credit.append(cancelling.give_credit)
        hooks.before_claim.append(services.hand_over)
        hooks.payment_chosen.append(services.refuse_unpayable)
        hooks.receipts_of.append(order_documents.receipts_of)
        privacy.register()
        facts["payments"] = selectors.counts_of
