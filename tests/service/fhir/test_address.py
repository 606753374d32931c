"""Addresses of FHIR servers: which are equal, and which tricks are refused."""

import pytest

from service.fhir.address import allow_list, read_address, without_secrets

BASE = "https://ehr.example/fhir/r4"


@pytest.mark.parametrize("same", [BASE, f"{BASE}/", "HTTPS://EHR.example/fhir/r4", "https://ehr.example:443/fhir/r4"])
def test_spellings_of_one_base_are_one(same: str) -> None:
    assert allow_list([BASE], allow_loopback=False)(same)
    assert allow_list([same], allow_loopback=False)(BASE)


@pytest.mark.parametrize(
    "other",
    [
        "http://ehr.example/fhir/r4", "https://ehr.example:8443/fhir/r4", "https://ehr.example/fhir",
        "https://ehr.example/fhir/r4/tenant", "https://ehr.example/FHIR/r4", "https://ehr.example.evil.example/fhir/r4",
        "https://sub.ehr.example/fhir/r4", "https://ehr.example./fhir/r4", "https://ehr.example/fhir/r4//",
    ],
)  # fmt: skip
def test_any_other_base_is_not_allowed(other: str) -> None:
    assert not allow_list([BASE], allow_loopback=False)(other)


@pytest.mark.parametrize(
    "tricky",
    [
        "https://user@ehr.example/fhir/r4", "https://ehr.example@evil.example/fhir/r4", f"{BASE}?a=b", f"{BASE}?",
        f"{BASE}#a", f"{BASE}#", "https://ehr.example\\@evil.example/fhir", "https://ehr%2eexample/fhir/r4",
        "https://ehr.ex%61mple/fhir/r4", f" {BASE}", f"{BASE}\n", "https://ehr.exa\tmple/fhir/r4", "https://ehr\u3002example/",
        "https://\u0435hr.example/fhir/r4", "ftp://ehr.example/fhir", "file:///fhir", "//ehr.example/fhir",
        "ehr.example/fhir", "https:///fhir", "https://", "", "https://ehr.example:0/fhir", "https://ehr.example:99999/",
        "https://ehr.example:x/",
        "https://ehr.example/fhir/..;/r4", "https://ehr.example/fhir/..%00", "https://ehr.example/%252e%252e/r4",
        "https://ehr.example/fhir%3b/r4", "https://ehr.example/%c0%ae%c0%ae/r4", "https://ehr.example/.;a/r4",
        "https://ehr.example/fhir/../r4", "https://ehr.example/%2e%2e/r4", "https://ehr.example/a%2fb", "https://-a.example/",
        "http://0177.0.0.1/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://2130706433/", "http://127.1/",
        "http://127.0.0.01/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::1%25eth0]/",
        "http://[::1]evil.example/", "http://[::1/", "http://1.2.3.4.5/", "http://a..example/", "http://[::127.0.0.1]/",
    ],
)  # fmt: skip
def test_tricks_are_refused(tricky: str) -> None:
    assert read_address(tricky) is None
    assert not allow_list([BASE], allow_loopback=True)(tricky)


LOOPBACK = [
    "http://localhost:8080/fhir",
    "https://LOCALHOST",
    "http://127.0.0.1:1/a/b",
    "http://[::1]:99/",
    "http://[0:0:0:0:0:0:0:1]/",
]


@pytest.mark.parametrize("base", LOOPBACK)
def test_loopback_is_allowed_only_where_that_is_said(base: str) -> None:
    assert allow_list([], allow_loopback=True)(base)
    assert not allow_list([BASE], allow_loopback=False)(base)
    assert allow_list([base], allow_loopback=False)(base)


@pytest.mark.parametrize(
    "base", ["http://127.0.0.2/", "http://localhost.evil.example/", "http://0.0.0.0/", "http://169.254.169.254/"]
)
def test_what_only_looks_like_loopback_is_not(base: str) -> None:
    assert not allow_list([], allow_loopback=True)(base)


def test_a_setting_that_is_no_base_is_named() -> None:
    with pytest.raises(ValueError, match=r"'ehr\.example' is not the base URL of a FHIR server"):
        allow_list(["ehr.example"], allow_loopback=False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ehr.example/fhir", "https://ehr.example/fhir"),
        ("https://u:p@ehr.example/fhir", "https://***@ehr.example/fhir"),
        ("HTTPS://u:p/@w@ehr.example", "HTTPS://***@ehr.example"),
        ("u:p@ehr.example", "***@ehr.example"),
        ("https://ehr.example/fhir?token=t", "https://ehr.example/fhir?***"),
        ("https://u:p?w@ehr.example", "https://***"),
        ("https://u:p@ehr.example?token=t", "https://***@ehr.example?***"),
        ("ehr\x1b[2J", "ehr [2J"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_an_address_is_called_in_its_normal_form() -> None:
    address = read_address("HTTP://EHR.Example:80/Fhir/")
    assert address is not None
    assert address.url == "http://ehr.example/Fhir"
