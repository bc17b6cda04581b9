import email
import email.policy
import json
import pathlib

from conformance.case import Case, Operation
from support.wait import wait_until


def mail_of(server, place, key, done):
    """The body of the mail with this subject."""
    def found():
        for path in (pathlib.Path(server.state["data"]) / "mail").glob("*.eml"):
            message = email.message_from_bytes(json.loads(path.read_text())["text"].encode("latin-1"), policy=email.policy.default)
            if message["subject"] == key:
                return [message.get_payload(decode=True)]
        return None
    return wait_until(found, f"a mail with the subject {key}")[0]


CASE = Case(
    plugin="smtp",
    server="smtp",
    output=lambda server, place: {"host": "localhost", "port": server.port("smtp"), "user": "alice", "password": "alice-secret", "tls": "starttls",
                                  "caCert": server.tls("ca.pem"), "emailFrom": "shop@example.com", "emailTo": "you@example.com"},
    operations=[Operation("create", metadata=lambda server, place, key: {"subject": key}, found=mail_of,
                          # The text inside a JSON string is meant.
                          expected=lambda payload: b"test" if payload == b'"test"' else payload)],
    nobody=lambda port: {"port": port},
    secrets=("alice-secret",),
)
