"""One password on its way to one entry: on a slapd with a policy, without Kafka."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace

import orjson
import pytest

from ldap_sink.locking import Locker
from ldap_sink.passwords import PasswordWriter
from ldap_sink.probing import Prober
from schemas.dn import DN
from schemas.errors import ConfigurationError, DeadLetterReason, Permanent, Retryable
from schemas.events import Kind
from schemas.states import Binding, PasswordNote, PasswordStatus, State, Status
from streams.dead_letters import Original
from streams.metrics import PasswordResult
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import DisabledAccounts
from streams.worker.applying.account_locks import AccountLocks
from streams.worker.applying.attempt import Attempt
from streams.worker.applying.passwords import Courier
from streams.worker.states.state_view import StateView, seen_of
from tests.support.passwords import POLICY, TOO_SHORT, entry, fresh_password, lets_in
from tests.support.proxy import Proxy
from tests.support.sink import SEARCH, Bench, has_request, lose_reply, open_bench, person, write

EXTENDED = 0x77
"""Tag of the request."""


@pytest.fixture(scope="module")
def policed() -> Iterator[Slapd]:
    """A slapd whose policy binds the administrator, too."""
    with Slapd(SlapdOptions(policy=POLICY)) as server:
        yield server


@pytest.fixture
def front(policed: Slapd, proxy: Callable[..., Proxy]) -> Proxy:
    """A faulty network before the server."""
    return proxy(policed.port)


@pytest.fixture
async def bench(policed: Slapd, front: Proxy) -> AsyncIterator[Bench]:
    """A directory behind it."""
    login = {"admin_dn": policed.sync_dn, "password": policed.sync_password.encode, "allow_plaintext": True}
    async with open_bench(policed, port=front.port, **login) as opened:
        yield opened


@pytest.fixture
async def binding(bench: Bench) -> Binding:
    """Of an account without a password."""
    return (await bench.applied("u1", person("mei"))).binding


@pytest.fixture
def writer(bench: Bench) -> PasswordWriter:
    """What is tested."""
    return PasswordWriter(bench.directory, Prober(bench.directory, 0.1))


async def test_says_what_it_wrote_but_not_the_password(bench: Bench, writer: PasswordWriter, binding: Binding) -> None:
    password = fresh_password()
    written = await writer.write(binding, password.encode())
    assert lets_in(bench.slapd, binding.dn, password)
    assert written is not None
    assert [change.describe() for change in written] == [f"modify {binding.dn}: replace userPassword"]
    assert password not in repr(written)


async def test_a_lost_reply_is_answered_by_the_same_password_again(
    front: Proxy, bench: Bench, writer: PasswordWriter, binding: Binding
) -> None:
    """The policy does not take the repetition for a breach of the history."""
    password = fresh_password()
    lose_reply(front, EXTENDED)
    assert await writer.write(binding, password.encode()) == ()
    assert front.swallowed
    assert lets_in(bench.slapd, binding.dn, password)


async def test_an_entry_that_is_renamed_meanwhile_is_found(
    front: Proxy, bench: Bench, writer: PasswordWriter, binding: Binding
) -> None:
    """And who has its former name by now does not get the password."""
    password = fresh_password()
    renamed = bench.target.child(DN.parse("uid=may").rdn)

    def take_its_name() -> None:
        write(bench.slapd, lambda admin: admin.modify_dn(binding.dn, "uid=may"))
        bench.make("uid=mei", cn="Other", sn="Other")

    looks = [lambda: None, take_its_name]  # before the one that follows the search for the entry

    def see_request(chunk: bytes) -> bytes:
        if looks and has_request(chunk, SEARCH):
            looks.pop(0)()
        return chunk

    front.on_request = see_request
    await writer.write(binding, password.encode())
    assert not looks
    assert lets_in(bench.slapd, str(renamed), password)
    assert "userPassword" not in entry(bench.slapd, binding.dn)


async def test_without_an_entry_there_is_nothing_to_write(writer: PasswordWriter, binding: Binding) -> None:
    """Gone, or of another target."""
    assert await writer.write(replace(binding, target="another"), b"p") is None
    assert await writer.write(replace(binding, entry_uuid="00000000-0000-4000-8000-000000000000"), b"p") is None


async def test_a_former_password_is_no_refusal_if_it_may_have_been_written_before(
    bench: Bench, writer: PasswordWriter, binding: Binding
) -> None:
    """Somebody changed it after that."""
    first, second = fresh_password(), fresh_password()
    for password in (first, second):
        await writer.write(binding, password.encode())
    with pytest.raises(Permanent) as caught:
        await writer.write(binding, first.encode())
    assert caught.value.reason is DeadLetterReason.PASSWORD_REFUSED
    assert await writer.write(binding, first.encode(), again=True) == ()
    assert lets_in(bench.slapd, binding.dn, second)


async def test_words_that_repeat_the_password_are_not_repeated(writer: PasswordWriter, binding: Binding) -> None:
    """Slapd does not do so; what checks the quality may be anybody's module."""
    with pytest.raises(Permanent) as caught:
        await writer.write(binding, b"quality")
    assert "quality" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_refusal_that_does_not_say_whose_fault_it_is_is_judged(
    policed: Slapd, bench: Bench, writer: PasswordWriter, binding: Binding
) -> None:
    """Others may be written, so this password is refused; and nothing halts."""
    policed.modify_configuration(_ACCESS.format("read"))
    try:
        with pytest.raises(Permanent) as caught:
            await writer.write(binding, fresh_password().encode())
    finally:
        policed.modify_configuration(_ACCESS.format("write"))
    assert caught.value.reason is DeadLetterReason.PASSWORD_REFUSED
    assert "insufficientAccessRights" in caught.value.detail
    assert bench.directory.state.problem is None


_ACCESS = (
    "dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\ndelete: olcAccess\nolcAccess: {{0}}\n-\nadd: olcAccess\n"
    'olcAccess: {{0}}to attrs=userPassword by dn.exact="cn=sync,dc=example,dc=com" {} by self write'
    " by anonymous auth by * none\n"
)


async def test_passwords_do_not_travel_unencrypted_unless_that_is_allowed(policed: Slapd) -> None:
    async with open_bench(policed) as opened:
        with pytest.raises(ConfigurationError):
            PasswordWriter(opened.directory, Prober(opened.directory))


# -- the courier -------------------------------------------------------------------------------------------------------


@dataclass
class Log:
    """Stands where Kafka is; has one message at offset 7, if any."""

    value: bytes | None

    def note(self, original: Original, time: int) -> PasswordNote:
        """As `PasswordMessages.note`."""
        return PasswordNote("topic", original.partition, original.offset, time)

    async def read(self, note: PasswordNote) -> Original | None:
        """As `PasswordMessages.read`."""
        assert note.offset == 7
        return None if self.value is None else Original("accounts", 0, 7, b"u1", self.value, ())


REDRIVE = Original("accounts", 0, 9, b"u1", b"{}", ())


@dataclass
class Office:
    """A courier, the view that it believes, and what was written down of the states.

    Attributes:
        steps: states that were written, and looks at the view.
    """

    bench: Bench
    log: Log
    view: StateView
    steps: list[State | str] = field(default_factory=list)

    @property
    def courier(self) -> Courier:
        """What is tested."""
        prober = Prober(self.bench.directory, 0.1)
        writer = PasswordWriter(self.bench.directory, prober)
        locks = AccountLocks(Locker(self.bench.directory), DisabledAccounts.LOCK)
        return Courier(self.log, writer, prober, locks, self.view, self._catch_up, lambda _: None)

    def attempt(self, binding: Binding, *, tried: bool = False) -> Attempt:
        """An account with a password that is pending."""
        note = PasswordNote("topic", 0, 7, 5, tried=tried)
        state = State(None, 5, 5, 5, Status.APPLIED, 5, (1, 1), binding=binding, password=note)
        return Attempt(Kind.ACCOUNT, "u1", state, self._write_down)

    def show(self, identifier: str, binding: Binding) -> None:
        """Let the view know who is bound to an entry."""
        state = State(None, 5, 5, 5, Status.APPLIED, 5, (1, 1), binding=binding)
        self.view.absorb(seen_of(Kind.ACCOUNT, identifier, 0, state, self.view.target))

    async def _write_down(self, state: State) -> State:
        self.steps.append(state)
        return state

    async def _catch_up(self) -> None:
        self.steps.append("caught up")


@pytest.fixture
def office(bench: Bench, binding: Binding) -> Office:
    """The view knows the account."""
    value = orjson.dumps({"eventType": "ud:user:update_password", "bizData": {"userId": "u1", "password": PASSWORD}})
    made = Office(bench, Log(value), StateView(bench.directory.target))
    made.show("u1", binding)
    return made


PASSWORD = fresh_password()


async def test_the_binding_is_written_down_and_the_view_is_up_to_date_before_the_password_is_written(
    bench: Bench, binding: Binding, office: Office
) -> None:
    """So an entry that nobody is bound to never carries a password of ours."""
    attempt = office.attempt(binding)
    assert await office.courier.bring(attempt, REDRIVE) == (PasswordResult.APPLIED, None)
    [written, looked] = office.steps
    assert isinstance(written, State)
    assert (written.binding, looked) == (binding, "caught up")
    assert written.password == PasswordNote("topic", 0, 7, 5, tried=True)
    assert attempt.state.password == PasswordNote("topic", 0, 7, 5, PasswordStatus.APPLIED)
    assert lets_in(bench.slapd, binding.dn, PASSWORD)


async def test_what_was_written_down_before_is_not_written_down_again(binding: Binding, office: Office) -> None:
    """The event comes again after a crash."""
    await office.courier.bring(office.attempt(binding, tried=True), REDRIVE)
    assert office.steps == ["caught up"]


@pytest.mark.parametrize(("other", "is_asked_to_go"), [("u0", True), ("u2", False)])
async def test_no_password_is_written_while_somebody_else_is_bound_to_the_entry(
    bench: Bench, binding: Binding, office: Office, other: str, *, is_asked_to_go: bool
) -> None:
    """Whose it is waits for the other; the other, who must let go, does not wait."""
    office.show(other, binding)
    attempt = office.attempt(binding)
    if is_asked_to_go:
        assert await office.courier.bring(attempt, REDRIVE) == (None, None)
    else:
        with pytest.raises(Retryable):
            await office.courier.bring(attempt, REDRIVE)
    assert attempt.state.password is not None
    assert attempt.state.password.status is PasswordStatus.PENDING
    assert "userPassword" not in entry(bench.slapd, binding.dn)


async def test_a_refusal_names_the_message_that_brought_the_password(binding: Binding, office: Office) -> None:
    """Not the one that is handled."""
    body = {"eventType": "ud:user:update_password", "bizData": {"userId": "u1", "password": TOO_SHORT}}
    office.log = Log(orjson.dumps(body))
    attempt = office.attempt(binding)
    result, refusal = await office.courier.bring(attempt, REDRIVE)
    assert (result, refusal is not None and refusal.original.offset) == (PasswordResult.REFUSED, 7)
    assert TOO_SHORT not in repr(refusal)


@pytest.mark.parametrize("value", [None, b'{"eventType":"common:test"}'])
async def test_a_message_that_is_gone_or_another_one_is_a_lost_password(
    binding: Binding, office: Office, value: bytes | None
) -> None:
    office.log = Log(value)
    attempt = office.attempt(binding)
    assert await office.courier.bring(attempt, REDRIVE) == (PasswordResult.LOST, None)
    assert attempt.state.password == PasswordNote("topic", 0, 7, 5, PasswordStatus.LOST)
    assert office.steps == []
