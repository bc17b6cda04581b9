"""An application as a process of its own, to be killed: writes every attempt into a ledger before it answers.

A line of the ledger is "NUMBER LANE ANSWER", out of the event {"n": NUMBER, "lane": LANE, ...}: 200 is an event that was taken,
"cut" one that was taken while its answer was cut short, anything else was refused and is expected again. The line is with the
system before the answer is sent, so a kill -9 loses none that was answered.

usage: ledger_app.py PORT LEDGER SEED CONTROL. CONTROL is a file of JSON that is looked at for each request, so that a running
application can be told to behave otherwise; every entry may be missing:

failures  share of the events that are answered 500
cut       share of the events that are taken and whose answer is cut inside
unheard   share of the events whose connection is closed before any byte of an answer, not taken
poison    {"NUMBER": STATUS}: events that are answered so, always
storm     seconds of the Retry-After of a 429 that answers everything
slow      milliseconds that the handler takes
"""

import asyncio
import json
import os
import random
import re
import sys

_EVENT = re.compile(rb'\{"n":\s*(\d+),\s*"lane":\s*(\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Control:
    """The control file as it is now. A change is a new file under the old name."""

    def __init__(self, path):
        self._path = path
        self._seen = None
        self._values = {}

    def now(self):
        found = os.stat(self._path)
        seen = found.st_ino, found.st_mtime_ns
        if seen != self._seen:
            with open(self._path, encoding="utf-8") as file:
                self._values = json.load(file)
            self._seen = seen
        return self._values


class Connection(asyncio.Protocol):
    def __init__(self, ledger, chance, control):
        self._ledger, self._chance, self._control = ledger, chance, control
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
            if request.startswith(b"POST "):
                self._take(*_EVENT.match(request, end + 4).groups())
            else:
                self._transport.write(_TAKEN)

    def _take(self, number, lane):
        control = self._control.now()
        if slow := control.get("slow"):
            asyncio.get_running_loop().call_later(slow / 1000, self._answer, number, lane, control)
        else:
            self._answer(number, lane, control)

    def _answer(self, number, lane, control):
        dice = self._chance.random()
        if status := control.get("poison", {}).get(number.decode()):
            self._refuse(number, lane, status)
        elif storm := control.get("storm"):
            self._refuse(number, lane, 429, b"retry-after: %d\r\n" % storm)
        elif dice < control.get("failures", 0):
            self._refuse(number, lane, 500)
        elif dice > 1 - control.get("unheard", 0):
            self._note(number, lane, b"unheard")
            self._transport.close()
        elif self._chance.random() < control.get("cut", 0):
            self._note(number, lane, b"cut")
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-le")
            self._transport.close()
        else:
            self._note(number, lane, b"200")
            self._transport.write(_TAKEN)

    def _refuse(self, number, lane, status, more=b""):
        self._note(number, lane, b"%d" % status)
        self._transport.write(b"HTTP/1.1 %d No\r\n%scontent-length: 0\r\n\r\n" % (status, more))

    def _note(self, number, lane, answer):
        os.write(self._ledger, b"%s %s %s\n" % (number, lane, answer))


async def main():
    port, path, seed, control = int(sys.argv[1]), sys.argv[2], sys.argv[3], Control(sys.argv[4])
    ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(ledger, chance, control), "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
