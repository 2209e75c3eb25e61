"""Which broker we come to, as whom, and how it proves who it is."""

import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ivr.applied import CURRENT
from ivr.broker import DESK, password_of_desk
from ivr.settings import Settings

AUTHORITY = "desk/broker-ca.pem"
"""In the state folder: who vouches for a broker with a certificate of no public authority."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and as whom we come to it.

    `authority` is a file with the certificate that must vouch for it, None for a public authority.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    authority: Path | None = None


class UrlError(ValueError):
    """`SIAGA_MQTT_URL` names no broker. Says how to write it."""


def chosen(settings: Settings) -> Broker:
    """Return the broker of `SIAGA_MQTT_URL`, else our own with the account of the desk in force.

    Raises UrlError, and OSError when no configuration was ever applied or we may not read it.
    """
    if settings.mqtt_url:
        authority = settings.state / AUTHORITY
        return replace(
            broker(settings.mqtt_url), authority=authority if authority.exists() else None
        )
    host, _, port = settings.mqtt_bind.rpartition(":")
    host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - bound to all, asked at one
    return Broker(host, int(port), DESK, password_of_desk(settings.state / CURRENT))


def broker(url: str) -> Broker:
    """Return the broker of `mqtt://user:password@host:port`, or of `mqtts://...` over TLS.

    Raises UrlError for another kind of address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise UrlError("SIAGA_MQTT_URL: write mqtt://user:password@host:port, or mqtts:// for TLS")
    tls = parts.scheme == "mqtts"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Broker(parts.hostname, port or (8883 if tls else 1883), user, password, tls)


def trust(to: Broker) -> ssl.SSLContext:
    """Return whom we believe that a broker is the one it says. Raises OSError."""
    try:
        return ssl.create_default_context(cafile=to.authority)
    except OSError as error:  # of a file that is no certificate too
        remedy = "put a certificate there, in PEM, that all may read"
        raise OSError(f"{to.authority}: {error}: {remedy}") from error
