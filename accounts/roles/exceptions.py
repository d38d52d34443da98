"""How a change of rights is refused."""

from ecommerce.exceptions import DomainError


class RolesRefused(DomainError):
    code = "roles_refused"
    message = "This person's rights are not changed here."
