"""The operators' telephones: they log in with their secrets and take calls by script."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Mapping

from far_end import Choose, FarEnd

from ivr.phone import sip

_LOGIN_SECONDS = 5.0


class Phones(FarEnd):
    """All operators' telephones at one address, each under its account."""

    def __init__(self, choose: Choose, registrar: str, passwords: Mapping[str, str]) -> None:
        super().__init__(choose)
        self._registrar, self._passwords = registrar, passwords
        self._waiting: dict[str, asyncio.Future[sip.Response]] = {}

    async def log_in(self, *, seconds: int = 120) -> None:
        """Log every telephone in, or out with 0 seconds. Raises TimeoutError, ValueError."""
        for account in self._passwords:
            await self._log_in(account, seconds)

    def answered(self, response: sip.Response) -> None:
        waiter = self._waiting.get(response.call_id)
        if waiter and not waiter.done():
            waiter.set_result(response)

    async def _log_in(self, account: str, seconds: int) -> None:
        call_id = secrets.token_hex(8)
        challenge = await self._ask(self._register(account, seconds, call_id, 1))
        proof = self._proof(account, challenge.get("www-authenticate"))
        taken = await self._ask(self._register(account, seconds, call_id, 2, proof))
        if taken.status != 200:
            raise ValueError(f"{account} could not log in: {taken.status}")

    async def _ask(self, request: sip.Request) -> sip.Response:
        host, _, port = self._registrar.partition(":")
        waiter: asyncio.Future[sip.Response] = asyncio.get_running_loop().create_future()
        self._waiting[request.call_id] = waiter
        self.send(request, (host, int(port)))
        async with asyncio.timeout(_LOGIN_SECONDS):
            return await waiter

    def _register(
        self, account: str, seconds: int, call_id: str, cseq: int, proof: str = ""
    ) -> sip.Request:
        who = f"<sip:{account}@{self._registrar}>"
        headers = [
            ("Via", f"SIP/2.0/UDP {self.address};branch=z9hG4bK{secrets.token_hex(8)}"),
            ("Max-Forwards", "70"),
            ("From", f"{who};tag={call_id}"),
            ("To", who),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} REGISTER"),
            ("Contact", f"<sip:{account}@{self.address}>"),
            ("Expires", str(seconds)),
        ]
        if proof:
            headers.append(("Authorization", proof))
        return sip.Request(tuple(headers), b"", "REGISTER", f"sip:{self._registrar}")

    def _proof(self, account: str, challenge: str) -> str:
        """Answer a digest challenge (RFC 2617 section 3.2.2, qop=auth)."""
        asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        uri, once = f"sip:{self._registrar}", secrets.token_hex(8)
        one = _md5(f"{account}:{asked['realm']}:{self._passwords[account]}")
        two = _md5(f"REGISTER:{uri}")
        response = _md5(f"{one}:{asked['nonce']}:00000001:{once}:auth:{two}")
        told = {
            "username": account,
            "realm": asked["realm"],
            "nonce": asked["nonce"],
            "uri": uri,
            "response": response,
            "cnonce": once,
            "opaque": asked.get("opaque", ""),
        }
        quoted = ", ".join(f'{name}="{value}"' for name, value in told.items())
        return f"Digest {quoted}, algorithm=MD5, qop=auth, nc=00000001"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
