"""Settings of logging in with Google and Facebook. Without an id of the shop there, the way in is closed."""

from ecommerce.environment import env
from ecommerce.payment_settings import provider_url

GOOGLE_LOGIN = {
    # One for each app: web, Android, iOS. A token must be made for one of them.
    "CLIENT_IDS": [name.strip() for name in env.list("GOOGLE_CLIENT_IDS", default=[]) if name.strip()],
    "JWKS_URL": provider_url("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
}
FACEBOOK_LOGIN = {
    "APP_ID": env.str("FACEBOOK_APP_ID", default="").strip(),
    # Needed for access tokens alone; limited-login tokens are checked by their signature.
    "APP_SECRET": env.str("FACEBOOK_APP_SECRET", default="").strip(),
    "GRAPH_URL": provider_url("FACEBOOK_GRAPH_URL", "https://graph.facebook.com/v24.0"),
    # With its last slash: there is a redirect at the address without, and none is followed.
    "JWKS_URL": provider_url("FACEBOOK_JWKS_URL", "https://limited.facebook.com/.well-known/oauth/openid/jwks") + "/",
}
