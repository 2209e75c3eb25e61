"""What Prometheus reads: what the desk has seen since it started, each call as it first ended.

`siaga report` counts anew from the records: a call that was mended afterwards is right only there.
Law: test calls are in no figure, and a call that goes on is in none but the gauge of open calls.
"""

from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ivr.callrecord import CallRecord, Change, Hop
from ivr.figures import reason

HUMAN_SECONDS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300)
RING_SECONDS = (2, 5, 10, 15, 20, 30, 45, 60)

Labels = tuple[tuple[str, str], ...]
Reading = tuple[str, str, Mapping[Labels, float]]
"""Name, help, and the values by their labels."""
Gauges = Callable[[], Iterable[Reading]]
"""Gives the gauges as they are at the moment of being asked."""


class Metrics:
    """The counters, since this was made."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._open: dict[str, str] = {}
        ended = self._counter("calls", "Calls that ended.", "outcome", "service", "floor")
        self._calls, self._tests = ended, self._counter("test_calls", "Test calls that ended.")
        human = "From the INVITE to the first person who served."
        self._human = self._histogram("human_seconds", human, HUMAN_SECONDS, "kind")
        queue = "From when operators were asked to a person, or to the end."
        self._queue = self._histogram("queue_seconds", queue, HUMAN_SECONDS)
        self._hops = self._counter("hops", "Attempts to reach an agency.", "agency", "result")
        ring = "From when an agency was rung to when it was joined."
        self._rings = self._histogram("ring_seconds", ring, RING_SECONDS, "agency")
        self._alarms = self._counter("alarms", "What staff must look at.", "what")
        self._lines = self._counter("journal_lines", "Lines of the journal read.")
        self._bad_lines = self._counter("journal_bad_lines", "Lines set aside.")
        lag = "Age of the last line when it was read."
        self._lag = Gauge("siaga112_journal_lag_seconds", lag, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"siaga112_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        name = f"siaga112_{name}"
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def show(self, gauges: Gauges) -> None:
        """Ask for these gauges at each look of Prometheus."""
        self.registry.register(_Asked(gauges))

    @property
    def open_calls(self) -> Mapping[str, int]:
        """How many calls are open at each stage."""
        return Tally(self._open.values())

    @property
    def going(self) -> Collection[str]:
        """The references of the calls that go on."""
        return self._open.keys()

    def open_at_start(self, stages: Mapping[str, str]) -> None:
        """Take the calls that were open before this was made, by reference and stage."""
        self._open = {**stages, **self._open}

    def read(self, lines: int, bad_lines: int, lag_seconds: float | None) -> None:
        """Count what was read of the journal. `lag_seconds` is the age of the newest line."""
        self._lines.inc(lines)
        self._bad_lines.inc(bad_lines)
        if lag_seconds is not None:
            self._lag.set(lag_seconds)

    def changed(self, change: Change) -> None:
        """Count what is new in a record."""
        before, after = change.before, change.after
        if after.outcome is None:
            self._open[after.callref] = after.stage
        else:
            self._open.pop(after.callref, None)
        for alarm in after.alarms[len(before.alarms) if before else 0 :]:
            self._alarms.labels(alarm.partition(" ")[0]).inc()
        if after.outcome is not None and (before is None or before.outcome is None):
            self._ended(after)

    def _ended(self, call: CallRecord) -> None:
        if call.test:
            self._tests.inc()
            return
        outcome, service = call.outcome or "", call.service or "none"
        self._calls.labels(outcome, service, call.floor or "none").inc()
        if call.human and call.human_seconds is not None:
            self._human.labels(call.human.kind).observe(call.human_seconds)
        if call.queue_seconds is not None:
            self._queue.observe(call.queue_seconds)
        for hop in call.hops:
            served = call.served(hop)
            self._hops.labels(hop.agency, _result(hop, served=served)).inc()
            if served and hop.ring_seconds is not None:
                self._rings.labels(hop.agency).observe(hop.ring_seconds)


def _result(hop: Hop, *, served: bool) -> str:
    if served:
        return "served"
    return "caller-left" if hop.status == "CANCEL" else reason(hop.status, hop.cause)


class _Asked(Collector):
    """Gauges that are asked for when Prometheus looks."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Say nothing before Prometheus looks."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Ask."""
        for name, help_text, values in self._gauges():
            family = GaugeMetricFamily(name, help_text, labels=[])
            for labels, value in values.items():
                family.add_sample(name, dict(labels), value)
            yield family
