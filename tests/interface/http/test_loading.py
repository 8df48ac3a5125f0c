"""The quick way and the careful way from bytes to a command agree, whatever is sent."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.commands import Command
from domain.entries import Post
from domain.legs import LegAsked
from interface.http.loading import Loader
from interface.http.loading_batch import fast_batch, fast_element, fast_lines
from interface.http.parsing import (
    Element,
    Invalid,
    Malformed,
    command_of,
    element_of,
    parse,
)
from interface.http.schemas import Body, CreateLedgerBody, OpenAccountBody
from interface.http.schemas_authorizations import AuthorizeBody, SettleBody, SettleMandatoryBody
from interface.http.schemas_baselines import SetBaselineBody
from interface.http.schemas_batch import ELEMENTS
from interface.http.schemas_postings import PostBody
from interface.http.schemas_rates import RecordRateBody
from interface.http.schemas_stops import SetLimitBody
from interface.http.verbs import VERBS
from tests.interface.http import bodies

BODIES = [type(verb.loader.body) for verb in VERBS.values()]
LOADERS = {body: VERBS[body.makes].loader for body in BODIES}
TARGETS = {
    None: None,
    "account": "assets:cash",
    "entry": "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e",
    "authorization": "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e",
    "period": "2026-03",
    "event": "4711",
    "baseline": "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e",
}

many = settings(deadline=None, suppress_health_check=list(HealthCheck))


def assert_same(fast: Command | None, slow: Command | None) -> None:
    """Asserts that the quick way took nothing, or just what the careful way takes."""
    if fast is None:
        return
    assert slow is not None
    assert type(fast) is type(slow)
    assert fast == slow
    assert msgspec.json.encode(fast) == msgspec.json.encode(slow)


def carefully(body: type[Body], raw: bytes) -> Command | None:
    try:
        return command_of(body(), raw, TARGETS[body.target])
    except (Malformed, Invalid):
        return None


def carefully_element(raw: bytes) -> Element | None:
    try:
        return element_of(raw)
    except (Malformed, Invalid):
        return None


def assert_same_element(raw: bytes) -> None:
    fast, slow = fast_element(raw), carefully_element(raw)
    if fast is not None:
        assert slow is not None
        assert (fast.key, fast.group) == (slow.key, slow.group)
        assert_same(fast.command, slow.command)


@given(data=st.data())
@settings(many, max_examples=60)
def test_what_is_right_is_the_same_both_ways(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(BODIES))
    document = data.draw(bodies.body(body))
    raw = data.draw(bodies.written(document))
    slow = carefully(body, raw)
    if body not in (
        AuthorizeBody,
        CreateLedgerBody,
        OpenAccountBody,
        SetBaselineBody,
        RecordRateBody,
        SetLimitBody,
        SettleMandatoryBody,
    ):  # which have rules between members
        assert slow is not None
    assert_same(LOADERS[body].fast(raw, TARGETS[body.target]), slow)


@given(data=st.data())
@settings(many, max_examples=80)
def test_what_is_wrong_is_the_same_both_ways(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(BODIES))
    raw = data.draw(bodies.written(data.draw(bodies.spoiled(body))))
    assert_same(LOADERS[body].fast(raw, TARGETS[body.target]), carefully(body, raw))


@given(data=st.data())
@settings(many, max_examples=60)
def test_what_is_mangled_is_the_same_both_ways(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from([PostBody, AuthorizeBody, SettleBody, CreateLedgerBody]))
    raw = data.draw(bodies.written(data.draw(bodies.body(body))))
    for _ in range(data.draw(st.integers(1, 2))):
        raw = data.draw(bodies.mangled(raw))
    assert_same(LOADERS[body].fast(raw, TARGETS[body.target]), carefully(body, raw))


@given(data=st.data())
@settings(many, max_examples=80)
def test_elements_of_batches_are_the_same_both_ways(data: st.DataObject) -> None:
    element = data.draw(st.sampled_from(list(ELEMENTS.values())))
    wanted = data.draw(st.sampled_from(["right", "wrong", "mangled"]))
    make = bodies.spoiled if wanted == "wrong" else bodies.body
    raw = data.draw(bodies.written(data.draw(make(element))))
    if wanted == "mangled":
        raw = data.draw(bodies.mangled(raw))
    assert_same_element(raw)


@given(data=st.data())
@settings(many, max_examples=80)
def test_whole_batches_are_the_same_as_their_elements(data: st.DataObject) -> None:
    kinds = st.sampled_from(list(ELEMENTS.values()))
    right = kinds.flatmap(bodies.body)
    wrong = kinds.flatmap(bodies.spoiled)
    spoiled = data.draw(st.booleans())
    documents = data.draw(st.lists(right | wrong if spoiled else right, max_size=4))
    envelope: dict[str, Any] = {"commands": documents, **data.draw(ENVELOPES)}
    raw = data.draw(bodies.written(envelope))
    if data.draw(st.booleans()):
        raw = data.draw(bodies.mangled(raw))
    fast = fast_batch(raw)
    if fast is None:
        return
    careful = parse(raw)
    assert careful.keys() <= {"commands", "atomic"}
    assert fast.atomic is careful.get("atomic", False)
    elements = [carefully_element(json.dumps(command).encode()) for command in careful["commands"]]
    assert fast.elements == elements
    assert [msgspec.json.encode(one.command) for one in fast.elements] == [
        msgspec.json.encode(one.command) for one in elements if one is not None
    ]


@given(data=st.data())
@settings(many, max_examples=40)
def test_lines_are_the_same_together_and_each(data: st.DataObject) -> None:
    kinds = st.sampled_from(list(ELEMENTS.values()))
    documents = data.draw(st.lists(kinds.flatmap(bodies.body), min_size=1, max_size=4))
    raws = [data.draw(bodies.written(document)) for document in documents]
    if data.draw(st.booleans()):
        raws[0] = data.draw(bodies.mangled(raws[0]))
    lines = [line for raw in raws for line in raw.split(b"\n") if line.strip()]
    fast = fast_lines(lines)
    assert fast is None or fast == [carefully_element(line) for line in lines]


def test_as_many_commands_as_lines_are_not_yet_one_a_line() -> None:
    one, two = (
        json.dumps({"do": "post", "key": key, **two_legs()}).encode() for key in ("one", "two")
    )
    assert fast_lines([one, two]) is not None
    half = one.index(b"}, {")
    for first, second in (
        (one[: half + 1], one[half + 1 :]),
        (one[: half + 2], one[half + 2 :]),
        (one[: half + 3], one[half + 3 :]),
        (one[:1], one[1:]),
        (one[:-1], one[-1:]),
    ):
        assert fast_lines([first, second, two + b" " + two]) is None
        assert fast_lines([two + two, first, second]) is None


ENVELOPES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"atomic": True}, {"atomic": False}, {"atomic": None}, {"x": 1}]
)


def two_legs(**more: Any) -> dict[str, Any]:
    leg = {"account": "a:b", "amount": "12.30", "asset": "USD"}
    return {"legs": [{**leg, "side": "debit"}, {**leg, "side": "credit"}], **more}


USUAL: list[tuple[type[Body], dict[str, Any]]] = [
    (PostBody, two_legs()),
    (PostBody, two_legs(reference="invoice 7", narrative='Grüße: "ja"', metadata={"k": ":"})),
    (PostBody, two_legs(**{"class": "adjusting", "effective_on": "2026-03-31"})),
    (PostBody, two_legs(original={"entered_at": "2026-03-31T09:00:00Z"}, source={"line": 3})),
    (AuthorizeBody, {"debit": "a", "credit": "b", "amount": "1", "asset": "USD"}),
    (
        AuthorizeBody,
        {
            "debit": "a",
            "credit": "b",
            "amount": "1",
            "asset": "USD",
            "expires_at": "2026-03-31T00:00:00+00:00",
        },
    ),
    (PostBody, two_legs(validate_only=True)),
    (PostBody, two_legs(**{"if": [{"account": "a:b", "version": 3}]})),
    (SettleBody, {"if": [{"account": "a", "asset": "X", "available": {"gt": "-1.5", "lt": "9"}}]}),
    (SettleBody, {}),
    (SettleBody, {"amount": "1.00", "final": True}),
]


@pytest.mark.parametrize(("body", "document"), USUAL)
@pytest.mark.parametrize("ascii", [True, False])
def test_the_usual_goes_the_quick_way(
    body: type[Body], document: dict[str, Any], ascii: bool
) -> None:
    raw = json.dumps(document, ensure_ascii=ascii).encode()
    fast = LOADERS[body].fast(raw, TARGETS[body.target])
    assert fast is not None
    assert fast == carefully(body, raw)
    element = {"do": str(body.makes.__struct_config__.tag), "key": "order:7/1", **document}
    if body.target is not None:
        element[body.target] = TARGETS[body.target]
    for group in ({}, {"group": "g:1"}):
        raw = json.dumps({**element, **group}, ensure_ascii=ascii).encode()
        loaded = fast_element(raw)
        assert loaded is not None
        assert loaded == carefully_element(raw)
        assert msgspec.json.encode(loaded.command) == msgspec.json.encode(fast)
        for more in ({}, {"atomic": True}):
            batch = {"commands": [{**element, **group}] * 3, **more}
            whole = fast_batch(json.dumps(batch, ensure_ascii=ascii).encode())
            assert whole == ([loaded] * 3, more == {"atomic": True})
        assert fast_lines([raw, raw + b"\r", raw]) == [loaded] * 3


@pytest.mark.parametrize(
    "raw",
    [
        b'{"amount":"1.00","amount":"2.00"}',
        b'{"amount":"1.00","authorization":"0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e"}',
        b'{"amount":"1.00","authorization":""}',
        b'{"amount":"1.00","do":"settle"}',
        b'{"amount":"1.00","foo":1}',
        b'{"amount":"1.00","reference":"\\u003a","foo":1}',
        b'{"amount":"1.00","reference":"\\u0022\\u0022","foo":1}',
        b'{"amount":"1.00","reference":"\\u0000"}',
        b'{"amount":"1.00","narrative":null}',
        b'{"amount":"1.00","metadata":{"a":"b","a":"c"}}',
        b'{"amount":"1.00","expected_version":null}',
    ],
)
def test_what_the_command_does_not_show_goes_the_careful_way(raw: bytes) -> None:
    assert LOADERS[SettleBody].fast(raw, TARGETS["authorization"]) is None


def test_commands_have_the_domains_own_classes() -> None:
    raw = json.dumps(two_legs(document={"type": "invoice"})).encode()
    command = LOADERS[PostBody].fast(raw)
    assert type(command) is Post
    assert {type(leg) for leg in command.legs} == {LegAsked}
    assert Loader(PostBody).load(raw) == command
