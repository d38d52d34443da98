"""Who changed what of shipping, promotions and coupons; how it is kept and read stands in ``accounts.history``."""
