"""A wire to a server, which can be cut, or swallow all that is sent over it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from tests.support.azure import free_port

MOMENT = 0.05


class Wire:
    """From a port of its own to another on this machine."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self._dead = False
        self._loop = asyncio.new_event_loop()
        self._up, self._over = threading.Event(), asyncio.Event()
        self._live: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()
        self._up.wait(5)

    def swallow(self) -> None:
        """Connections are taken, and nothing gets through: a firewall that says nothing."""
        self._dead = True

    def mend(self, *, forgets: bool) -> None:
        """``forgets``: connections of before are broken off, as by a firewall that was restarted.
        Else what was sent meanwhile arrives, late."""
        if forgets:
            self._loop.call_soon_threadsafe(self._break_off)
        self._dead = False

    def end(self) -> None:
        self._dead = False
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._take, "127.0.0.1", self.port):
            self._up.set()
            await self._over.wait()
        self._break_off()
        await asyncio.sleep(2 * MOMENT)  # whoever carries something hears of it

    def _break_off(self) -> None:
        for writer in self._live:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._live.add(writer)
        try:
            await self._while_dead()
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            self._live.discard(writer)
            return
        self._live.add(back)
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        self._live -= {writer, back}

    async def _carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._while_dead()
                to.write(data)
                await to.drain()
        with suppress(OSError):
            to.close()

    async def _while_dead(self) -> None:
        while self._dead:
            await asyncio.sleep(MOMENT)
