"""The sections about users and organizations: their classes, their names, and the mapping of their fields."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from processors.expressions import ORGANIZATION_PATH
from processors.mapping import InvalidMapping, MappingRow, compile_mapping, same_attribute
from processors.octets import is_binary
from processors.rdn import qualifier_of
from streams.settings.section import Section
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


class Row(Section):
    """One line of a mapping: where the value of an attribute comes from.

    Only its form is looked at here; whether rows make a mapping is said by `processors.mapping.compile_mapping`, which
    `load_settings` asks.
    """

    attribute: Text
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

    def resolved(self) -> MappingRow:
        """The row as `processors` takes it."""
        return MappingRow(
            attribute=self.attribute,
            field=self.field,
            constant=self.constant,
            expression=self.expression,
            on_create=self.on == "create",
            identifier=self.identifier,
        )


class Users(Section):
    """What an account becomes in LDAP."""

    object_classes: ObjectClasses = ("inetOrgPerson", "top")
    """An entry that has all of them counts as a user."""
    mapping: tuple[Row, ...] = Field(
        default_factory=lambda: tuple(Row.model_validate(row) for row in DEFAULT_USER_MAPPING)
    )
    """Attributes without a row are never touched."""
    rdn: AttributeName = "uid"
    """The attribute that names entries; the mapping must give it a value."""
    id_attribute: AttributeName | None = None
    """The account id is written to this attribute, and entries are found by it."""
    rdn_conflict: Literal["wait", "qualify"] = "wait"
    """When another user has the name: wait until it is free, or take it with the identifier (`cn=Mei+uid=mei`)."""
    sign_in_ids: tuple[AttributeName, ...] = ("uid", "mail", "mobile")
    """Users log on with any of these."""

    @property
    def rows(self) -> tuple[MappingRow, ...]:
        """The mapping as `processors.mapping.compile_mapping` takes it."""
        return tuple(row.resolved() for row in self.mapping)

    @field_validator("rdn")
    @classmethod
    def _mapped(cls, value: str, info: ValidationInfo) -> str:
        return _check_rdn(value, info)

    @field_validator("id_attribute")
    @classmethod
    def _ours(cls, value: str | None, info: ValidationInfo) -> str | None:
        return _check_id_attribute(value, info)

    @field_validator("rdn_conflict")
    @classmethod
    def _told_apart(cls, value: str, info: ValidationInfo) -> str:
        known = info.data
        if value != "qualify" or not known.keys() >= {"mapping", "rdn", "id_attribute"}:
            return value  # or reported already
        identifier = next((row.attribute for row in known["mapping"] if row.identifier), None)
        if qualifier_of(known["rdn"], identifier, known["id_attribute"]) is None:
            raise ValueError(
                f"nothing tells users of one {known['rdn']} apart: give another attribute's row `identifier: true`, or"
                " id_attribute, or write wait"
            )
        return value

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
    mapping: tuple[Row, ...] = Field(
        default_factory=lambda: tuple(Row.model_validate(row) for row in DEFAULT_ORGANIZATION_MAPPING)
    )
    """Attributes without a row are never touched."""
    rdn: AttributeName = "ou"
    """The attribute that names entries; the mapping must give it a value."""
    id_attribute: AttributeName | None = None
    """The organization id is written to this attribute, and entries are found by it."""

    @property
    def rows(self) -> tuple[MappingRow, ...]:
        """The mapping as `processors.mapping.compile_mapping` takes it."""
        return tuple(row.resolved() for row in self.mapping)

    @field_validator("rdn")
    @classmethod
    def _mapped(cls, value: str, info: ValidationInfo) -> str:
        return _check_rdn(value, info)

    @field_validator("id_attribute")
    @classmethod
    def _ours(cls, value: str | None, info: ValidationInfo) -> str | None:
        return _check_id_attribute(value, info)


def _check_rdn(value: str, info: ValidationInfo) -> str:
    if ";" in value or is_binary(value):
        raise ValueError(f"{value} cannot name entries: choose an attribute of text, without options")
    rows: tuple[Row, ...] | None = info.data.get("mapping")
    if rows is None:
        return value
    naming = next((row for row in rows if same_attribute(row.attribute, value) and row.on is None), None)
    if naming is None:
        raise ValueError(f"{value} needs a row in the mapping that is written always (without `on: create`)")
    if _uses_path(naming):
        raise ValueError(f"{value} cannot be made of {ORGANIZATION_PATH}, its DN holds that: choose a field")
    return value


def _uses_path(row: Row) -> bool:
    try:
        return compile_mapping([row.resolved()], "organization").uses_path
    except InvalidMapping:
        return False  # reported by `load_settings`


def _check_id_attribute(value: str | None, info: ValidationInfo) -> str | None:
    rows: tuple[Row, ...] | None = info.data.get("mapping")
    if value is not None and any(same_attribute(row.attribute, value) for row in rows or ()):
        raise ValueError(f"{value} has a row in the mapping: the id is written there, so remove the row")
    return value
