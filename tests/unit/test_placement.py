"""Where in the organization tree a record belongs (design section 4, "Placement")."""

from dataclasses import dataclass

import pytest

from processors.placement import Outside, Placed, Placement, Tree, Unplaced, is_source_or_root, names_along, place
from schemas.events import Json
from schemas.records import account_record, organization_record

SOURCE = "src"


@dataclass(frozen=True)
class Node:
    """An organization as the tree knows it."""

    parent_id: str | None
    is_deleted: bool = False
    is_bound: bool = True


def tree(**changes: Node) -> Tree:
    """The one of all tests.

    ou_root
    ├── outer ── outer_low
    └── src                       the source node, whose own record never came
        ├── a ── b ── c           in scope
        └── gone ── orphan        deleted, with a child that is not
    """
    nodes = {
        "outer": Node("ou_root", is_bound=False),
        "outer_low": Node("outer", is_bound=False),
        "a": Node(SOURCE),
        "b": Node("a"),
        "c": Node("b"),
        "gone": Node(SOURCE, is_deleted=True, is_bound=False),
        "orphan": Node("gone", is_bound=False),
        **changes,
    }
    return nodes.get


def organization(parent: str | None, identifier: str = "new", *, within: Tree | None = None) -> Placement:
    record = organization_record({"organizationalUnitId": identifier, "parentId": parent})
    return place(record, within or tree(), SOURCE)


def account(
    homes: str | None, *, primary: str | None = None, within: Tree | None = None, source: str = SOURCE
) -> Placement:
    """`homes` by their ids, one that is marked primary with a star."""
    document: dict[str, Json] = {"userId": "u1", "primaryOrganizationalUnitId": primary}
    if homes is not None:
        document["organizationalUnits"] = [
            {"organizationalUnitId": home.rstrip("*"), "primary": home.endswith("*")} for home in homes.split()
        ]
    return place(account_record(document), within or tree(), source)


# -- organizations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "placement"),
    [
        (SOURCE, Placed(())),
        ("a", Placed(("a",))),
        ("c", Placed(("a", "b", "c"))),
        ("ou_root", Outside()),
        ("outer_low", Outside()),
        (None, Outside()),
        ("", Outside()),
        ("new", Outside()),
        ("unheard", Unplaced("organization_unknown", "unheard")),
        ("gone", Unplaced("organization_deleted", "gone")),
        ("orphan", Unplaced("organization_waiting", "orphan")),
    ],
)
def test_an_organization_is_below_its_parent(parent: str | None, placement: Placement) -> None:
    """An empty parent, or itself as its parent, makes it a root beside the real one."""
    assert organization(parent) == placement


def test_the_source_node_may_be_the_root() -> None:
    """Then everything below the root is in scope."""
    record = organization_record({"organizationalUnitId": "new", "parentId": "outer"})
    assert place(record, tree(outer=Node("ou_root")), "ou_root") == Placed(("outer",))


@pytest.mark.parametrize(("identifier", "answer"), [("ou_root", True), (SOURCE, True), ("a", False), ("outer", False)])
def test_the_source_nodes_own_record_and_the_roots_are_told(identifier: str, answer: bool) -> None:  # noqa: FBT001
    assert is_source_or_root(identifier, SOURCE) is answer


@pytest.mark.parametrize("node", [Node("outer"), Node(None), Node(SOURCE), Node("a", is_deleted=True)])
def test_what_the_source_node_is_does_not_matter(node: Node) -> None:
    """It is the target node, whatever its own record says."""
    assert organization("a", within=tree(src=node)) == Placed(("a",))


def test_a_deleted_root_is_still_the_root() -> None:
    assert organization("outer", within=tree(ou_root=Node(None, is_deleted=True))) == Outside()


def test_a_path_names_the_parent() -> None:
    """None is the target node."""
    assert (Placed(("a", "b")).parent_id, Placed(()).parent_id) == ("b", None)


@pytest.mark.parametrize("top", [Node("ou_root"), Node(None), Node("x")])
def test_below_a_root_of_its_own_is_outside(top: Node) -> None:
    """Also an organization above may have no parent, or itself."""
    assert organization("y", within=tree(x=top, y=Node("x"))) == Outside()


def test_who_is_not_yet_bound_is_waited_for() -> None:
    """The one nearest to the record, though others above wait as well."""
    within = tree(a=Node(SOURCE, is_bound=False), b=Node("a", is_bound=False))
    assert organization("c", within=within) == Unplaced("organization_waiting", "b")


def test_who_is_unknown_above_one_that_waits_is_not_what_is_waited_for() -> None:
    """The one that waits will say when it has its place."""
    within = tree(x=Node("unheard", is_bound=False))
    assert organization("x", within=within) == Unplaced("organization_waiting", "x")


def test_outside_counts_though_somebody_on_the_way_has_no_entry() -> None:
    """Nobody outside has one."""
    assert organization("x", within=tree(x=Node("outer", is_bound=False))) == Outside()


@pytest.mark.parametrize("bound", [True, False])
def test_who_is_below_itself_waits(bound: bool) -> None:  # noqa: FBT001
    """In circles of two and three, whether they have entries or not."""
    two = tree(new=Node("x", is_bound=bound), x=Node("new", is_bound=bound))
    three = tree(new=Node("x", is_bound=bound), x=Node("y", is_bound=bound), y=Node("new", is_bound=bound))
    assert organization("x", within=two) == Unplaced("parent_cycle", "new")
    assert organization("x", within=three) == Unplaced("parent_cycle", "new")


@pytest.mark.parametrize("circle", ["x", "x y", "x y z"])
def test_who_is_below_a_circle_waits(circle: str) -> None:
    """Of one, two and three organizations; one of itself alone is a root."""
    members = circle.split()
    nodes = {member: Node(members[(index + 1) % len(members)]) for index, member in enumerate(members)}
    expected = Outside() if len(members) == 1 else Unplaced("parent_cycle", "x")
    assert organization("x", within=tree(**nodes)) == expected


# -- accounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("homes", "primary", "placement"),
    [
        ("a", None, Placed(("a",))),
        ("a b", None, Placed(("a",))),
        ("a b*", None, Placed(("a", "b"))),
        ("a b*", "c", Placed(("a", "b", "c"))),
        (None, "c", Placed(("a", "b", "c"))),
        (SOURCE, None, Placed(())),
        ("a unheard*", None, Unplaced("organization_unknown", "unheard")),
        ("a", "unheard", Unplaced("organization_unknown", "unheard")),
        ("a gone*", None, Unplaced("organization_deleted", "gone")),
        ("a orphan*", None, Unplaced("organization_waiting", "orphan")),
        ("a outer*", None, Placed(("a",))),
        ("outer_low c a", None, Placed(("a", "b", "c"))),
        ("a", "outer", Placed(("a",))),
        ("outer unheard a", None, Placed(("a",))),
        ("outer unheard gone", None, Unplaced("organization_unknown", "unheard")),
        ("outer", None, Outside()),
        ("outer ou_root", None, Outside()),
        ("", None, Unplaced("no_organization", None)),
        (None, None, Unplaced("no_organization", None)),
    ],
)
def test_an_account_is_in_its_primary_organization(
    homes: str | None, primary: str | None, placement: Placement
) -> None:
    """Unknown: it waits; outside: the first one in scope; outside with all: out of scope; none at all: it waits."""
    assert account(homes, primary=primary) == placement


def test_an_account_in_the_root_is_in_scope_if_the_root_is_the_source() -> None:
    assert account("ou_root", source="ou_root") == Placed(())


def test_an_account_below_a_circle_waits() -> None:
    assert account("x", within=tree(x=Node("y"), y=Node("x"))) == Unplaced("parent_cycle", "x")


def test_a_path_is_named_from_the_top() -> None:
    """One without a record, or without a name, has none."""
    records = {
        "a": organization_record({"organizationalUnitId": "a", "name": "R&D"}),
        "b": organization_record({"organizationalUnitId": "b", "name": ""}),
        "c": organization_record({"organizationalUnitId": "c", "name": "研发"}),
    }
    assert names_along(("a", "b", "c", "d"), records.get) == ("R&D", None, "研发", None)
