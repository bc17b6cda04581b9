"""bindings.smtp against aiosmtpd, read with Python's parser of mail."""

import email
import email.policy
import functools
import json
import pathlib

import pytest

from support.fixtures import serving
from support.host import component
from support.servers import Server
from support.wait import wait_until

mails = serving(functools.partial(Server, "smtp"))


@pytest.fixture
def send(start_host, mails):
    def make(port="smtp", **fields):
        login = {} if port == "plain" else {"user": "alice", "password": "alice-secret", "caCert": mails.tls("ca.pem")}
        given = {"host": "localhost", "port": mails.port(port), "emailFrom": "Shop <shop@example.com>", **login, **fields}
        host = start_host(component("mail", "bindings.smtp", given)).ready()
        return lambda data, **metadata: host.invoke("mail", {"operation": "create", "data": data, "metadata": metadata})
    return make


def kept(mails, subject):
    """The mail with this subject, as the server kept it and as a message."""
    def found():
        for path in (pathlib.Path(mails.state["data"]) / "mail").glob("*.eml"):
            each = json.loads(path.read_text())
            message = email.message_from_bytes(each["text"].encode("latin-1"), policy=email.policy.default)
            if message["subject"] == subject:
                return each, message
        return None
    return wait_until(found, f"a mail with the subject {subject}")


def test_a_mail_with_text_html_and_attachments(send, mails):
    reply = send("smtp", tls="starttls")("<h1>Grüße</h1>", subject="Bestellung für Zoë", emailTo="a@example.com;Zoë <b@example.com>", emailCC="c@example.com",
                                         emailBCC="hidden@example.com", text="Grüße\n.\nend", priority="1", **{"attachment.rechnung ä.pdf": "JVBERg=="})
    assert reply.status in (200, 204), reply.text
    envelope, message = kept(mails, "Bestellung für Zoë")
    assert envelope["to"] == ["a@example.com", "b@example.com", "c@example.com", "hidden@example.com"]
    assert envelope["from"] == "shop@example.com" and envelope["tls"] and envelope["user"] == "alice"
    assert "hidden" not in envelope["text"] and message["x-priority"] == "1" and message["to"].addresses[1].display_name == "Zoë"
    assert message.get_body(("html",)).get_content().strip() == "<h1>Grüße</h1>"
    assert message.get_body(("plain",)).get_content().replace("\r", "").rstrip("\n") == "Grüße\n.\nend"
    attachment = next(message.iter_attachments())
    assert attachment.get_filename() == "rechnung ä.pdf" and attachment.get_content() == b"%PDF" and attachment.get_content_type() == "application/pdf"
    assert message.defects == []


def test_nothing_of_a_mail_sticks(send, mails):
    post = send("plain", emailTo="standard@example.com")
    assert post("x", subject="first of two", emailTo="other@example.com", emailBCC="secret@example.com").status in (200, 204)
    assert post("x", subject="second of two").status in (200, 204)
    assert kept(mails, "second of two")[0]["to"] == ["standard@example.com"]


def test_tls_from_the_first_byte(send, mails):
    assert send("smtps", tls="implicit")("x", subject="implicit", emailTo="a@example.com").status in (200, 204)
    assert kept(mails, "implicit")[0]["tls"]


@pytest.mark.parametrize("fields, metadata, words", [
    ({}, {"emailTo": "a@example.com\r\nBCC: b@example.com", "subject": "s"}, "line end"),
    ({}, {"emailTo": "a@example.com", "subject": "s\r\nX: y"}, "line end"),
    ({}, {"emailTo": "nobody", "subject": "s"}, "emailTo"),
    ({}, {"subject": "s"}, "emailTo property not supplied"),
    ({}, {"emailTo": "a@example.com"}, "subject property not supplied"),
    ({}, {"emailTo": "refused@example.com", "subject": "s"}, "550"),
    ({}, {"emailTo": "busy@example.com", "subject": "s"}, "451"),
    ({"password": "wrong"}, {"emailTo": "a@example.com", "subject": "s"}, "smtp binding error"),
])
def test_what_is_wrong_is_said(send, fields, metadata, words):
    reply = send("smtp", tls="starttls", **fields)("x", **metadata)
    assert reply.status >= 400 and words in reply.text and "alice-secret" not in reply.text


def test_a_server_without_tls_gets_nothing_that_wants_it(send):
    reply = send("plain", tls="starttls")("x", subject="never", emailTo="a@example.com")
    assert reply.status >= 400
