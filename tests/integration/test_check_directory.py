"""What `ldapflow check` finds in a directory that lets it in: on real servers, and its remedies tried."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from ldap3.core.exceptions import LDAPOperationResult

from ldap_sink.reading import read_subschema
from ldap_sink.session import open_session
from streams.checking.findings import Verdict
from streams.checking.schema_checks import schema_findings
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from streams.settings.directory import directory_settings
from tests.support.checking import as_sync, configure, found, marks, settings_of
from tests.support.directory_dump import read_tree
from tests.support.sink import leave_probe, write


async def test_a_target_that_is_missing_is_told_before_one_that_is_not_pinned(kafka: Kafka, slapd: Slapd) -> None:
    """The schema is looked at all the same."""
    target = "ou=none,dc=example,dc=com"
    told = await found(settings_of(kafka, slapd, sync={"target_dn": target, "target_entry_uuid": None}))
    (line,) = told["target"]
    assert line.startswith(f"✗ there is no {target}: create it, bring it back, or correct sync.target_dn")
    assert marks(told, "schema") == "✓✓"


async def test_nothing_is_written_to_another_target(kafka: Kafka, slapd: Slapd) -> None:
    """Not even a probe."""
    settings = settings_of(kafka, slapd, sync={"target_entry_uuid": "00000000-0000-4000-8000-000000000000"})
    before = read_tree(slapd, str(settings.sync.target_dn))
    told = await found(settings)
    assert "expected 00000000-0000-4000-8000-000000000000" in told["target"][0]
    assert read_tree(slapd, str(settings.sync.target_dn)) == before


async def test_probes_are_gone_afterwards(kafka: Kafka, slapd: Slapd) -> None:
    """An older one, that a killed process left, too."""
    settings = settings_of(kafka, slapd)
    target = settings.sync.target_dn
    leave_probe(slapd, target)
    told = await found(settings)
    assert marks(told, "write", "lock") == "✓✓"
    assert list(read_tree(slapd, str(target))) == [str(target)]


async def test_a_younger_probe_is_told(kafka: Kafka, slapd: Slapd) -> None:
    """It may be another process's that is at it; or was left a moment ago, by one that was killed."""
    settings = settings_of(kafka, slapd)
    left = leave_probe(slapd, settings.sync.target_dn, old=False)
    told = await found(settings)
    assert marks(told, "write") == "✓!"
    assert str(left) in told["write"][1]


async def test_a_server_that_takes_no_writes_is_told(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """What only reads is looked at all the same."""
    slapd = fresh_slapd()
    settings = settings_of(kafka, slapd)
    slapd.set_read_only(True)
    told = await found(settings)
    assert told["write"][0].startswith("✗ nothing can be written below ")
    assert marks(told, "lock", "entries") == f"{Verdict.SKIPPED.value}✓"


async def test_an_administrator_who_may_only_read_is_told(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """With what to do about it."""
    slapd = fresh_slapd()
    settings = settings_of(kafka, slapd, connection=as_sync(slapd))
    rule = f'olcAccess: {{0}}to dn.subtree="{settings.sync.target_dn}" by * read'
    configure(slapd, DATABASE_CONFIG_DN, rule)
    told = await found(settings)
    assert marks(told, "bind", "target", "write") == "✓✓✗"
    assert "give connection.admin_dn the right to write there" in told["write"][0]


async def test_a_lock_that_keeps_nobody_out_is_told(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """With the ways out; where nobody is to be locked, it is not looked at."""
    slapd = fresh_slapd(SlapdOptions())
    told = await found(settings_of(kafka, slapd))
    assert told["lock"][0].startswith("✗ a locked account could log on: ")
    assert "pwdLockout TRUE, or choose `disabled_accounts: keep` or `disabled_accounts: remove`" in told["lock"][0]
    kept = await found(settings_of(kafka, slapd, sync={"disabled_accounts": "keep"}))
    assert "lock" not in kept


async def test_whether_the_policy_holds_is_tried(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """Whoever the administrator is by name: slapd lets the rootdn give any password. Where none are, nobody asks."""
    slapd = fresh_slapd(SlapdOptions(policy={"pwdCheckQuality": "2", "pwdMinLength": "8"}))
    allowed = {"allow_plaintext": True}
    settings = settings_of(kafka, slapd, sync={"passwords": True}, connection={**as_sync(slapd), **allowed})
    bound, by_root = [
        await found(one) for one in (settings, settings_of(kafka, slapd, sync={"passwords": True}, connection=allowed))
    ]
    assert bound["passwords"][0].startswith("✓ the server's policy refused one that is too simple (")
    assert "constraintViolation(19)" in bound["passwords"][0]
    assert by_root["passwords"][0].startswith("! a probe entry could be given a password of one letter: ")
    assert "passwords" not in await found(settings_of(kafka, slapd))
    assert list(read_tree(slapd, str(settings.sync.target_dn))) == [str(settings.sync.target_dn)]


async def test_a_policy_that_wants_the_former_password_is_a_fault(
    kafka: Kafka, fresh_slapd: Callable[..., Slapd]
) -> None:
    """No password of the source could replace another."""
    slapd = fresh_slapd(SlapdOptions(policy={"pwdSafeModify": "TRUE"}))
    told = await found(
        settings_of(kafka, slapd, sync={"passwords": True}, connection={**as_sync(slapd), "allow_plaintext": True})
    )
    assert told["passwords"][0].startswith("✗ a probe entry's password is refused with password: ")


async def test_the_limit_that_it_names_is_the_one_to_raise(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """A verification would see a part of the tree only."""
    slapd = fresh_slapd(SlapdOptions(size_limit=3, policy={}))
    settings = settings_of(kafka, slapd, connection=as_sync(slapd))
    write(slapd, lambda admin: [admin.add(f"ou={x},{settings.sync.target_dn}", "organizationalUnit") for x in "abcdef"])
    [fault] = (await found(settings))["entries"]
    assert fault.startswith("✗ a limit of the server cuts off the reading of the whole target ")
    configure(slapd, DATABASE_CONFIG_DN, fault.split("`")[1])
    assert (await found(settings))["entries"] == ["✓ 6 entries below the target could be read"]


async def test_the_indexes_that_it_names_are_those_that_are_missing(
    kafka: Kafka, fresh_slapd: Callable[..., Slapd]
) -> None:
    """Where the administrator may read cn=config."""
    slapd = fresh_slapd()
    configure(slapd, "olcDatabase={0}config,cn=config", f'olcAccess: to * by dn.exact="{slapd.admin_dn}" read')
    settings = settings_of(kafka, slapd, users={"id_attribute": "employeeNumber"})
    told = await found(settings)
    [advice] = told["indexes"]
    assert advice == (
        "! employeeNumber is searched for and has no eq index, so each search reads the whole database:"
        f" add `olcDbIndex: employeeNumber eq` to {DATABASE_CONFIG_DN}"
    )
    configure(slapd, DATABASE_CONFIG_DN, advice.split("`")[1])
    assert (await found(settings))["indexes"] == ["✓ entryUUID, uid, employeeNumber are indexed"]


async def test_indexes_that_cannot_be_read_are_no_fault(kafka: Kafka, slapd: Slapd) -> None:
    """Most administrators may not read cn=config: told once, with what must be there."""
    told = await found(settings_of(kafka, slapd))
    [advice] = told["indexes"]
    assert advice.startswith("! cn=config may not be read, so the indexes are not known: ")
    assert advice.endswith(" has `olcDbIndex: entryUUID eq`, `olcDbIndex: uid eq`")


PERSON = {"uid": "x", "cn": "x", "sn": "x"}


@pytest.mark.parametrize(
    ("classes", "values"),
    [
        (["inetOrgPerson"], {"cn": "x", "uid": "x"}),
        (["inetOrgPerson"], {**PERSON, "uidNumber": "1"}),
        (["inetOrgPerson"], {**PERSON, "entryCSN": "20260101000000.000000Z#000000#000#000000"}),
        (["inetOrgPerson"], {**PERSON, "employeeNumber": ["1", "2"]}),
        (["inetOrgPerson"], {**PERSON, "nope": "x"}),
        (["inetOrgPerson", "account"], PERSON),
        (["inetOrgPerson", "nope"], PERSON),
        (["extensibleObject"], PERSON),
    ],
)
async def test_what_slapd_refuses_is_a_fault_before(
    kafka: Kafka, slapd: Slapd, classes: Sequence[str], values: Mapping[str, Any]
) -> None:
    """Each of these entries, and no other sort of fault."""
    rows = [{"attribute": name, "constant": value} for name, value in values.items()]
    settings = settings_of(kafka, slapd, users={"object_classes": classes, "mapping": rows})
    connection = await open_session(directory_settings(settings))
    subschema = await read_subschema(connection, settings.sync.target_dn)
    await connection.close()
    faults = [one for one in schema_findings(settings, subschema) if one.verdict is Verdict.FAULT]
    with pytest.raises(LDAPOperationResult):
        write(slapd, lambda admin: admin.add(f"uid=x,{settings.sync.target_dn}", classes, values))
    assert len(faults) == 1
