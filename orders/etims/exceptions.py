"""What can go wrong with declaring documents."""

from ecommerce.exceptions import DomainError


class SubmissionNotOpen(DomainError):
    code = "submission_not_open"
    message = "Only what was refused can be sent again."
