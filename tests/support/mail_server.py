"""A mail server that keeps each mail as a file: what scripts/brokers starts as smtp."""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.count = len(list(folder.iterdir()))

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy@"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        kept = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": server.transport.get_extra_info("ssl_object") is not None,
                "user": session.auth_data.decode() if session.auth_data else "", "text": envelope.original_content.decode("latin-1")}
        part = self.folder / f".{self.count}"
        part.write_text(json.dumps(kept))
        part.rename(self.folder / f"{self.count}.eml")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"alice" and data.password == b"alice-secret"
    return AuthResult(success=good, handled=False, auth_data=data.login if good else None)


async def main():
    folder = pathlib.Path(sys.argv[1])
    smtp, smtps, plain = (int(word) for word in sys.argv[2:])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls" / "server.crt", folder / "tls" / "server.key")
    keeper = Keeper(folder / "mail")
    loop = asyncio.get_running_loop()
    secured = {"authenticator": authenticate, "auth_required": True, "data_size_limit": 50_000_000}
    await loop.create_server(lambda: SMTP(keeper, tls_context=context, require_starttls=True, **secured), "127.0.0.1", smtp)
    # The TLS of a port that begins with it is not the protocol's own.
    await loop.create_server(lambda: SMTP(keeper, auth_require_tls=False, **secured), "127.0.0.1", smtps, ssl=context)
    await loop.create_server(lambda: SMTP(keeper, data_size_limit=50_000_000), "127.0.0.1", plain)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
