"""What must be true of calendars, one query each; every row that a query gives is a culprit."""

from ecommerce.checking import Check

_TODAY = "(now() AT TIME ZONE 'Africa/Nairobi')::date"

CHECKS = (
    Check(
        "active bookings occupy their dates, and no others do",
        """
        SELECT 'booking ' || b.id || ' is ' || b.status || ' and has ' || coalesce(o.dates::text, 'no dates')
        FROM bookings_booking AS b LEFT JOIN bookings_occupancy AS o ON o.booking_id = b.id
        WHERE (b.status IN ('pending', 'confirmed') AND (
                o.id IS NULL OR (o.listing_id, o.dates, o.units) <> (b.listing_id, b.dates, b.units)))
            OR (b.status NOT IN ('pending', 'confirmed') AND o.id IS NOT NULL)
        """,
    ),
    Check(
        "no two have the only unit of a listing in one night",
        """
        SELECT 'listing ' || a.listing_id || ' is taken twice: ' || a.dates || ' and ' || b.dates
        FROM bookings_occupancy AS a JOIN bookings_occupancy AS b
            ON b.listing_id = a.listing_id AND b.id > a.id AND b.dates && a.dates
        JOIN bookings_listing AS l ON l.product_id = a.listing_id
        WHERE l.capacity = 1
        """,
    ),
    Check(
        "the units taken in a night are those of its bookings and blocked dates",
        f"""
        WITH counted AS (
            SELECT o.listing_id, d::date AS date, sum(o.units) AS taken
            FROM bookings_occupancy AS o JOIN bookings_listing AS l ON l.product_id = o.listing_id,
                generate_series(lower(o.dates)::timestamp, upper(o.dates)::timestamp - interval '1 day', '1 day') AS d
            WHERE l.capacity > 1 GROUP BY 1, 2
        )
        SELECT 'listing ' || coalesce(n.listing_id, c.listing_id) || ' has ' || coalesce(n.taken, 0)
            || ' units taken in the night of ' || coalesce(n.date, c.date) || ', counted are ' || coalesce(c.taken, 0)
        FROM bookings_night AS n FULL JOIN counted AS c USING (listing_id, date)
        WHERE coalesce(n.taken, 0) <> coalesce(c.taken, 0) AND coalesce(n.date, c.date) > {_TODAY}
        """,  # noqa: S608 - our own words
    ),
    Check(
        "a listing has the price and the place in the shop that its product has",
        """
        SELECT 'listing ' || l.product_id || ' has the price ' || l.price || ' and its product ' || p.price
        FROM bookings_listing AS l JOIN catalog_product AS p ON p.id = l.product_id
        WHERE l.price <> p.price OR l.is_shown <> (p.is_active AND p.deleted_at IS NULL)
        """,
    ),
    Check(
        "a hold that is over has given its dates back",
        """
        SELECT 'booking ' || id || ' is pending, and its time was over at ' || expires_at
        FROM bookings_booking WHERE status = 'pending' AND expires_at < now() - interval '2 days'
        """,
    ),
)
