"""What can go wrong with categories and brands."""

from ecommerce.exceptions import DomainError


class CategoryInUse(DomainError):
    code = "category_in_use"
    message = "Products or other categories still stand in this category; move them first."


class BrandInUse(DomainError):
    code = "brand_in_use"
    message = "Products are still of this brand; move them first, or merge it into another one."


class BrandMerged(DomainError):
    code = "brand_merged"
    message = "This brand has become part of another one."


class BrandIntoItself(DomainError):
    status_code = 400
    code = "brand_into_itself"
    message = "A brand cannot become part of itself."
