"""What goes into the parcel: names, units and places on the shelves, and no prices."""

from orders.documents.packing import Slip
from orders.documents.pdf.sheet import GREY, LEFT, RIGHT, Column, Sheet
from orders.documents.pdf.words import moment


def packing_slip_pdf(slip: Slip) -> bytes:
    """Return the PDF of a packing slip."""
    sheet = Sheet(title=f"Packing slip {slip.order_number}", author=slip.shop)
    top = sheet.y
    sheet.block(LEFT, top - 4, 250, [slip.shop], size=14, bold=True)
    sheet.text(RIGHT, top - 4, "PACKING SLIP", size=14, bold=True, right=True)
    sheet.text(RIGHT, top - 24, f"Order {slip.order_number}", right=True)
    sheet.text(RIGHT, top - 36, moment(slip.placed_at.isoformat()), right=True)
    if slip.is_to_be_paid:
        sheet.text(RIGHT, top - 48, "To be paid at the door", bold=True, right=True)
    sheet.y = top - 62
    sheet.text(LEFT, sheet.y, "To", size=7.5, grey=GREY)
    sheet.y = sheet.block(LEFT, sheet.y - 14, RIGHT - LEFT, [slip.recipient or "—"], size=11, bold=True)
    sheet.y = sheet.block(LEFT, sheet.y, RIGHT - LEFT, [*slip.address, slip.phone_number, slip.delivery], size=10)
    for label, text in (("For the rider", slip.rider_note), ("Note", slip.note)):
        if text:
            sheet.y = sheet.block(LEFT, sheet.y - 4, RIGHT - LEFT, [f"{label}: {text}"])
    sheet.y -= 14
    columns = (
        Column("Units", 46),
        Column("Item", 240),
        Column("SKU", 110),
        Column("Take from", RIGHT - LEFT - 396),
    )
    rows = [
        (
            (f"{line.quantity:,} ×",),
            (line.name, " · ".join(line.options)) if line.options else (line.name,),
            (line.sku,),
            tuple(line.places) or ("",),
        )
        for line in slip.lines
    ]
    sheet.table(columns, rows, size=10)
    sheet.y -= 8
    sheet.block(LEFT, sheet.y, RIGHT - LEFT, [f"{sum(line.quantity for line in slip.lines):,} units"], bold=True)
    return sheet.as_pdf(footer=f"Packing slip · Order {slip.order_number}")
