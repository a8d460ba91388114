"""Values as octets: Base64 where an attribute holds what is no text."""

import base64

import pytest

from processors.expressions import EvaluationError
from processors.octets import is_binary, lacks_binary, octets_of
from schemas.events import Json

JPEG = b"\xff\xd8\xff\xe0"
TEXT = base64.b64encode(JPEG).decode()


@pytest.mark.parametrize(
    ("attribute", "binary"),
    [
        *((name, True) for name in ("jpegPhoto", "JPEGPHOTO", "audio", "photo", "userSMIMECertificate", "userPKCS12")),
        ("0.9.2342.19200300.100.1.60", True),
        ("jpegPhoto;x-small", True),
        ("userCertificate;binary", True),
        ("cACertificate;BINARY", True),
        ("description;lang-en;binary", True),
        ("cn", False),
        ("cn;lang-zh", False),
        ("cn;x-binary", False),
        ("photos", False),
    ],
)
def test_attributes_of_octets_are_known(attribute: str, binary: bool) -> None:  # noqa: FBT001 - expected
    """By name, OID or option, whatever their case."""
    assert is_binary(attribute) is binary


@pytest.mark.parametrize(
    ("attribute", "lacks"),
    [
        *((name, True) for name in ("userCertificate", "2.5.4.36", "cacertificate", "certificateRevocationList")),
        ("userCertificate;x-a", True),
        ("userCertificate;binary", False),
        ("userSMIMECertificate", False),
        ("cn", False),
    ],
)
def test_certificates_need_their_option(attribute: str, lacks: bool) -> None:  # noqa: FBT001 - expected
    """RFC 4523 section 2."""
    assert lacks_binary(attribute) is lacks


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TEXT, (JPEG,)),
        (f" {TEXT[:4]}\r\n {TEXT[4:]}\n", (JPEG,)),
        ([TEXT, "AAAA", TEXT], (JPEG, b"\0\0\0")),
        (["", None], ()),
        (None, ()),
        ("", ()),
        (" \n", ()),
    ],
)
def test_octets_come_in_base64(value: Json, expected: tuple[bytes, ...]) -> None:
    """Line breaks do not count; nothing is no value; equal values are one."""
    assert octets_of("jpegPhoto", value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("mei", "the text is not Base64"),
        (TEXT[:-1], "the text is not Base64"),
        ("_-8=", "the text is not Base64"),
        ("王", "the text is not Base64"),
        (f"data:image/jpeg;base64,{TEXT}", "the text is not Base64"),
        (["AAAA", "x"], "the text is not Base64"),
        (12, "a number is not Base64 text"),
        (True, "a boolean is not Base64 text"),
        ([["AAAA"]], "an array is not Base64 text"),
        ({"data": "AAAA"}, "an object is not Base64 text"),
    ],
)
def test_what_is_not_base64_is_an_error_without_the_value(value: Json, message: str) -> None:
    """Errors go to logs and dead letters."""
    with pytest.raises(EvaluationError) as raised:
        octets_of("jpegPhoto", value)
    assert str(raised.value) == message


def test_text_stays_text_elsewhere() -> None:
    """Although it could be Base64."""
    assert octets_of("cn", "AAAA") == (b"AAAA",)
