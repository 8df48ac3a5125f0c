"""Lives as a seeded random has them: the same rules as the machine's, without its time."""

from random import Random

from tests.lives.driver import Lives, Way
from tests.lives.wishes import EVERYTHING, FOLLOWING, TENS, THEN, TOGETHER, wish


def live(lives: Lives, random: Random, *, steps: int) -> None:
    """Raises AssertionError where the ledger is not as the model has it."""
    for _ in range(steps):
        step(lives, random)
    lives.compare_all()


def step(lives: Lives, random: Random) -> None:
    """Mostly a command, now and then several, a retry, time that passes, a look at everything."""
    dice = random.randrange(22)
    if dice > 19:
        lives.wait(random.choice(TENS), then=random.choice(THEN))
    elif dice < 2:
        lives.again(random.randrange(100))
    elif dice == 2:
        lives.compare_all()
    elif dice < 6:
        units = [
            [wish(random, TOGETHER) for _ in range(random.randrange(1, 5))]
            for _ in range(random.randrange(1, 4))
        ]
        atomic, judged, again = (random.random() < 1 / 3 for _ in range(3))
        lives.do_together(units, atomic=atomic, judged=judged, again=again)
    else:
        way = Way(random.random() < 1 / 5, random.random() < 1 / 10, random.random() < 1 / 10)
        wished = wish(random, EVERYTHING)
        lives.do(wished, way)
        if wished.kind in FOLLOWING:
            lives.do(FOLLOWING[wished.kind], Way())
