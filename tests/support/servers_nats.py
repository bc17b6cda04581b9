"""NATS through scripts/brokers, and what a test asks of it by another client than ours."""

import asyncio
import base64
import binascii
import contextlib
import json
import pathlib
import socket
import subprocess
import threading
import time
import uuid

import nats
from nats.js.errors import NotFoundError

from .servers import Server, free_port
from .wait import wait_until

USER = {"username": "alice", "password": "alice-secret"}


class Nats(Server):
    """One server with JetStream in `folder`. After kill() or stop() it is started again on the same ports with its streams."""

    def __init__(self, folder, start=True):
        super().__init__("nats", folder, start)

    def fields(self, **more):
        """What a component needs to be let in."""
        return {"url": f"nats://{self.address('plain')}", **USER, **more}

    def seed(self):
        return (pathlib.Path(self.state["tls"]) / "user.seed").read_text()

    def connect(self, **options):
        return nats.connect(f"nats://{self.address('plain')}", user="alice", password="alice-secret", **options)

    def ask(self, work):
        """What the coroutine `work(connection)` gives, over a connection of its own."""
        async def run():
            connection = await self.connect()
            try:
                return await work(connection)
            finally:
                await connection.close()
        return asyncio.run(run())

    def stream(self, name=None, **config):
        """A stream that takes what begins with its own name."""
        name = name or f"S{uuid.uuid4().hex[:10]}"
        self.ask(lambda connection: connection.jetstream().add_stream(name=name, subjects=[f"{name}.>"], **config))
        return name

    def delete_stream(self, name):
        self.ask(lambda connection: connection.jetstream().delete_stream(name))

    def store(self, subject, *payloads, headers=None):
        """Returns when the stream has them all."""
        async def send(connection):
            for payload in payloads:
                await connection.jetstream().publish(subject, payload, headers=headers)
        self.ask(send)

    def publish(self, subject, *payloads, headers=None, reply=""):
        """Without JetStream: returns when the server has them all."""
        async def send(connection):
            for payload in payloads:
                await connection.publish(subject, payload, reply=reply, headers=headers)
            await connection.flush()
        self.ask(send)

    def stored(self, stream):
        """All messages of a stream, in order."""
        async def read(connection):
            context = connection.jetstream()
            state = (await context.stream_info(stream)).state
            return [await context.get_msg(stream, number) for number in range(state.first_seq, state.last_seq + 1)] if state.messages else []
        return self.ask(read)

    def consumer(self, stream, durable):
        """What the server says of a consumer; None if it is not there."""
        async def read(connection):
            try:
                return await connection.jetstream().consumer_info(stream, durable)
            except NotFoundError:
                return None
        return self.ask(read)

    def wait_for_acks(self, stream, durable, count):
        """Waits until so many messages are acknowledged, and nothing is out."""
        def done():
            info = self.consumer(stream, durable)
            return info is not None and info.num_ack_pending == 0 and info.ack_floor.stream_seq == count
        wait_until(done, lambda: f"{count} acknowledged, the server says {self.consumer(stream, durable)}")


class Listener:
    """Somebody who reads a subject without JetStream, and answers with `answer(message)` where that gives bytes. A context."""

    def __init__(self, server, subject, answer=None):
        self.messages = []
        self._server, self._subject, self._answer = server, subject, answer
        self._is_ready, self._loop, self._is_over = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._is_ready.wait(30), f"no subscription to {self._subject}"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join(30)

    async def _run(self):
        connection = await self._server.connect()

        async def take(message):
            self.messages.append(message)
            answer = self._answer(message) if self._answer else None
            if answer is not None:
                data, headers = answer if isinstance(answer, tuple) else (answer, None)
                await connection.publish(message.reply, data, headers=headers)
        await connection.subscribe(self._subject, cb=take)
        await connection.flush()
        self._is_ready.set()
        await self._is_over.wait()
        await connection.close()

    def wait_for(self, count):
        wait_until(lambda: len(self.messages) >= count, lambda: f"{count} messages on {self._subject}, there were {len(self.messages)}")
        return self.messages


@contextlib.contextmanager
def plain_server(folder, config):
    """A server of its own with this configuration, for as long as the context lasts; gives its address."""
    port = free_port()
    path = folder / "server.conf"
    path.write_text(f'listen: "127.0.0.1:{port}"\n{config}\n')
    with open(folder / "server.log", "wb") as log, subprocess.Popen(["nats-server", "-c", path], stdout=log, stderr=log) as process:
        try:
            def listens():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    return True
            wait_until(listens, lambda: f"a server; it said {(folder / 'server.log').read_text()}")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


class Nkey:
    """A key pair as NATS writes it: of an operator, an account or a user."""

    KINDS = {"operator": 14 << 3, "account": 0, "user": 20 << 3}

    def __init__(self, folder, kind):
        self.kind = kind
        self._pem = folder / f"{kind}.pem"
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", self._pem)
        prefix = self.KINDS[kind]
        self.public = self._text(bytes([prefix]) + self._openssl("pkey", "-in", self._pem, "-pubout", "-outform", "DER")[-32:])
        self.seed = self._text(bytes([18 << 3 | prefix >> 5, (prefix & 31) << 3]) + self._openssl("pkey", "-in", self._pem, "-outform", "DER")[-32:])

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout

    @staticmethod
    def _text(raw):
        return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")

    def jwt(self, subject, **claims):
        """What this key says of `subject`, another key or itself."""
        def part(value):
            return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")
        body = {"jti": uuid.uuid4().hex, "iat": int(time.time()), "iss": self.public, "name": subject.kind, "sub": subject.public,
                "nats": {"type": subject.kind, "version": 2, **claims}}
        signed = part({"typ": "JWT", "alg": "ed25519-nkey"}) + b"." + part(body)
        message = self._pem.with_suffix(".message")
        message.write_bytes(signed)
        return (signed + b"." + part(self._openssl("pkeyutl", "-sign", "-inkey", self._pem, "-rawin", "-in", message))).decode()


def with_credentials(folder):
    """The configuration of a server that lets in by credentials only, and the text of a .creds file for it."""
    operator, account, user = (Nkey(folder, kind) for kind in Nkey.KINDS)
    no_limit = {key: -1 for key in ("subs", "data", "payload", "imports", "exports", "conn", "leaf")}
    config = (f"operator: {operator.jwt(operator)}\nresolver: MEMORY\n"
              f"resolver_preload: {{ {account.public}: {operator.jwt(account, limits={**no_limit, 'wildcards': True})} }}")
    unlimited = {key: -1 for key in ("subs", "data", "payload")}
    return config, (f"-----BEGIN NATS USER JWT-----\n{account.jwt(user, **unlimited)}\n------END NATS USER JWT------\n\n"
                    f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
