"""Whether a folder may be put in force: loaded, proven, and with what staff should know of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from routing.cautions import cautions
from routing.configuration import Configuration, Conflict
from routing.document import Problem
from routing.endpoints import Listening
from routing.loading import ConfigurationError, load_with_places
from routing.proof import dead_ends

Proof = Callable[[Configuration], Iterable[Conflict]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration in which no caller gets stuck; `warnings` are for people to judge."""

    configuration: Configuration
    warnings: tuple[Problem, ...]


def check(folder: Path, own: Listening | None = None, *proofs: Proof) -> Checked:
    """Read and prove the files of `folder`; `proofs` are further ones, such as of the menu.

    Raises ConfigurationError with every problem. `own` as for `load`.
    """
    configuration, documents = load_with_places(folder, own)

    def told(found: Iterable[Conflict]) -> list[Problem]:
        return [documents[f.file].at(f.place, f.message, f.remedy) for f in found]

    stuck = [problem for proof in (dead_ends, *proofs) for problem in told(proof(configuration))]
    if stuck:
        raise ConfigurationError(stuck)
    return Checked(configuration, tuple(told(cautions(configuration))))
