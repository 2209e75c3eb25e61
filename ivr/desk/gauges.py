"""What Prometheus is told of this moment; nothing of what is not known."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from ivr.desk import states
from ivr.desk.health import OTHERS, VITAL
from ivr.desk.metrics import Labels, Reading
from ivr.live import Live

_QUEUES = {
    "waiting_calls": "Callers who wait for a person.",
    "longest_wait_seconds": "Of the callers who wait.",
    "phones_logged_in": "Telephones that are logged in.",
    "phones_free": "Telephones that would be rung.",
}


def gauges(
    open_calls: Mapping[str, int],
    bad: Collection[str],
    live: Live,
    free_bytes: int | None,
    at: float,
) -> Iterator[Reading]:
    """Yield the gauges at `at`, in seconds UTC.

    `open_calls` is how many there are at each stage, `bad` the parts that are not well.
    """
    stages = open_calls.items()
    yield _reading("open_calls", "Calls that go on.", "stage", stages)
    well = ((part, int(part not in bad)) for part in (*VITAL, *OTHERS))
    yield _reading("well", "1 for a part that is well.", "part", well)
    queues = states.queue_states(live, at)
    for name, text in _QUEUES.items():
        yield _reading(name, text, "queue", ((q.queue, getattr(q, name)) for q in queues))
    if free_bytes is not None:
        room: dict[Labels, float] = {(): free_bytes}
        yield "siaga112_free_bytes", "Room for journal and recordings.", room


def _reading(
    name: str, text: str, label: str, values: Iterable[tuple[str, float | None]]
) -> Reading:
    known: dict[Labels, float] = {
        ((label, of),): value for of, value in values if value is not None
    }
    return f"siaga112_{name}", text, known
