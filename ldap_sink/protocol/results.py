"""What a server answers: entries, results, and the failure that a result is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

RESULT_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        # RFC 4511 appendix A
        0: "success",
        1: "operationsError",
        2: "protocolError",
        3: "timeLimitExceeded",
        4: "sizeLimitExceeded",
        5: "compareFalse",
        6: "compareTrue",
        7: "authMethodNotSupported",
        8: "strongerAuthRequired",
        10: "referral",
        11: "adminLimitExceeded",
        12: "unavailableCriticalExtension",
        13: "confidentialityRequired",
        14: "saslBindInProgress",
        16: "noSuchAttribute",
        17: "undefinedAttributeType",
        18: "inappropriateMatching",
        19: "constraintViolation",
        20: "attributeOrValueExists",
        21: "invalidAttributeSyntax",
        32: "noSuchObject",
        33: "aliasProblem",
        34: "invalidDNSyntax",
        36: "aliasDereferencingProblem",
        48: "inappropriateAuthentication",
        49: "invalidCredentials",
        50: "insufficientAccessRights",
        51: "busy",
        52: "unavailable",
        53: "unwillingToPerform",
        54: "loopDetect",
        64: "namingViolation",
        65: "objectClassViolation",
        66: "notAllowedOnNonLeaf",
        67: "notAllowedOnRDN",
        68: "entryAlreadyExists",
        69: "objectClassModsProhibited",
        71: "affectsMultipleDSAs",
        80: "other",
        # RFC 3909, RFC 4528, RFC 4533
        118: "canceled",
        119: "noSuchOperation",
        120: "tooLate",
        121: "cannotCancel",
        122: "assertionFailed",
        123: "authorizationDenied",
        4096: "syncRefreshRequired",
    }
)

SUCCESS: Final = 0
REFERRAL: Final = 10
NO_SUCH_OBJECT: Final = 32
ASSERTION_FAILED: Final = 122


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the server sent it.

    Attributes:
        dn: in the server's spelling, which may differ from ours.
        attributes: names as the server wrote them; one that came twice is merged.
    """

    dn: str
    attributes: dict[str, list[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """LDAPResult (RFC 4511 section 4.1.9).

    Attributes:
        code: `RESULT_NAMES` has its name.
        matched_dn: with noSuchObject, the deepest ancestor that exists.
        message: the server's words, for people.
        controls: response controls: value by OID.
        value: `responseValue` of an extended response.
    """

    code: int
    matched_dn: str = ""
    message: str = ""
    referrals: tuple[str, ...] = ()
    controls: Mapping[str, bytes | None] = field(default_factory=dict, repr=False)
    value: bytes | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name that RFC 4511 gives the code, or `unknown`."""
        return RESULT_NAMES.get(self.code, "unknown")


class LdapResultError(Exception):
    """The server answered with anything but success; it applied nothing.

    Attributes:
        operation: add, modify, modify_dn, delete, search, bind, password, extended.
        result: the whole answer.
    """

    def __init__(self, operation: str, result: Result) -> None:
        super().__init__(operation, result)
        self.operation = operation
        self.result = result

    def __str__(self) -> str:
        result = self.result
        return f"{self.operation}: {result.name}({result.code})" + (f": {result.message}" if result.message else "")
