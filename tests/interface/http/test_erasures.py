"""Texts are erased on record; who reads sees that there were some."""

from typing import Any

from tests.interface.http.world import World, assert_problem, authorization, body_of, entry

NAME = "Erika Mustermann"
WHY = {"reason": "privacy_request"}


def posted(world: World, **more: Any) -> dict[str, Any]:
    body = entry(world.account(), world.account(), "1.00", narrative=NAME, metadata={"n": NAME})
    return body_of(world.clerk.post(f"{world.path}/entries", {**body, **more}))


def test_an_entrys_texts_go_and_the_record_stays(world: World) -> None:
    made = posted(world)
    path = f"{world.path}/entries/{made['id']}"
    before = body_of(world.auditor.get(path))
    assert (before["narrative"], before["texts_erased"]) == (NAME, False)
    assert_problem(world.clerk.post(f"{path}/erase", WHY), 403, "forbidden")
    assert_problem(world.compliance.post(f"{path}/erase"), 422, "invalid_request")
    erased = world.compliance.post(f"{path}/erase", WHY, key="gone")
    assert (erased.status_code, body_of(erased)["erased"]) == (200, made["id"])
    again = world.compliance.post(f"{path}/erase", WHY, key="gone")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert body_of(again) == body_of(erased)
    assert world.controller.post(f"{path}/erase", WHY).status_code == 200, "it changes nothing"
    after = world.auditor.get(path)
    assert NAME not in after.text
    shown = body_of(after)
    assert (shown["narrative"], shown["metadata"], shown["texts_erased"]) == (None, None, True)
    assert shown["record_sha256"] == before["record_sha256"]
    record = body_of(world.auditor.get(f"{world.path}/events?stream={made['id']}"))["items"][0]
    assert "private" in record["payload"]
    assert NAME not in world.auditor.get(f"{world.path}/audit/entry/{made['id']}").text


def test_a_holds_texts_go_and_it_lives_on(world: World) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    path = f"{world.path}/authorizations"
    held = body_of(world.clerk.post(path, authorization(wallet, shop, "5.00", narrative=NAME)))
    path = f"{path}/{held['id']}"
    assert world.controller.post(f"{path}/erase", WHY).status_code == 200
    first, *_ = body_of(world.auditor.get(path))["history"]
    assert (first["narrative"], first["texts_erased"]) == (None, True)
    more = {"amount": "1.00", "narrative": "more"}
    grown = body_of(world.clerk.post(f"{path}/increment", more))["history"][-1]
    assert (grown["narrative"], grown["texts_erased"]) == ("more", False)
    settled = world.clerk.post(f"{path}/settle", {"validate_only": True, "narrative": NAME})
    assert body_of(settled)["history"][-1]["texts_erased"] is False
    assert world.clerk.post(f"{path}/settle").status_code == 201


def test_what_is_not_there_has_no_texts(world: World) -> None:
    none = "/00000000-0000-4000-8000-000000000000/erase"
    for things, code in (
        ("entries", "entry_not_found"),
        ("authorizations", "authorization_not_found"),
    ):
        assert_problem(world.controller.post(f"{world.path}/{things}{none}", WHY), 404, code)


def test_an_accounts_texts_go_with_those_of_its_freezes_and_limits(world: World) -> None:
    code, kept = world.account(), world.account()
    path, suspect = f"{world.path}/accounts/{code}", f"{NAME} of {code}"
    frozen = world.controller.post(f"{world.path}/accounts/{kept}/freeze", {"narrative": suspect})
    world.controller.post(f"{path}/freeze", {"narrative": suspect})
    limit = {"account": code, "per": "day", "count": 3, "metadata": {"n": suspect}}
    assert world.controller.post(f"{world.path}/limits", limit).status_code == 200
    assert positions_of(world, suspect)[1:] == [world.head() - 1, world.head()]
    assert_problem(world.clerk.post(f"{path}/erase", WHY), 403, "forbidden")
    assert world.compliance.post(f"{path}/erase", WHY).status_code == 200
    assert positions_of(world, suspect) == [body_of(frozen)["position"]]


def test_every_text_can_be_erased_by_the_position_of_its_event(world: World) -> None:
    """Whatever it is of: here a journal, an asset, a rate, a baseline, a lock, and an erasure."""
    suspect = f"{NAME} of all"
    asked: dict[str, dict[str, Any]] = {
        "journals": {"code": "NAMED", "name": "Named"},
        "assets": {"code": "NAMED", "scale": 2},
        "rates": {"base": "NAMED", "quote": "USD", "rate": "1.1", "effective_on": "2020-02-29"},
        "baselines": {
            "account": world.account("expense"),
            "unit_amount": "1",
            "units": {"2020-01": "1"},
            "source": "S",
        },
        "periods/lock": {"through": "2001-01-31"},
    }
    for path, body in asked.items():
        said = {**body, "narrative": suspect}
        answer = world.controller.post(f"{world.path}/{path}", said)
        assert answer.status_code < 300, answer.text
    path = f"{world.path}/accounts/{world.account()}/erase"
    world.controller.post(path, {**WHY, "narrative": suspect})
    found = positions_of(world, suspect)
    assert len(found) == len(asked) + 1
    for position in found:
        path = f"{world.path}/events/{position}/erase"
        assert_problem(world.clerk.post(path, WHY), 403, "forbidden")
        erased = world.compliance.post(path, WHY)
        record = body_of(world.auditor.get(f"{world.path}/events?from_position={position}&limit=1"))
        assert (erased.status_code, body_of(erased)["erased"]) == (
            200,
            record["items"][0]["stream"],
        )
    assert positions_of(world, suspect) == []
    for nowhere in ("0", "01", "none", str(world.head() + 99), "9" * 18):
        path = f"{world.path}/events/{nowhere}/erase"
        assert_problem(world.compliance.post(path, WHY), 404, "not_found")


def positions_of(world: World, text: str) -> list[int]:
    with world.ledgers.reader("main") as connection:
        rows = connection.execute(
            "SELECT position FROM private WHERE strpos(convert_from(body, 'UTF8'), %s) > 0"
            " ORDER BY position",
            [text],
        )
        return [row["position"] for row in rows]
