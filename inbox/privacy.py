"""What the inbox holds about people. What was sent to other systems has ids, and no names."""

from accounts.privacy import registry
from accounts.privacy.generic import erase_tables, export_tables
from accounts.privacy.identity import Identity
from accounts.privacy.tables import Fate, Table, declare

TABLES = (
    Table("inbox.Notification", owner="user", fate=Fate.DELETED, plain="kind data"),
    Table("inbox.NotificationWish", owner="user", fate=Fate.DELETED),
    # --- The shop's own
    Table("inbox.WebhookEndpoint", plain="url description events", hidden="secret former_secret"),
    Table("inbox.WebhookDelivery", plain="kind body response_text error"),  # ids and amounts; gone after a month
    Table("inbox.FeedPlace", plain="name cursor"),
)


def register() -> None:
    """Let accounts know of it. Called when the app starts."""
    declare(*TABLES)
    registry.register("inbox", export_tables("inbox"), erase)


def erase(identity: Identity) -> None:
    erase_tables("inbox", identity)
