"""The stand-in (floor 2): the same conversation, one process a call, on pyst2's classic AGI.

Asterisk starts it when the controller refuses, dies or stalls (asterisk/standin.sh):
`AGI(standin.sh,<CALLREF>,<context that asks>,<menu or repeat>)`.

Law 1: nothing is decided here. What is said and where the call goes is `ivr.flow` and `routing`.
Law 2: when in doubt, end. Without a commit token the dialplan has the static menu.
Law 3: it ends. A timer is armed from first to last, a conversation has few commands, and what
Asterisk says is counted. Who is stopped or spins is ended by asterisk/standin.sh.
Law 4: the caller waits while it starts. What is slow to load and not needed to speak comes last.
Law 5: only the end of the process closes the pipes. Asterisk waits without limit, and with no
timer, for a process that has closed them before (res_agi.c, waitpid).
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn, get_args

from asterisk.agi import (
    AGI,
    AGIAppError,
    AGIException,
    AGIHangup,
    AGIInvalidCommand,
    AGIUsageError,
)

from ivr import agi
from ivr.call import Outcome
from ivr.commands import Answer, Command, conversation
from ivr.flow import Flow
from ivr.menu import menu
from ivr.sounds import prompt_seconds
from routing.agencies import Language
from routing.configuration import Configuration
from routing.loading import ConfigurationError, load
from routing.plan import Plan, plan

START_SECONDS = 3.0
"""For the opening lines and the configuration: what the dialplan gives before it takes the call."""
REPLY_SECONDS = 2.0
"""How long a command that plays nothing may take."""
LOG_SECONDS = 2
MAX_LINES = 500
"""What Asterisk says in the longest conversation is a tenth of this."""


class Pipes:
    """Asterisk's two pipes as the files that pyst2 wants, with its defects kept from a caller.

    It takes HANGUP, 100 and 511 for nonsense and the end of the stream for an empty line, which
    ends neither its opening nor a usage text (agi.py, get_result). Here each is what it means.
    """

    def __init__(self) -> None:
        self._lines = 0

    def readline(self) -> str:
        """Return the next line that pyst2 understands. Raises AGIHangup when the call is gone."""
        while True:
            raw = sys.stdin.buffer.readline(agi.MAX_BUFFER_BYTES)
            self._lines += 1
            if not raw.endswith(b"\n") or self._lines > MAX_LINES:
                raise AGIHangup("the end of what Asterisk says, or no end of it")
            line = raw.decode("utf-8", "replace").strip()
            if line == "HANGUP" or line.startswith("511"):
                raise AGIHangup(line)
            if not line.startswith("100"):  # "100 Trying...": the answer is still to come
                return line

    def write(self, line: str) -> None:
        """Send one line in one piece, and hold nothing back."""
        os.write(sys.stdout.fileno(), line.encode())

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


class Nowhere:
    """What pyst2 gets for stderr: it would copy the dialogue there, the caller's number too."""

    def write(self, text: str) -> None:
        """Forget it."""


class Call:
    """One call from Asterisk: carries the conversation's commands. Raises when in doubt (Law 2)."""

    def __init__(self) -> None:
        self._pipes = Pipes()
        self._agi = AGI(self._pipes, self._pipes, Nowhere())
        # pyst2's own handler only makes a note, which it does not look at while it reads.
        signal.signal(signal.SIGHUP, _hang_up)
        opening = {key.removeprefix("agi_"): value for key, value in self._agi.env.items()}
        self.opening = agi.Environment(opening)

    def converse(self, flow: Flow, configuration: Configuration) -> Outcome:
        """Drive the call from where the caller stands to its hand-over."""
        said, tongue = self.opening.values.get("arg_3"), self.opening.values.get("language")
        language: Language | None = next((x for x in get_args(Language) if x == tongue), None)
        began = flow.start("repeat" if said == "repeat" else "menu", language)

        def plan_now(service: str) -> Plan:
            return plan(configuration, service, datetime.now(UTC))

        steps = conversation(flow, began, plan_now, self.opening, lambda _: None)
        try:
            command = next(steps)
            while True:
                command = steps.send(self._answer(command))
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome

    def _answer(self, command: Command) -> Answer:
        _within(command.seconds or REPLY_SECONDS)
        line = agi.command(*command.words).decode()  # pyst2 would not escape them
        try:
            result, value = self._agi.execute(line)["result"]
        except AGIInvalidCommand:
            return agi.Reply(510, "")
        except AGIUsageError:
            return agi.Reply(520, "")
        except AGIAppError:  # result -1, or an AGIHangup
            return agi.ChannelGone()
        return agi.Reply(200, result, value or None)


def main() -> NoReturn:
    """Serve the call on standard input and output, say in one line how it ended, and end."""
    fate: dict[str, object] = {}
    try:
        _serve(fate)
    except AGIHangup:
        fate.setdefault("outcome", "left")
    except (AGIException, ConfigurationError, OSError, ValueError) as error:
        fate["why"] = f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - Law 2: whatever our mistake was, end
        fate["exc_info"] = error
    _tell(fate)
    # Neither the garbage nor a broken pipe is of interest any more.
    os._exit(0 if "outcome" in fate else 1)


def _serve(fate: dict[str, object]) -> None:
    """Take the call from its opening to its end, noting in `fate` what is known of it."""
    began = time.monotonic()
    try:
        signal.signal(signal.SIGALRM, _too_long)
        _within(START_SECONDS)
        call = Call()
        fate |= _known(call.opening)
        flow, configuration = _in_force()
        fate["ready_ms"] = round(1000 * (time.monotonic() - began))
        fate["outcome"] = call.converse(flow, configuration)
    finally:
        _heed_no_more()


def _in_force() -> tuple[Flow, Configuration]:
    """Return the conversation and the configuration in force, of one version."""
    folder = Path(os.environ.get("SIAGA_STATE", "var"), "current").resolve(strict=True)
    configuration = load(folder / "config")
    return Flow(
        menu(configuration, prompt_seconds(configuration, folder / "sounds"))
    ), configuration


def _known(opening: agi.Environment) -> dict[str, object]:
    return {
        "callref": opening.callref,
        "ani": opening.ani,  # masked where it is logged
        "began_with": opening.values.get("arg_3"),
    }


def _tell(fate: dict[str, object]) -> None:
    """Log in one line how the call ended. Nothing in here may hold the call up."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LOG_SECONDS)
    import structlog  # noqa: PLC0415 - Law 4

    from ivr.logs import configure, mask  # noqa: PLC0415 - Law 4

    configure()
    log = structlog.get_logger()
    ani = {"ani": mask(str(fate["ani"]))} if "ani" in fate else {}
    if "outcome" in fate:
        log.info("standin.ended", **{**fate, **ani})
    else:
        log.error("standin.failed", **{**fate, **ani})


def _within(seconds: float) -> None:
    """End what is being waited for after `seconds`, from now."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _heed_no_more() -> None:
    """Let no further signal interrupt: who was stopped wakes to several at once."""
    for number in (signal.SIGHUP, signal.SIGALRM):
        # Not SIG_IGN: Python would complain of one that has come and was not looked at yet.
        signal.signal(number, lambda _number, _frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(number: int, frame: FrameType | None) -> None:
    del number, frame
    _heed_no_more()
    raise TimeoutError("Asterisk or a disk did not answer in time")


def _hang_up(number: int, frame: FrameType | None) -> None:
    del number, frame
    _heed_no_more()
    raise AGIHangup("SIGHUP: the call is over")
