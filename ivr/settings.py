"""Addresses and places, read once from the environment. What staff change is in `config/`."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from routing.agencies import IPV4


def _bind(text: str) -> str:
    match = re.fullmatch(f"{IPV4}:([0-9]{{1,5}})", text)
    if match is None:
        raise ValueError('write "127.0.0.1:5060": an address in digits, never a name, and a port')
    if not 0 < int(match[match.lastindex or 0]) < 65536:
        raise ValueError("there is no such port; write one from 1 to 65535")
    return text


Bind = Annotated[str, AfterValidator(_bind)]
"""`address:port`, such as 127.0.0.1:4573. Never empty: that would listen everywhere."""


class Settings(BaseSettings):
    """Every setting, its default, and the variable that changes it: `SIAGA_` and the name."""

    model_config = SettingsConfigDict(env_prefix="SIAGA_", frozen=True)

    sip_bind: Bind = "127.0.0.1:5060"
    """Where phones and carriers reach us, UDP. Not set: what `listen` of site.yaml says."""
    agi_bind: Bind = "127.0.0.1:4573"
    """Where the controller listens for Asterisk."""
    agi_peers: str = "127.0.0.1"
    """Addresses that may speak to the controller, separated by commas."""
    simulation_bind: Bind = "127.0.0.2:5070"
    """Where Asterisk plays the agencies to itself; an address nothing else uses."""
    rtp_first: int = Field(default=10000, ge=1024, le=65000)
    rtp_last: int = Field(default=14999, ge=1024, le=65535)
    """UDP ports of the audio: two for each leg of a call."""
    ami_bind: Bind = "127.0.0.1:5038"
    """Where Asterisk lets `siaga desk` watch the line (AMI)."""
    desk_bind: Bind = "127.0.0.1:8112"
    """Where `siaga desk` serves the console, `/metrics` and `/healthz`."""
    ws_bind: Bind = "127.0.0.1:5066"
    """Where Asterisk takes the SIP of browsers from the desk (WebSocket); an address of ours."""
    mqtt_bind: Bind = "127.0.0.1:1883"
    """Where our own broker listens."""
    mqtt_url: str = ""
    """Another: `mqtt://user:password@address:port`, `mqtts://` for TLS. Empty: our own."""
    database_url: str = ""
    """`postgresql+psycopg://user:password@host/name`. Empty: SQLite in `state`."""
    journal_days: int = Field(default=90, ge=1, le=3650)
    """How long a file of the journal is kept after its last line."""
    recording_days: int = Field(default=90, ge=1, le=3650)
    """How long the sound of a call is kept, unless it is held."""
    config: Path = Path("config")
    """The files that staff edit."""
    state: Path = Path("var")
    """What the system writes: the applied configuration, secrets, recordings, logs."""
    state_shown: str = ""
    """Where people find `state`, when it has another name for them than for us (a sandbox)."""
    sounds: Path = Path("asterisk/sounds")
    """The prompts, a folder for each language."""

    @model_validator(mode="after")
    def _ports(self) -> "Settings":
        if self.rtp_last < self.rtp_first + 3:
            raise ValueError("SIAGA_RTP_LAST must be at least 3 above SIAGA_RTP_FIRST")
        return self

    def for_people(self, text: str) -> str:
        """Return a text with the names of files as people find them on this machine."""
        return text.replace(str(self.state), self.state_shown) if self.state_shown else text

    @property
    def agi_host(self) -> str:
        """The address of `agi_bind`."""
        return self.agi_bind.rpartition(":")[0]

    @property
    def agi_port(self) -> int:
        """The port of `agi_bind`."""
        return int(self.agi_bind.rpartition(":")[2])
