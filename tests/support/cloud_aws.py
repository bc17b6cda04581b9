"""SQS, S3 and SNS that have bad days, and who gives out keys to a container."""

import calendar
import email.utils
import json
import re
import time
import urllib.parse
import uuid
from xml.sax.saxutils import escape

from .app import Answer
from .cloud_service import Messages, Refusal, Service


class Container(Service):
    """The credentials endpoint of a container. Its keys count until they expire."""

    lifetime = 3

    def __init__(self):
        self._until = {}
        super().__init__()

    @property
    def given(self):
        return list(self._until)

    def knows(self, request):
        name = re.search(r"Credential=([^/]*)/", request.header("authorization") or "")
        # They have whole seconds.
        return name is not None and time.time() < self._until.get(name.group(1), 0) + 1

    def well(self, request):
        name, until = f"AKIA{len(self._until) + 1}", int(time.time()) + self.lifetime
        self._until[name] = until
        keys = {"AccessKeyId": name, "SecretAccessKey": "planted-secret", "Token": "planted-secret-session",
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))}
        return Answer(200, json.dumps(keys).encode(), {"content-type": "application/json"})


class _Aws(Service):
    """With `ahead`, seconds, its clock is another one, and what is signed a quarter of an hour beside it is refused. With `keys`,
    a Container, so is who it does not know."""

    ahead = 0.0
    keys = None
    skewed = "RequestTimeTooSkewed"

    def _next(self, request):
        if self.keys is not None and not self.keys.knows(request):
            return self.refuse("expired token")
        signed = request.header("x-amz-date")
        if self.day is None and self.ahead and signed:
            at = calendar.timegm(time.strptime(signed, "%Y%m%dT%H%M%SZ"))
            if abs(at - (time.time() + self.ahead)) > 900:
                answer = self.refusal(Refusal(403, self.skewed, "The difference between the request time and the current time is too large."),
                                      self.new_id())
                answer.headers["date"] = email.utils.formatdate(time.time() + self.ahead, usegmt=True)
                return answer
        return super()._next(request)


class Sqs(_Aws):
    refusals = {
        "wrong credentials": Refusal(403, "com.amazon.coral.service#InvalidClientTokenId", "The security token included in the request is invalid."),
        "expired token": Refusal(403, "com.amazon.coral.service#ExpiredTokenException", "The security token included in the request is expired"),
        "missing": Refusal(400, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist."),
        "denied": Refusal(403, "com.amazon.coral.service#AccessDeniedException", "User is not authorized to perform: sqs:sendmessage"),
        "throttled": Refusal(429, "com.amazonaws.sqs#RequestThrottled", "Rate exceeded"),
        "unavailable": Refusal(503, "com.amazon.coral.service#ServiceUnavailable", "Service is unavailable"),
        "broken": Refusal(500, "com.amazon.coral.service#InternalFailure", "We encountered an internal error."),
    }

    def __init__(self):
        self.messages = Messages()
        super().__init__()

    def refusal(self, what, request_id):
        body = json.dumps({"__type": what.code, "message": what.message}).encode()
        return Answer(what.status, body, {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": request_id})

    def well(self, request):
        action = (request.header("x-amz-target") or "").rpartition(".")[2]
        asked = json.loads(request.body)
        made = {"GetQueueUrl": lambda: {"QueueUrl": f"{self.url}/000000000000/{asked['QueueName']}"},
                "GetQueueAttributes": lambda: {"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q"}},
                "SendMessageBatch": lambda: self._each(asked, self._send),
                "ReceiveMessage": lambda: {"Messages": self._receive(asked)},
                "DeleteMessageBatch": lambda: self._each(asked, self._delete),
                "ChangeMessageVisibilityBatch": lambda: self._each(asked, self._change)}[action]()
        return Answer(200, json.dumps(made).encode(), {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": self.new_id()})

    def _each(self, asked, do):
        found = [(entry["Id"], do(entry)) for entry in asked["Entries"]]
        return {"Successful": [{"Id": name, **more} for name, more in found if more is not None],
                "Failed": [{"Id": name, "Code": "ReceiptHandleIsInvalid", "SenderFault": True} for name, more in found if more is None]}

    def _send(self, entry):
        self.stored.append(entry["MessageBody"].encode())
        return {"MessageId": self.messages.put(entry["MessageBody"])}

    def _delete(self, entry):
        return {} if self.messages.delete(entry["ReceiptHandle"]) else None

    def _change(self, entry):
        return {} if self.messages.change(entry["ReceiptHandle"], entry["VisibilityTimeout"]) else None

    def _receive(self, asked):
        found = self.messages.take(asked["MaxNumberOfMessages"], asked["VisibilityTimeout"], asked["WaitTimeSeconds"])
        return [{"MessageId": name, "Body": body, "ReceiptHandle": receipt, "Attributes": {"ApproximateReceiveCount": str(count)}}
                for name, body, receipt, count in found]


class _AwsXml(_Aws):
    def refusal(self, what, request_id):
        body = (f"<Error><Code>{what.code}</Code><Message>{escape(what.message)}</Message><RequestId>{request_id}</RequestId></Error>")
        return Answer(what.status, self.around(body).encode(), {"content-type": "application/xml"})

    def around(self, error):
        return '<?xml version="1.0" encoding="UTF-8"?>' + error


class S3(_AwsXml):
    refusals = {
        "wrong credentials": Refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."),
        "expired token": Refusal(400, "ExpiredToken", "The provided token has expired."),
        "missing": Refusal(404, "NoSuchBucket", "The specified bucket does not exist"),
        "denied": Refusal(403, "AccessDenied", "Access Denied"),
        "throttled": Refusal(429, "SlowDown", "Please reduce your request rate."),
        "unavailable": Refusal(503, "ServiceUnavailable", "Please try again."),
        "broken": Refusal(500, "InternalError", "We encountered an internal error. Please try again."),
    }

    def well(self, request):
        if request.method == "PUT":
            self.stored.append(request.body)
        if request.method == "GET" and "max-keys=" in request.path:
            return Answer(200, b"<ListBucketResult></ListBucketResult>", {"content-type": "application/xml"})
        return Answer(200, b"", {"etag": '"d41d8cd98f00b204e9800998ecf8427e"', "x-amz-request-id": self.new_id()})


class Sns(_AwsXml):
    skewed = "RequestExpired"
    refusals = {
        "wrong credentials": Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        "expired token": Refusal(403, "ExpiredToken", "The security token included in the request is expired"),
        "missing": Refusal(404, "NotFound", "Topic does not exist"),
        "denied": Refusal(403, "AuthorizationError", "User is not authorized to perform: SNS:Publish"),
        "throttled": Refusal(429, "Throttled", "Rate exceeded"),
        "unavailable": Refusal(503, "ServiceUnavailable", "Service is unavailable"),
        "broken": Refusal(500, "InternalError", "Internal failure"),
    }

    def around(self, error):
        return '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">' + error + "</ErrorResponse>"

    def well(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form.get("Action") == "GetTopicAttributes":
            return Answer(200, b"<GetTopicAttributesResponse><GetTopicAttributesResult/></GetTopicAttributesResponse>", {"content-type": "text/xml"})
        self.stored.append(form.get("Message", "").encode())
        body = (f"<PublishResponse><PublishResult><MessageId>{uuid.uuid4()}</MessageId></PublishResult>"
                f"<ResponseMetadata><RequestId>{self.new_id()}</RequestId></ResponseMetadata></PublishResponse>")
        return Answer(200, body.encode(), {"content-type": "text/xml"})
