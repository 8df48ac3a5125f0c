"""The second fold's limits: what was taken of each in its latest period."""

import msgspec

from interface.evidence import shapes
from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import minor_of
from interface.evidence.shapes import Envelope, LimitUse

Uses = list[LimitUse] | None


class Usage:
    """The latest period of a limit: its first day, what was taken in minor units, how often."""

    __slots__ = ("account", "asset", "count", "minor", "starts_on")

    def __init__(self, account: str, asset: str) -> None:
        self.account = account
        self.asset = asset
        self.starts_on: str | None = None
        self.minor = self.count = 0


class Limits:
    """Usages of the limits that stand, by their ids."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self.usages: dict[str, Usage] = {}
        self.handlers = {"LimitSet": self._set, "LimitLifted": self._lifted}

    def move(self, before: Uses, after: Uses) -> None:
        """Counts the difference between what something took and takes now."""
        if not after:
            return
        known = {(use.limit, use.starts_on): use for use in before or ()}
        for use in after:
            usage = self.usages.get(use.limit)
            if usage is None:
                continue  # lifted since
            scale = self._chart.scales[usage.asset]
            minor, count = minor_of(use.amount, scale), use.count
            old = known.get((use.limit, use.starts_on))
            if old is not None:
                minor, count = minor - minor_of(old.amount, scale), count - old.count
            if not (minor or count) or (usage.starts_on or "") > use.starts_on:
                continue
            if usage.starts_on != use.starts_on:
                usage.starts_on, usage.minor, usage.count = use.starts_on, 0, 0
            usage.minor += minor
            usage.count += count

    def _set(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.LimitSet)
        account = self._chart.own_account(record, event.account)
        account.limits = [one for one in account.limits if one.limit_id != event.limit_id]
        account.limits.append(event)
        if event.limit_id not in self.usages:
            self.usages[event.limit_id] = Usage(event.account, event.asset)

    def _lifted(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.LimitSet)
        account = self._chart.own_account(record, event.account)
        if self.usages.pop(event.limit_id, None) is None:
            raise Divergence(f"the limit {event.limit_id} did not stand")
        account.limits = [one for one in account.limits if one.limit_id != event.limit_id]
