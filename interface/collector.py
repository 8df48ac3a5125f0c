"""Python's cycle collector, calmed down for processes that commit a lot."""

import gc

OBJECTS_A_COLLECTION = 100_000


def calm_collector() -> None:
    """Lets the collector look at less, and less often. Call it when all is loaded.

    A commit makes some ten thousand objects that die without it, by their reference counts. With
    the usual thresholds (700 objects) the collector would run a dozen times in each, and look at
    all that is cached again and again, while the ledger's lock is held. What is loaded by now
    stays for good, so it need not be looked at at all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_A_COLLECTION, 20, 20)
