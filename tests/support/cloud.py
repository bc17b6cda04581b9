"""Cloud services that are well or have a bad day: each an address that speaks just enough of its protocol to take what it is
given, or answers as that service does when something is wrong. For days that no emulator can have; what is good is proven
with the emulators."""

import base64
import itertools
import json

from .app import Answer
from .cloud_aws import S3, Sns, Sqs
from .cloud_azure import BlobStorage, StorageQueue
from .cloud_service import Login, Refusal, Service
from .host import component
from .wait import wait_until

AWS = ("sqs", "s3", "sns")
_numbers = itertools.count(1)


class Gcs(Service):
    """Asks `login` whether it knows who comes."""

    refusals = {
        "wrong credentials": Refusal(401, "authError", "Invalid Credentials"),
        "missing": Refusal(404, "notFound", "The specified bucket does not exist."),
        "denied": Refusal(403, "forbidden", "shop@shop does not have storage.objects.create access."),
        "throttled": Refusal(429, "rateLimitExceeded", "The rate limit was exceeded."),
        "unavailable": Refusal(503, "backendError", "Backend Error"),
        "broken": Refusal(500, "internalError", "Internal Error"),
    }

    def __init__(self, login):
        self.login = login
        super().__init__()

    def refusal(self, what, request_id):
        error = {"code": what.status, "message": what.message, "errors": [{"reason": what.code, "message": what.message}]}
        return Answer(what.status, json.dumps({"error": error}).encode(), {"content-type": "application/json", "x-guploader-uploadid": request_id})

    def well(self, request):
        if not self.login.knows(request):
            return self.refuse("wrong credentials")
        if request.method == "GET":
            return Answer(200, b'{"kind": "storage#objects"}', {"content-type": "application/json"})
        self.stored.append(request.body)
        made = {"kind": "storage#object", "name": "x", "size": str(len(request.body)), "generation": "1"}
        return Answer(200, json.dumps(made).encode(), {"content-type": "application/json", "x-guploader-uploadid": self.new_id()})


KEY = base64.b64encode(b"planted-secret-of-the-account").decode()


class Cloud:
    """All of them. `planted` are the texts that nobody may ever say; the token endpoint's are beside them."""

    region = "us-east-1"

    def __init__(self, private_key):
        self._private_key = private_key
        self.login = Login()
        self.sqs, self.s3, self.sns = Sqs(), S3(), Sns()
        self.gcs, self.queue, self.blob = Gcs(self.login), StorageQueue(), BlobStorage(self.login)
        self.services = {"sqs": self.sqs, "s3": self.s3, "sns": self.sns, "gcs": self.gcs, "queue": self.queue, "blob": self.blob}
        # Of the key one line; all lines would be no text that could be looked for.
        self.planted = ("planted-secret", "planted-token", KEY, private_key.splitlines()[3])

    @property
    def environment(self):
        return {"AZURE_AUTHORITY_HOST": self.login.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def fields(self, name, url=None):
        """The type of the component for a service, and its fields. With `url` it looks for the service there."""
        url = url or self.services[name].url
        aws = {"endpoint": url, "region": self.region, "accessKey": "AKIAEXAMPLE", "secretKey": "planted-secret", "sessionToken": "planted-secret-session"}
        azure = {"accountName": "acct", "endpoint": url}
        return {
            "sqs": ("bindings.aws.sqs", {**aws, "queueName": "orders", "waitTime": "1s", "visibilityTimeout": "3s"}),
            "s3": ("bindings.aws.s3", {**aws, "bucket": "orders", "forcePathStyle": "true"}),
            "sns": ("bindings.aws.sns", {**aws, "topicArn": "arn:aws:sns:us-east-1:000000000000:orders"}),
            "gcs": ("bindings.gcp.bucket", {"bucket": "orders", "projectID": "shop", "privateKeyID": "kid1", "privateKey": self._private_key,
                                            "clientEmail": "shop@shop.iam.gserviceaccount.com", "tokenURI": f"{self.login.url}/token",
                                            "endpoint": url}),
            "queue": ("bindings.azure.storagequeues", {**azure, "accountKey": KEY, "queueName": "orders", "pollingInterval": "300ms",
                                                       "visibilityTimeout": "3s"}),
            "blob": ("bindings.azure.blobstorage", {**azure, "azureTenantId": "tenant", "azureClientId": "client",
                                                    "azureClientSecret": "planted-secret-of-the-application", "containerName": "orders"}),
        }[name]

    def well(self):
        for service in (self.login, *self.services.values()):
            service.day, service.retry_after = None, None

    def close(self):
        for service in (self.login, *self.services.values()):
            service.close()


def call_of(name, text):
    """Data and metadata of a `create` that stores `text`."""
    if name == "sns":
        return {"message": text}, {}
    return text, {"key": text, "blobName": text} if name in ("s3", "gcs", "blob") else {}


def part(cloud, name, url=None, **more):
    type_, fields = cloud.fields(name, url)
    given = {**fields, "invokeTimeout": "20s", **more}
    return component(name, type_, {key: value for key, value in given.items() if value is not None})


def told_by(host):
    return [host.request("GET", path).text for path in ("/v1.0/metadata", "/cleat/v1/components")]


def has_no_secret(cloud, *texts):
    for text in texts:
        for secret in cloud.planted:
            assert secret not in text, f"{secret} in {text[max(text.find(secret) - 200, 0):][:400]}"


def new_text():
    return f"text-{next(_numbers)}"


def call(host, name):
    """A call, and its answer; its text is known nowhere else."""
    text = new_text()
    data, metadata = call_of(name, text)
    return text, host.create(name, data, **metadata)


def is_well(host, name):
    return call(host, name)[1].status in (200, 204)


def wait_until_well(host, name):
    """Alone: nothing is done but calling it."""
    wait_until(lambda: is_well(host, name), lambda: f"{name} takes calls again; {host.state(name)}", 60)
    host.wait_for_state(name, lambda state: state.get("state") == "running", "is well")
