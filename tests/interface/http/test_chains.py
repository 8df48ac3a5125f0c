"""Chains of corrections, read from any end."""

import pytest

from tests.interface.http.world import World, body_of, leg


def adjusted(world: World, entry: str, pair: tuple[str, str], amount: str) -> tuple[str, str]:
    """Adjusts an entry; returns the reversal and the replacement."""
    legs = [leg(pair[0], "debit", amount), leg(pair[1], "credit", amount)]
    body = {"reason": "wrong_amount", "legs": legs}
    answer = world.clerk.post(f"{world.path}/entries/{entry}/adjust", body)
    assert answer.status_code == 201, answer.text
    made = body_of(answer)
    return made["reversal"], made["replacement"]


def chain(world: World, entry: str) -> list[tuple[str, str | None, bool]]:
    shown = body_of(world.clerk.get(f"{world.path}/entries/{entry}"))
    return [(link["id"], link["correction"], link["stands"]) for link in shown["chain"]]


def test_an_entry_that_was_never_corrected_stands_alone(
    world: World, pair: tuple[str, str]
) -> None:
    entry = world.post(*pair, "1.00")["id"]
    assert chain(world, entry) == [(entry, None, True)]


@pytest.mark.parametrize("end", range(5))
def test_a_chain_reads_from_any_end(world: World, pair: tuple[str, str], end: int) -> None:
    first = world.post(*pair, "1.00")["id"]
    reversal, second = adjusted(world, first, pair, "2.00")
    again, third = adjusted(world, second, pair, "3.00")
    ends = [first, reversal, second, again, third]
    assert chain(world, ends[end]) == [
        (first, None, False),
        (reversal, "reversal", False),
        (second, "replacement", False),
        (again, "reversal", False),
        (third, "replacement", True),
    ]


def test_what_is_taken_back_in_the_end_stands_nowhere(world: World, pair: tuple[str, str]) -> None:
    first = world.post(*pair, "1.00")["id"]
    reversal, second = adjusted(world, first, pair, "2.00")
    answer = world.clerk.post(f"{world.path}/entries/{second}/reverse", {"reason": "duplicate"})
    last = body_of(answer)["id"]
    for entry in (first, reversal, second, last):
        links = chain(world, entry)
        assert [id for id, _, _ in links] == [first, reversal, second, last]
        assert not any(stands for _, _, stands in links)


def test_a_replacement_names_what_it_corrects_and_that_by_what(
    world: World, pair: tuple[str, str]
) -> None:
    first = world.post(*pair, "1.00")["id"]
    reversal, second = adjusted(world, first, pair, "2.00")
    corrected = body_of(world.clerk.get(f"{world.path}/entries/{first}"))
    assert (corrected["reversed_by"], corrected["adjusted_by"]) == (reversal, second)
    replacement = body_of(world.clerk.get(f"{world.path}/entries/{second}"))
    assert (replacement["corrects"], replacement["reversed_by"]) == (first, None)
    assert {link["reason"] for link in replacement["chain"][1:]} == {"wrong_amount"}
