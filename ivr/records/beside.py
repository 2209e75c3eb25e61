"""What came of a call beside its record: who was told and knows, and what became of its sound."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from ivr.records.schema import recordings, reports


@dataclass(frozen=True, slots=True)
class Report:
    """What an agency was told of a call, and its word that it knows. Seconds since the epoch."""

    agency: str
    made_at: float
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """The reports of a call, in the order in which they were made, and who erased its sound."""

    reports: tuple[Report, ...] = ()
    erased_at: float | None = None
    erased_by: str | None = None


def beside(connection: Connection, callref: str) -> Beside:
    """Return what there is beside the record of a call; of a call nobody knows, nothing."""
    told = reports.c
    query = select(told.agency, told.made_at, told.acknowledged_at, told.acknowledged_by)
    query = query.where(told.callref == callref).order_by(told.made_at, told.agency)
    made = tuple(Report(*row) for row in connection.execute(query))
    sound = select(recordings.c.erased_at, recordings.c.erased_by)
    row = connection.execute(sound.where(recordings.c.callref == callref)).first()
    return Beside(made, *(row or ()))
