"""The sound of the calls: how long it is kept, who heard it, and whether it is there at all."""

from ivr.retention.keeper import Erased, Keeper
from ivr.retention.policy import Missing, Recording, RecordingError, Room
from ivr.retention.watch import Watch

__all__ = ["Erased", "Keeper", "Missing", "Recording", "RecordingError", "Room", "Watch"]
