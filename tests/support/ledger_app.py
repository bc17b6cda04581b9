"""An application as a process of its own, to be killed: writes every event it takes into a ledger before it answers.

A line of the ledger is "NUMBER LANE", out of the event {"n": NUMBER, "lane": LANE, ...}, and is with the system before
the answer is sent, so a kill -9 loses none that was answered. usage: ledger_app.py PORT LEDGER SEED FAILURES; FAILURES is
the share of events that are answered 500, not written and so expected again.
"""

import asyncio
import os
import random
import re
import sys

_EVENT = re.compile(rb'\{"n":\s*(\d+),\s*"lane":\s*(\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_FAILED = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    def __init__(self, ledger, chance, failures):
        self._ledger, self._chance, self._failures = ledger, chance, failures
        self._buffer = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end + 2)
            total = end + 4 + (int(length.group(1)) if length else 0)
            if len(self._buffer) < total:
                return
            request, self._buffer = self._buffer[:total], self._buffer[total:]
            self._transport.write(self._answer(request, end + 4))

    def _answer(self, request, body):
        if not request.startswith(b"POST "):
            return _TAKEN
        if self._chance.random() < self._failures:
            return _FAILED
        number, lane = _EVENT.match(request, body).groups()
        os.write(self._ledger, number + b" " + lane + b"\n")
        return _TAKEN


async def main():
    port, path, seed, failures = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(ledger, chance, failures), "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
