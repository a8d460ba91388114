"""Records of accounts and organizations: current names, numbers, no secrets (contract section 2)."""

import pytest

from schemas.events import Json, Kind, Membership, Record
from schemas.records import account_record, organization_record

NOW = 1_700_000_000_000
ACCOUNT: dict[str, Json] = {"userId": "u1", "username": "mei", "updateTime": str(NOW - 5)}
ORGANIZATION: dict[str, Json] = {"organizationalUnitId": "o1", "organizationalUnitName": "R&D", "parentId": "ou_root"}


def account(**fields: Json) -> Record:
    return account_record({**ACCOUNT, **fields})


def organization(**fields: Json) -> Record:
    return organization_record({**ORGANIZATION, **fields})


ACCOUNT_NAMES = [
    ("externalId", "userExternalId"),
    ("sourceType", "userSourceType"),
    ("sourceId", "userSourceId"),
    ("lastUpdatedTime", "updateTime"),
    ("userOrganizationalUnits", "organizationalUnits"),
]
ORGANIZATION_NAMES = [
    ("name", "organizationalUnitName"),
    ("externalId", "organizationalUnitExternalId"),
    ("sourceType", "organizationalUnitSourceType"),
    ("sourceId", "organizationalUnitSourceId"),
    ("lastUpdatedTime", "updateTime"),
]


def sample(name: str) -> Json:
    samples: dict[str, Json] = {
        "updateTime": NOW,
        "organizationalUnits": [{"organizationalUnitId": "o1", "primary": True}],
    }
    return samples.get(name, "x")


@pytest.mark.parametrize(("old", "new"), ACCOUNT_NAMES)
def test_old_names_of_accounts_become_the_current_ones(old: str, new: str) -> None:
    record = account_record({"userId": "u1", old: sample(new)})
    assert record.fields == {"userId": "u1", new: sample(new)}


@pytest.mark.parametrize(("old", "new"), ORGANIZATION_NAMES)
def test_old_names_of_organizations_become_the_current_ones(old: str, new: str) -> None:
    record = organization_record({"organizationalUnitId": "o1", old: sample(new)})
    assert record.fields == {"organizationalUnitId": "o1", new: sample(new)}


@pytest.mark.parametrize("names", [("name", "organizationalUnitName"), ("organizationalUnitName", "name")])
def test_of_two_names_the_current_one_counts(names: tuple[str, str]) -> None:
    """In whatever order they come; unless it is null."""
    base: dict[str, Json] = {"organizationalUnitId": "o1"}

    def name_of(**values: Json) -> Json:
        record = organization_record({**base, **{name: values[name] for name in names}})
        return record.fields["organizationalUnitName"]

    assert name_of(name="old", organizationalUnitName="new") == "new"
    assert name_of(name="old", organizationalUnitName=None) == "old"


@pytest.mark.parametrize("units", [("name", "organizationalUnitName"), ("organizationalUnitName", "name")])
def test_of_two_names_of_a_membership_the_current_one_counts(units: tuple[str, str]) -> None:
    values = {"name": "old", "organizationalUnitName": "new"}
    unit: dict[str, Json] = {"organizationalUnitId": "o1", **{name: values[name] for name in units}}
    kept = {"organizationalUnitId": "o1", "organizationalUnitName": "new", "primary": False}
    assert account(organizationalUnits=[unit]).fields["organizationalUnits"] == [kept]


def test_numbers_and_flags_may_be_text() -> None:
    """They become numbers and truth values; -1 means never and stays."""
    record = account(
        accountExpireTime="-1", lockExpireTime=-1, passwordExpireTime=" 17 ", createTime=17.0, emailVerified="True"
    )
    names = ("accountExpireTime", "lockExpireTime", "passwordExpireTime", "createTime", "emailVerified")
    assert [record.fields[name] for name in names] == [-1, -1, 17, 17, True]


def test_unknown_fields_are_kept() -> None:
    """As they came, at any depth."""
    unknown: Json = {"a": [1, "2", None, {"b": 1.5}]}
    record = account(later=unknown, organizationalUnits=[{"organizationalUnitId": "o1", "later": unknown}])
    assert record.fields["later"] == unknown
    assert record.fields["organizationalUnits"] == [{"organizationalUnitId": "o1", "primary": False, "later": unknown}]


def test_an_account_is_read() -> None:
    """What placement and locking need stands beside the fields."""
    record = account(
        status="disabled",
        primaryOrganizationalUnitId="o2",
        organizationalUnits=[
            {"organizationalUnitId": "o1", "name": "R&D"},
            {"organizationalUnitId": 2, "primary": "true"},
            {"organizationalUnitId": "o1", "primary": True},
        ],
    )
    assert (record.kind, record.id, record.update_time, record.enabled) == (Kind.ACCOUNT, "u1", NOW - 5, False)
    assert record.memberships == (Membership("o1", primary=True), Membership("2", primary=True))
    assert record.primary_id == "o2"


@pytest.mark.parametrize(("fields", "memberships"), [({}, None), ({"organizationalUnits": []}, ())])
def test_no_word_of_memberships_is_not_the_same_as_none(
    fields: dict[str, Json], memberships: tuple[Membership, ...] | None
) -> None:
    """Null is no word."""
    assert account(**fields).memberships == memberships
    assert account(organizationalUnits=None).memberships is None


@pytest.mark.parametrize(("written", "parent"), [("ou_root", "ou_root"), ("", None), (None, None), (5, "5")])
def test_an_organization_is_read(written: Json, parent: str | None) -> None:
    record = organization(parentId=written, updateTime=str(NOW))
    assert (record.kind, record.id, record.update_time) == (Kind.ORGANIZATION, "o1", NOW)
    assert record.parent_id == parent


SECRETS: dict[str, Json] = {
    "password": "geheim",
    "oldPasswd": "geheim",
    "clientSecret": "geheim",
    "userPwd": {"value": "geheim"},
    "deep": {"list": [{"PASSWORD": "geheim", "kept": 1}]},
    "customFields": [
        {"fieldName": "password2", "fieldValue": "geheim"},
        {"fieldName": "level", "fieldValue": "7"},
    ],
    "customFieldMap": {"door": {"fieldName": "doorSecret", "fieldValue": "geheim"}},
}
PUBLIC: dict[str, Json] = {
    "deep": {"list": [{"kept": 1}]},
    "customFields": [{"fieldName": "level", "fieldValue": "7"}],
    "customFieldMap": {},
}


def test_secrets_are_dropped_at_any_depth() -> None:
    assert account(**SECRETS).fields == {"userId": "u1", "username": "mei", "updateTime": NOW - 5, **PUBLIC}


@pytest.mark.parametrize("name", ["passwordReset", "PASSWORD_RESET", "tempPwdReset"])
def test_the_password_that_a_reset_brings_is_a_secret(name: str) -> None:
    """Though its name ends like `passwordSet`."""
    assert name not in account(**{name: "geheim"}).fields


@pytest.mark.parametrize("name", ["passwordSet", "passwordExpireTime", "pwdStatus", "secretary", "secretaryName"])
def test_what_is_said_about_a_password_is_no_secret(name: str) -> None:
    """Nor is who only sounds like one."""
    assert account(**{name: 1}).fields[name] == 1
