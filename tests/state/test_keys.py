"""What the keys promise: a secret is shown once and kept nowhere, and what is wrong, expired or revoked opens nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.errors import StateError
from aisle.state.folder import State
from tests.state.support import NOW


def test_a_key_is_found_by_its_secret_and_knows_its_scopes(state: State) -> None:
    made, secret = state.keys.add(["read", "events"], NOW, name="shop pages")
    found = state.keys.find(secret, NOW + 1e9)
    assert found == made and found is not None
    assert (found.name, found.scopes, found.expires) == ("shop pages", {"read", "events"}, None)


def test_nothing_else_opens(state: State) -> None:
    made, secret = state.keys.add(["read"], NOW)
    other, _ = state.keys.add(["admin"], NOW)
    wrong = ["", "x", secret[:-1], secret + "x", secret.upper(), secret.replace(made.key_id, other.key_id)]
    wrong += [f"aisle_{made.key_id}_", "a_b_c", "\ud800_\x00_"]
    assert [state.keys.find(attempt, NOW) for attempt in wrong] == [None] * len(wrong)


def test_an_expired_key_opens_nothing_from_that_second_on(state: State) -> None:
    made, secret = state.keys.add(["read"], NOW, days=1)
    assert made.expires == NOW + 86_400
    assert state.keys.find(secret, NOW + 86_399) is not None
    assert state.keys.find(secret, NOW + 86_400) is None


def test_a_key_made_or_revoked_elsewhere_counts_at_the_next_question(folder: Path) -> None:
    with State.open(folder) as server, State.open(folder) as command:
        assert not server.keys.closed()
        made, secret = command.keys.add(["admin"], NOW)
        assert server.keys.closed() and server.keys.find(secret, NOW) is not None
        assert command.keys.revoke(made.key_id, NOW + 5)
        assert server.keys.find(secret, NOW) is None
        assert not command.keys.revoke(made.key_id, NOW + 6)
        assert not command.keys.revoke("none", NOW)
        assert server.keys.list()[0].revoked == NOW + 5


def test_revoking_the_last_key_does_not_open_the_door(state: State) -> None:
    made, _ = state.keys.add(["read"], NOW)
    state.keys.revoke(made.key_id, NOW)
    assert state.keys.closed()


@pytest.mark.parametrize(("scopes", "said"), [(["read", "root"], "`root`"), ([], "needs a scope")])
def test_an_unknown_scope_makes_no_key(state: State, scopes: list[str], said: str) -> None:
    with pytest.raises(StateError, match=f"{said}.*read, events, items, admin"):
        state.keys.add(scopes, NOW)
    assert state.keys.list() == []


def test_no_secret_is_in_the_folder_and_no_two_are_alike(folder: Path) -> None:
    with State.open(folder) as state:
        secrets = {state.keys.add(["read"], NOW)[1] for _ in range(20)}
        assert len(secrets) == 20
        everything = b"".join(path.read_bytes() for path in folder.iterdir())
        assert not [secret for secret in secrets if secret.encode() in everything or secret.split("_", 2)[2].encode() in everything]


def test_the_list_shows_all_oldest_first(state: State) -> None:
    for place, name in enumerate(("a", "b", "c")):
        state.keys.add(["read"], NOW + place, name=name)
    assert [key.name for key in state.keys.list()] == ["a", "b", "c"]
