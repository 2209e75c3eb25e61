"""The stage of a fault: a real line, agencies and operators at its far ends, and what it shows."""

import asyncio
import contextlib
import itertools
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from far_end import Attempt, FarEnd
from line import Line
from phones import Phones
from relay import Relay
from scripts import PERSON, PERSON_WHO_ACCEPTS, Script

from ivr import applied

FIRST_PORT = 12060
PORTS_EACH = 2000
"""Below the ports that the system gives to callers by itself."""
MOST_SLOTS = 8
_LOOK_SECONDS = 4.0
_EMPTY_SECONDS = 40.0
_WITH_PEOPLE = ("ops", "last-hotline")
_RINGING = ("Queue", "Dial")

SITE = """
incoming: ["127.0.0.1"]
trunks:
  simulated: {{simulated: true}}
  carrier: {{gateway: "{carrier}"}}
  elsewhere: {{gateway: "{elsewhere}"}}
outgoing: [{outgoing}]
simulated_operator: false
"""


@dataclass(frozen=True, slots=True)
class Site:
    """How the line of a fault is set up.

    `operators`: how many telephones. `confirm`: who answers a hotline must press 1. `outgoing`: the
    trunks in order, of `carrier` (scripted) and `elsewhere` (nobody is there). `relayed`: Asterisk
    is sent to another port than the controller's. `disk_kib`: the state folder is a file system of
    that size (0: the machine's). `nameless`: `elsewhere` is a name that nobody can look up.
    `watched`: a broker and a desk run beside the line.
    """

    operators: int = 80
    confirm: bool = False
    outgoing: tuple[str, ...] = ("carrier",)
    relayed: bool = False
    disk_kib: int = 0
    nameless: bool = False
    watched: bool = False


class Stage:
    """A running line in a temporary folder. `slot` keeps stages that run together apart."""

    def __init__(self, site: Site, slot: int) -> None:
        self.site, self.slot = site, slot
        self.folder = Path(tempfile.mkdtemp(prefix="siaga-faults-"))
        self.scripts: dict[str, tuple[Script, ...]] = {}
        """What the agencies do with a caller's attempts, in order; then persons answer."""
        self.operator_scripts: dict[str, tuple[Script, ...]] = {}
        self.seen: dict[str, float] = {}
        self.ports = itertools.count(self.slot * PORTS_EACH + FIRST_PORT + 10)
        """Ports of the line that nobody has."""

    async def open(self) -> None:
        """Start everything. Returns when a call would be answered and all operators are there."""
        if self.site.disk_kib:
            await run("mount", "-t", "tmpfs", f"-osize={self.site.disk_kib}k", "tmpfs", self.folder)
        self.folder.chmod(0o755)
        self.line = Line(self.folder, FIRST_PORT + self.slot * PORTS_EACH)
        carrier = (f"127.0.1.{10 + self.slot}", 35080)
        await asyncio.to_thread(self._configure, f"{carrier[0]}:{carrier[1]}")
        if self.site.relayed:
            self.relay = Relay()
            await self.relay.open(self.relay_bind)
        beside = ("broker", "desk") if self.site.watched else ()
        await asyncio.to_thread(self.line.start, "asterisk", "ivr", *beside)
        self.agencies = self.make_agencies()
        await self.agencies.open(*carrier)
        accounts = [f"operator-{n + 1}" for n in range(self.site.operators)]
        secrets = self.folder / "secrets"
        passwords = {name: (secrets / name).read_text().strip() for name in accounts}
        self.phones = Phones(self._choose_operator, self.line.settings.sip_bind, passwords)
        await self.phones.open(f"127.0.2.{10 + self.slot}", 35090)
        await self.phones.log_in()
        self._watch = asyncio.create_task(self._look())

    async def close(self) -> None:
        """End everything, and leave nothing."""
        if hasattr(self, "_watch"):
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        for end in ("agencies", "phones", "relay"):
            if hasattr(self, end):
                getattr(self, end).close()
        await asyncio.to_thread(self.line.close)
        if self.site.disk_kib:
            await run("umount", "-l", self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_agencies(self) -> FarEnd:
        """Return the agencies' telephones."""
        return FarEnd(self._choose_agency)

    # -- what is seen

    def attempts(self, caller: str) -> list[Attempt]:
        """Return every attempt to join a caller with somebody."""
        return [*self.agencies.of(caller), *self.phones.of(caller)]

    def talks_to_human(self, caller: str | None) -> bool:
        """Say whether a person is joined with this caller now (None: with any caller)."""
        attempts = (*self.agencies.attempts, *self.phones.attempts)
        return any(
            a.script.human and a.answered_at and a.ended_at is None
            for a in attempts
            if caller is None or a.caller == caller
        )

    async def asterisk(self, command: str) -> str:
        """Return what the Asterisk console answers."""
        return await asyncio.to_thread(self.line.asterisk, command)

    def cut(self, at: float) -> None:
        """Take note that nobody will end the calls there are: Asterisk is dead."""
        for attempt in (*self.agencies.attempts, *self.phones.attempts):
            if attempt.ended_at is None:
                attempt.ended_at, attempt.ended_by = at, "death"

    async def empty(self) -> str:
        """Wait until no channel is left; return what is wrong if one stays."""
        end = time.monotonic() + _EMPTY_SECONDS
        while left := await asyncio.to_thread(self.line.channels):
            if time.monotonic() > end:
                return f"{left} channels left after {_EMPTY_SECONDS:.0f} s"
            await asyncio.sleep(0.5)
        attempts = (*self.agencies.attempts, *self.phones.attempts)
        ringing = [a for a in attempts if a.ended_at is None and not silent(a.script)]
        return f"{len(ringing)} far ends still ring" if ringing else ""

    async def _look(self) -> None:
        """Note again and again for which callers people are being rung."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(Exception):  # Asterisk may be dead: that is a fault of ours
                shown = await self.asterisk("core show channels concise")
                now = time.monotonic()
                for channel in (row.split("!") for row in shown.splitlines()):
                    if len(channel) > 7 and (channel[1] in _WITH_PEOPLE or channel[5] in _RINGING):
                        self.seen[channel[7]] = now

    # -- inside

    def _configure(self, carrier: str) -> None:
        config = self.line.settings.config
        site = SITE.format(
            carrier=carrier,
            elsewhere=f"127.0.3.{10 + self.slot}:5060",
            outgoing=", ".join(self.site.outgoing),
        )
        (config / "site.yaml").write_text(site)
        phones = "".join(
            f"  - {{account: operator-{n + 1}, name: Operator {n + 1}}}\n"
            for n in range(self.site.operators)
        )
        operators = (config / "operators.yaml").read_text()
        operators = re.sub(r"(?m)^operators:\n(  - .*\n)+", f"operators:\n{phones}", operators)
        (config / "operators.yaml").write_text(operators)
        if self.site.confirm:
            agencies = (config / "agencies.yaml").read_text()
            agencies = agencies.replace("ring_seconds: 20}", "ring_seconds: 20, confirm: true}")
            (config / "agencies.yaml").write_text(agencies)
        self.apply()

    def apply(self) -> None:
        """Put the configuration in force; Asterisk has to be told separately once it runs."""
        settings = self.line.settings
        if self.site.relayed:
            settings = settings.model_copy(update={"agi_bind": self.relay_bind})
        folder = applied.apply(settings)
        if self.site.nameless:
            pjsip = folder / "pbx" / "pjsip.conf"
            nowhere = f"127.0.3.{10 + self.slot}:5060"
            pjsip.write_text(pjsip.read_text().replace(nowhere, "carrier.invalid:5060"))

    @property
    def relay_bind(self) -> str:
        """Where Asterisk looks for the controller when it is relayed."""
        return f"127.0.0.1:{self.line.sip_port + 5}"

    def _choose_agency(self, caller: str, number: str) -> Script:
        del number
        person = PERSON_WHO_ACCEPTS if self.site.confirm else PERSON
        return _nth(self.scripts.get(caller, ()), len(self.agencies.of(caller)), person)

    def _choose_operator(self, caller: str, account: str) -> Script:
        del account
        scripts = self.operator_scripts.get(caller, ())
        return _nth(scripts, len(self.phones.of(caller)), PERSON)


def _nth(scripts: Sequence[Script], n: int, otherwise: Script) -> Script:
    return scripts[n] if n < len(scripts) else otherwise


def silent(script: Script) -> bool:
    """Say whether a script ends in a telephone that hears no goodbye."""
    return any(type(step).__name__ == "Die" for step in script.steps)


async def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait until something is so; say whether it came within the limit."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True


async def run(*words: object) -> None:
    """Run a command; raise OSError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *(str(word) for word in words), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise OSError(f"{words[0]}: {said.decode(errors='replace').strip()}")
