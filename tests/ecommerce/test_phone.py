import pytest

from ecommerce.phone import InvalidPhoneNumber, mask_phone, normalise_phone


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("0712345678", "+254712345678"),
        ("0110345678", "+254110345678"),
        ("+254712345678", "+254712345678"),
        ("254712345678", "+254712345678"),
        ("712345678", "+254712345678"),
        ("110345678", "+254110345678"),
        ("0181345678", "+254181345678"),
        ("0712 345 678", "+254712345678"),
        ("0712-345-678", "+254712345678"),
        ("(0712) 345.678", "+254712345678"),
        (" +254 (0712) 345678".replace("(0", "("), "+254712345678"),
        ("+14155552671", "+14155552671"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("+44 20 7031 3000", "+442070313000"),
        ("+256 712 345678", "+256712345678"),
        ("+255712345678", "+255712345678"),
    ],
)
def test_usual_spelling_becomes_e164(text, e164):
    assert normalise_phone(text) == e164


@pytest.mark.parametrize(
    "text",
    [
        "2540712345678",  # country code and trunk zero
        "+2540712345678",
        "255712345678",  # Tanzania without the plus
        "0201234567",  # a landline in Nairobi
        "+254201234567",
        "25471234567",  # eight digits after 254
        "2547123456789",  # ten
        "071234567",
        "07123456789",
        "0812345678",
        "",
        " ",
        "+",
        "++254712345678",
        "++14155552671",
        "+254+712345678",
        "0712345678x12",
        "+14155552671x5",
        "+1800FLOWERS",
        "+999123456789",
        "+1415555",
        "٠٧١٢٣٤٥٦٧٨",  # digits, but not ASCII
        "０７１２３４５６７８",
        "0712\u200b345678",
        "0712/345/678",
        "tel:+254712345678",
        "0712345678;isub=1",
        "0" * 100_000,
        "null",
        "-712345678'--",
    ],
)
def test_anything_else_is_refused_and_names_the_field(text):
    with pytest.raises(InvalidPhoneNumber) as refusal:
        normalise_phone(text, attr="phone")

    assert (refusal.value.status_code, [row.attr for row in refusal.value.rows]) == (400, ["phone"])


@pytest.mark.parametrize(("e164", "masked"), [("+254712345678", "+254…678"), ("", "")])
def test_masked_number_shows_its_ends_alone(e164, masked):
    assert mask_phone(e164) == masked
