"""Queue Storage and Blob Storage that have bad days."""

import email.utils
import re
import time
import urllib.parse
from xml.sax.saxutils import escape

from .app import Answer
from .cloud_service import Messages, Refusal, Service


class _Azure(Service):
    """With `ahead`, seconds, its clock is another one. With `login` a token of it is asked for."""

    ahead = 0.0
    skewed = "AuthenticationFailed"

    def __init__(self, login=None):
        self.login = login
        super().__init__()

    def refusal(self, what, request_id):
        body = (f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{what.code}</Code><Message>{escape(what.message)}\nRequestId:{request_id}\n'
                f"Time:2026-11-28T12:00:00Z</Message></Error>")
        return Answer(what.status, body.encode(), {"content-type": "application/xml", "x-ms-request-id": request_id, "x-ms-error-code": what.code,
                                                   "date": email.utils.formatdate(time.time() + self.ahead, usegmt=True)})

    def well(self, request):
        if self.login is not None and not self.login.knows(request):
            return self.refuse("expired token")
        at = email.utils.parsedate_to_datetime(request.header("x-ms-date")).timestamp()
        if abs(at - (time.time() + self.ahead)) > 900:
            return self.refuse("wrong credentials")
        return self.do(request)

    def do(self, request):
        raise NotImplementedError

    def _headers(self):
        return {"x-ms-request-id": self.new_id(), "date": email.utils.formatdate(time.time() + self.ahead, usegmt=True)}


_AZURE = {
    "wrong credentials": Refusal(403, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization "
                                                              "header is formed correctly including the signature."),
    "expired token": Refusal(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request. Lifetime validation failed."),
    "denied": Refusal(403, "AuthorizationFailure", "This request is not authorized to perform this operation."),
    "throttled": Refusal(429, "TooManyRequests", "Too many requests."),
    "unavailable": Refusal(503, "ServerBusy", "The server is busy."),
    "broken": Refusal(500, "InternalError", "The server encountered an internal error. Please retry the request."),
}


class StorageQueue(_Azure):
    refusals = {**_AZURE, "missing": Refusal(404, "QueueNotFound", "The specified queue does not exist.")}

    def __init__(self, login=None):
        self.messages = Messages()
        super().__init__(login)

    def do(self, request):
        path, _, query = request.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        name = re.search(r"/messages/?([^/]*)$", path)
        headers = {**self._headers(), "content-type": "application/xml"}
        if name is None:
            return Answer(201 if request.method == "PUT" else 200, b"", headers)
        if request.method == "DELETE":
            return Answer(204, b"", headers) if self.messages.delete(asked["popreceipt"]) else self._gone()
        if request.method == "PUT":
            receipt = self.messages.change(asked["popreceipt"], int(asked["visibilitytimeout"]), renew=True)
            return self._gone() if receipt is None else Answer(204, b"", {**headers, "x-ms-popreceipt": receipt})
        if request.method == "POST":
            text = re.search(rb"<MessageText>(.*)</MessageText>", request.body, re.DOTALL).group(1)
            self.stored.append(text)
            return Answer(201, self._list([(self.messages.put(text.decode()), None, "first", 0)]), headers)
        found = self.messages.take(int(asked["numofmessages"]), int(asked["visibilitytimeout"]))
        return Answer(200, self._list(found), headers)

    def _gone(self):
        return self.refusal(Refusal(404, "MessageNotFound", "The specified message does not exist."), self.new_id())

    def _list(self, messages):
        each = "".join(f"<QueueMessage><MessageId>{name}</MessageId><InsertionTime>{email.utils.formatdate(usegmt=True)}</InsertionTime><ExpirationTime>{email.utils.formatdate(usegmt=True)}</ExpirationTime>"
                       f"<PopReceipt>{receipt}</PopReceipt><TimeNextVisible>{email.utils.formatdate(usegmt=True)}</TimeNextVisible><DequeueCount>{count}</DequeueCount>"
                       + (f"<MessageText>{body}</MessageText>" if body is not None else "") + "</QueueMessage>" for name, body, receipt, count in messages)
        return f'<?xml version="1.0" encoding="utf-8"?><QueueMessagesList>{each}</QueueMessagesList>'.encode()


class BlobStorage(_Azure):
    refusals = {**_AZURE, "missing": Refusal(404, "ContainerNotFound", "The specified container does not exist.")}

    def do(self, request):
        if request.method == "PUT" and "restype=container" not in request.path:
            self.stored.append(request.body)
        return Answer(201 if request.method == "PUT" else 200, b"", {**self._headers(), "etag": '"0x8D"'})
