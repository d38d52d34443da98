from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from accounts.people.facts import facts
        from catalog.importing import sample
        from catalog.reviews import eligibility
        from ecommerce import invariants
        from orders import checks, giving_back, hooks, privacy, selectors
        from orders.documents import services as documents
        from orders.shipping.sample import load_sample_shipping

        invariants.register("orders", checks.CHECKS)
        eligibility.rules.append(selectors.delivered_item)
        sample.more.append(load_sample_shipping)
        hooks.before_cancel.append(giving_back.prepare_cancel)
        hooks.after_cancel.append(giving_back.give_replaced_back)
        hooks.after_refund.append(documents.owe_credit_note)
        privacy.register()
        facts["orders"] = selectors.counts_of
