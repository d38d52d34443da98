from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from catalog.importing import sample
        from catalog.reviews import eligibility
        from orders import giving_back, hooks, selectors
        from orders.documents import services as documents
        from orders.shipping.sample import load_sample_shipping

        eligibility.rules.append(selectors.delivered_item)
        sample.more.append(load_sample_shipping)
        hooks.before_cancel.append(giving_back.prepare)
        hooks.after_cancel.append(giving_back.give_replaced_back)
        hooks.after_refund.append(documents.owe_credit_note)

        from accounts.privacy import generic, registry
        from orders import privacy

        privacy.declare_tables()
        registry.register("orders", generic.export_tables("orders"), privacy.erase, open_matters=privacy.open_matters)
