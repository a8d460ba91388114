"""The sections about users and organizations: their classes, their names, and the mapping of their fields."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streams.settings.section import Section, elsewhere
from streams.settings.values import AttributeName, ObjectClasses, Text

DEFAULT_USER_MAPPING: Final[tuple[Mapping[str, Any], ...]] = (
    {"attribute": "uid", "field": "user.username", "identifier": True},
    {"attribute": "cn", "expression": "Coalesce(user.displayName, user.username)"},
    {"attribute": "sn", "expression": "Coalesce(user.displayName, user.username)"},
    {"attribute": "displayName", "field": "user.displayName"},
    {"attribute": "mail", "field": "user.email"},
    {
        "attribute": "mobile",
        "expression": 'IIF(IsNull(user.phoneNumber), null, Append("+", user.phoneRegion, user.phoneNumber))',
    },
    {"attribute": "description", "field": "user.description"},
)
DEFAULT_ORGANIZATION_MAPPING: Final[tuple[Mapping[str, Any], ...]] = (
    {"attribute": "ou", "field": "organization.organizationalUnitName"},
    {"attribute": "description", "field": "organization.description"},
)

_SOURCES: Final = ("field", "constant", "expression")
_FIELD: Final = re.compile(r"(user|organization)(\.[A-Za-z_]\w*)+")


class Row(Section):
    """One line of a mapping: where the value of an attribute comes from."""

    attribute: AttributeName
    """The LDAP attribute; options (`cn;lang-zh`) belong to the name."""
    field: Text | None = None
    """A field of the record: `user.username`, `organization.description`."""
    constant: str | bool | int | float | tuple[str | bool | int | float, ...] | None = None
    """The same value for everybody; a list gives several values."""
    expression: Text | None = None
    """IDaaS's expression language."""
    on: Literal["create"] | None = None
    """`create`: write it only when the entry is created."""
    identifier: bool = False
    """Entries that are already there are adopted by this attribute; users only, one row at most."""

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, value: Any) -> Any:
        if isinstance(value, dict) and sum(value.get(source) is not None for source in _SOURCES) != 1:
            raise ValueError("needs exactly one of field, constant and expression")
        return value

    @field_validator("identifier")
    @classmethod
    def _always(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic passes it so
        if value and info.data.get("on") is not None:
            raise ValueError("does not go with `on: create`: an identifier is written always")
        return value


class UserRow(Row):
    """A row for accounts; its root is `user`."""

    @field_validator("field")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return _check_field(value, "user")


class OrganizationRow(Row):
    """A row for organizations; its root is `organization`."""

    @field_validator("field")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return _check_field(value, "organization")

    @field_validator("identifier")
    @classmethod
    def _users_only(cls, value: bool) -> bool:  # noqa: FBT001 - pydantic passes it so
        if value:
            raise ValueError("is for users only: remove it")
        return value


class Users(Section):
    """What an account becomes in LDAP."""

    object_classes: ObjectClasses = ("inetOrgPerson", "top")
    """An entry that has all of them counts as a user."""
    mapping: tuple[UserRow, ...] = Field(
        default_factory=lambda: tuple(UserRow.model_validate(row) for row in DEFAULT_USER_MAPPING)
    )
    """Attributes without a row are never touched."""
    rdn: AttributeName = "uid"
    """The attribute that names entries; the mapping must give it a value."""
    rdn_conflict: Literal["wait", "qualify"] = "wait"
    """When the name is taken: wait until it is free, or qualify it."""
    id_attribute: AttributeName | None = None
    """The account id is written to this attribute, and entries are found by it."""
    sign_in_ids: tuple[AttributeName, ...] = ("uid", "mail", "mobile")
    """Users log on with any of these."""

    @field_validator("mapping")
    @classmethod
    def _consistent(cls, value: tuple[UserRow, ...]) -> tuple[UserRow, ...]:
        _check_rows(value)
        return value

    @field_validator("rdn")
    @classmethod
    def _mapped(cls, value: str, info: ValidationInfo) -> str:
        return _check_rdn(value, info)

    @field_validator("id_attribute")
    @classmethod
    def _ours(cls, value: str | None, info: ValidationInfo) -> str | None:
        return _check_id_attribute(value, info)

    @field_validator("sign_in_ids")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one attribute")
        return value


class Organizations(Section):
    """What an organization becomes in LDAP."""

    object_classes: ObjectClasses = ("organizationalUnit", "top")
    """An entry that has all of them counts as an organization."""
    mapping: tuple[OrganizationRow, ...] = Field(
        default_factory=lambda: tuple(OrganizationRow.model_validate(row) for row in DEFAULT_ORGANIZATION_MAPPING)
    )
    """Attributes without a row are never touched."""
    rdn: AttributeName = "ou"
    """The attribute that names entries; the mapping must give it a value."""
    id_attribute: AttributeName | None = None
    """The organization id is written to this attribute, and entries are found by it."""

    @field_validator("mapping")
    @classmethod
    def _consistent(cls, value: tuple[OrganizationRow, ...]) -> tuple[OrganizationRow, ...]:
        _check_rows(value)
        return value

    @field_validator("rdn")
    @classmethod
    def _mapped(cls, value: str, info: ValidationInfo) -> str:
        return _check_rdn(value, info)

    @field_validator("id_attribute")
    @classmethod
    def _ours(cls, value: str | None, info: ValidationInfo) -> str | None:
        return _check_id_attribute(value, info)


def _check_field(value: str | None, root: str) -> str | None:
    if value is None:
        return None
    if not _FIELD.fullmatch(value) or not value.startswith(f"{root}."):
        raise ValueError(f"must be {root}. and the name of a field, such as {root}.description")
    if value == "user.password":
        raise ValueError("must not be user.password: passwords are written by `sync.passwords`, never by a mapping")
    return value


def _check_rows(rows: tuple[Row, ...]) -> None:
    seen: set[str] = set()
    identified = False
    for index, row in enumerate(rows):
        if row.attribute.lower() in seen:
            raise elsewhere((index, "attribute"), f"{row.attribute} has a row already: keep one of them")
        seen.add(row.attribute.lower())
        if row.identifier and identified:
            raise elsewhere((index, "identifier"), "another row is the identifier already: keep one of them")
        identified = identified or row.identifier


def _check_rdn(value: str, info: ValidationInfo) -> str:
    rows: tuple[Row, ...] | None = info.data.get("mapping")
    if rows is not None and not any(row.attribute.lower() == value.lower() and row.on is None for row in rows):
        raise ValueError(f"{value} needs a row in the mapping that is written always (without `on: create`)")
    return value


def _check_id_attribute(value: str | None, info: ValidationInfo) -> str | None:
    rows: tuple[Row, ...] | None = info.data.get("mapping")
    if value is not None and any(row.attribute.lower() == value.lower() for row in rows or ()):
        raise ValueError(f"{value} has a row in the mapping: the id is written there, so remove the row")
    return value
