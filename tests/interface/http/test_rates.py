"""A bucket for each key: a second's worth at once, then evenly."""

import pytest

from interface.http.rates import MAX_BUCKETS, Rates


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_seconds_worth_at_once_then_evenly(clock: Clock) -> None:
    rates = Rates(per_second=4, clock=clock)
    assert [rates.take("a") for _ in range(4)] == [0.0] * 4
    assert rates.take("a") == pytest.approx(0.25)
    assert rates.take("a") == pytest.approx(0.25), "waiting in vain costs nothing"
    clock.now += 0.25
    assert rates.take("a") == 0.0
    assert rates.take("a") == pytest.approx(0.25)
    clock.now += 1000
    assert [rates.take("a") for _ in range(4)] == [0.0] * 4
    assert rates.take("a") > 0


def test_keys_do_not_share(clock: Clock) -> None:
    rates = Rates(per_second=1, clock=clock)
    assert rates.take("a") == 0.0
    assert rates.take("a") == pytest.approx(1)
    assert rates.take("b") == 0.0


def test_less_than_one_a_second(clock: Clock) -> None:
    rates = Rates(per_second=0.1, clock=clock)
    assert rates.take("a") == 0.0
    assert rates.take("a") == pytest.approx(10)
    clock.now += 9
    assert rates.take("a") == pytest.approx(1)
    clock.now += 1
    assert rates.take("a") == 0.0


def test_memory_does_not_grow_without_bound(clock: Clock) -> None:
    rates = Rates(per_second=1, clock=clock)
    for number in range(MAX_BUCKETS + 100):
        rates.take(str(number))
    assert len(rates._buckets) == MAX_BUCKETS
    assert rates.take(str(MAX_BUCKETS + 99)) > 0
