"""A worker that is behind rests while somebody posts, as long as it comes nearer to the head."""

import pytest

from projections.following import BATCH_POSITIONS
from projections.pace import GAIN, REST_SECONDS_MAX, SHORT_POSITIONS, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("posted_a_second", "rests"),
    [
        (0, False),
        (10, True),
        (10_000 / GAIN, True),
        (10_000 / GAIN + 1, False),  # it would fall behind
        (20_000, False),
    ],
)
def test_it_rests_while_it_gains(posted_a_second: float, rests: bool) -> None:
    """Each of the two views folds ten thousand in half a second: both do ten thousand a second."""
    clock, head = Clock(), 1_000_000
    pace = Pace(clock)
    for _ in range(4):
        pace.begin(head)
        began_at = clock.now
        for _view in range(2):
            seconds = pace.positions / 20_000
            rest = pace.worked(seconds, pace.positions)
            assert rest == (min(seconds, REST_SECONDS_MAX) if pace.takes_turns else 0)
            clock.now += seconds + rest
        head += int(posted_a_second * (clock.now - began_at))
    assert pace.takes_turns is rests
    assert pace.positions == (SHORT_POSITIONS if rests else BATCH_POSITIONS)


def test_it_goes_on_at_full_speed_when_nobody_posts_any_more() -> None:
    clock = Clock()
    pace = Pace(clock)
    for head in (1_000, 1_010, 1_020):
        pace.begin(head)
        pace.worked(0.1, pace.positions)
        clock.now += 0.1
    assert pace.takes_turns
    pace.begin(1_020)
    assert not pace.takes_turns


def test_a_pause_in_which_nothing_was_folded_says_nothing() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin(10)
    clock.now += 1_000
    pace.begin(50_000)
    assert not pace.takes_turns
