import gzip
import io
import json

import pytest
from rest_framework.exceptions import ParseError

from ecommerce.exceptions import PayloadTooLarge
from ecommerce.parsers import MAX_DEPTH, StrictJSONParser, parse_json

URL = "/api/echo/"
pytestmark = pytest.mark.urls("tests.ecommerce.failing_urls")


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b'{"a": 1', "JSON parse error: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (b"{} {}", "JSON parse error: Extra data: line 1 column 4 (char 3)"),
        (b" ", "JSON parse error: Expecting value: line 1 column 2 (char 1)"),
        (b'{"a": NaN}', "JSON parse error: NaN is not a JSON number"),
        (b'{"a": Infinity}', "JSON parse error: Infinity is not a JSON number"),
        (b'{"a": -Infinity}', "JSON parse error: -Infinity is not a JSON number"),
        (b'{"a": 1e999}', "JSON parse error: 1e999 is out of range"),
        (b'{"a": -1e999}', "JSON parse error: -1e999 is out of range"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "JSON parse error: an object has the same key twice"),
        (b'{"a": "\\ud800"}', "JSON parse error: a text holds half a character (lone surrogate)"),
        (b'{"\\udfff": 1}', "JSON parse error: a text holds half a character (lone surrogate)"),
        (b'{"a": ["\\u0000"]}', "JSON parse error: a text holds a NUL character"),
        (b'{"a\\u0000": 1}', "JSON parse error: a text holds a NUL character"),
        (b'{"a": "\x00"}', "JSON parse error: Invalid control character at: line 1 column 8 (char 7)"),
        (b'\xef\xbb\xbf{"a": 1}', "The body starts with a byte order mark."),
        ('{"a": "Müller"}'.encode("latin-1"), "The body is not UTF-8."),
        ('{"a": 1}'.encode("utf-16"), "The body is not UTF-8."),
        (gzip.compress(b'{"a": 1}', mtime=0), "The body is not UTF-8."),
        (nested(50_000), "The body is nested too deeply."),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "The body is nested too deeply."),
        (nested(MAX_DEPTH + 2), "The body is nested too deeply."),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON parse error: a number has too many digits"),
    ],
)
def test_body_that_is_not_plain_json_is_a_named_400(api_client, raw, detail):
    answer = api_client.post(URL, raw, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "client_error",
        "errors": [{"code": "parse_error", "detail": detail, "attr": None}],
    }


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ('{"a": "Müller 😀"}'.encode(), {"a": "Müller 😀"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        (nested(MAX_DEPTH + 1), json.loads(nested(MAX_DEPTH + 1))),
        (b'{"a": ' + b"9" * 400 + b"}", {"a": int("9" * 400)}),
        (b"[]", []),
        (b'"text"', "text"),
    ],
)
def test_plain_json_is_read_as_it_is(api_client, raw, value):
    answer = api_client.post(URL, raw, content_type="application/json; charset=utf-8")

    assert (answer.status_code, answer.json()) == (200, {"got": value})


def test_empty_body_is_an_empty_object(api_client):
    answer = api_client.post(URL, b"", content_type="application/json")

    assert (answer.status_code, answer.json()) == (200, {"got": {}})


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"1", b"null", b"true"])
@pytest.mark.django_db
def test_body_that_is_no_object_is_a_400_where_an_object_is_wanted(api_client, raw):
    answer = api_client.post("/api/auth/login/", raw, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 200), (1024 * 1024 + 1, 413)])
def test_body_may_have_one_megabyte_and_not_a_byte_more(api_client, size, status):
    answer = api_client.post(URL, b'"' + b"x" * (size - 2) + b'"', content_type="application/json")

    assert answer.status_code == status


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_other_content_types_are_a_415(api_client, content_type):
    answer = api_client.post(URL, b"a=1", content_type=content_type)

    assert answer.status_code == 415
    assert answer.json()["errors"][0]["code"] == "unsupported_media_type"


def test_parser_reads_no_more_of_a_stream_than_the_limit():
    limit = 1024 * 1024
    stream = io.BytesIO(b"1" * 10 * limit)

    with pytest.raises(PayloadTooLarge):
        StrictJSONParser().parse(stream)

    assert stream.tell() == limit + 1


def test_parse_json_raises_only_its_own_error():
    with pytest.raises(ParseError):
        parse_json(b"\xff")
