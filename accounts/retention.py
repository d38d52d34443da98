"""Everything of accounts that is kept for a time; each part declares what and how long in its ``retention.py``."""

from accounts.audit import retention as audit
from accounts.emails import retention as emails
from accounts.lockouts import retention as lockouts
from accounts.opaque_tokens import retention as opaque_tokens
from accounts.otp import retention as otp
from accounts.profiles import retention as profiles
from accounts.quotas import retention as quotas
from accounts.second_factor import retention as second_factor
from accounts.sessions import retention as sessions
from accounts.sms import retention as sms
from accounts.social import retention as social
from ecommerce.retention import Rule

RULES: tuple[Rule, ...] = (
    *quotas.RULES,
    *lockouts.RULES,
    *otp.RULES,
    *second_factor.RULES,
    *social.RULES,
    *sessions.RULES,
    *opaque_tokens.RULES,
    *emails.RULES,
    *sms.RULES,
    *audit.RULES,
    *profiles.RULES,  # last: files may be far away
)
