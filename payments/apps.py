from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from accounts.people.facts import facts
        from ecommerce import invariants
        from orders import hooks
        from payments import (
            cancelling,
            checks,
            free,
            order_documents,
            privacy,
            selectors,
            services,
            system_checks,  # noqa: F401 - registers the checks
        )
        from payments.credit import sold, spending
        from payments.sellers.services import follow_refund

        invariants.register("payments", checks.CHECKS)
        hooks.after_placing.append(free.settle_free)
        hooks.before_cancel.append(cancelling.end_waiting)
        hooks.before_expiry.append(cancelling.lock_payment)
        hooks.after_cancel.append(cancelling.give_back)
        hooks.before_change.append(cancelling.lock_payment)
        hooks.total_changed.append(cancelling.follow_total)
        hooks.give_back.append(cancelling.give_part_back)
        hooks.give_credit.append(cancelling.give_credit)
        hooks.before_claim.append(services.hand_over)
        hooks.handed_over.append(sold.owe_cards)
        hooks.pay_with_credit.append(spending.spend_credit_on)
        hooks.gift_told.append(sold.follow_recipient)
        hooks.payment_chosen.append(services.refuse_unpayable)
        hooks.paid_amounts.append(order_documents.paid_amount)
        hooks.receipts_of.append(order_documents.receipts_of)
        hooks.after_refund.append(follow_refund)
        privacy.register()
        facts["payments"] = selectors.counts_of
