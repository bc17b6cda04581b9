"""Components with the fields that Dapr's documentation gives them, taken as they are: nothing refused, nothing unknown, and each in the
directions that it has there."""

from support.host import component
from support.servers_google import new_private_key
from support.wait import wait_until

IN, OUT = "INPUT_BINDING", "OUTPUT_BINDING"
NOBODY = "127.0.0.1:9"
HTTP = f"http://{NOBODY}"
AWS = {"region": "us-west-2", "endpoint": HTTP, "accessKey": "AKIAIOSFODNN7EXAMPLE", "secretKey": "c2VjcmV0", "sessionToken": "dG9rZW4"}
AZURE = {"accountName": "devstoreaccount1", "accountKey": "YWNjb3VudC1rZXk=", "endpoint": HTTP}


def google(private_key):
    return {"type": "service_account", "project_id": "project-111", "private_key_id": "0123", "client_email": "name@project-111.example",
            "client_id": "0123", "auth_uri": f"{HTTP}/auth", "token_uri": f"{HTTP}/token", "auth_provider_x509_cert_url": f"{HTTP}/certs",
            "client_x509_cert_url": f"{HTTP}/cert", "private_key": private_key}


def components(folder, private_key):
    """Name, fields and directions of each type."""
    return [
        ("kafka", {"brokers": NOBODY, "topics": "topic1,topic2", "consumerGroup": "group1", "publishTopic": "topic3", "authRequired": "true",
                   "saslUsername": "user", "saslPassword": "password", "saslMechanism": "SHA-512", "initialOffset": "newest",
                   "maxMessageBytes": "1024", "heartbeatInterval": "5s", "sessionTimeout": "15s", "version": "2.0.0"}, {IN, OUT}),
        ("rabbitmq", {"queueName": "queue1", "host": f"amqp://guest:guest@{NOBODY}", "exclusive": "false", "durable": "true",
                      "deleteWhenUnused": "false", "ttlInSeconds": "60", "prefetchCount": "0", "contentType": "text/plain",
                      "reconnectWaitInSeconds": "5", "externalSasl": "false", "maxPriority": "5", "caCert": "", "clientCert": "",
                      "clientKey": ""}, {IN, OUT}),
        ("redis", {"redisHost": NOBODY, "redisPassword": "password", "redisUsername": "default", "enableTLS": "false", "failover": "false",
                   "redisDB": "0", "redisMaxRetries": "3", "redisType": "node"}, {OUT}),
        ("azure.eventhubs", {"connectionString": "Endpoint=sb://name.servicebus.example/;SharedAccessKeyName=key;SharedAccessKey=c2VjcmV0;"
                             "EntityPath=hub", "endpoint": NOBODY, "consumerGroup": "group1", "storageAccountName": "account",
                             "storageAccountKey": "YWNjb3VudC1rZXk=", "storageContainerName": "container", "storageEndpoint": HTTP,
                             "enableEntityManagement": "false"}, {IN, OUT}),
        ("aws.sqs", {"queueName": "items", **AWS}, {IN, OUT}),
        ("aws.s3", {"bucket": "mybucket", **AWS, "decodeBase64": "false", "encodeBase64": "false", "forcePathStyle": "true",
                    "disableSSL": "false", "insecureSSL": "false", "storageClass": "STANDARD_IA"}, {OUT}),
        ("aws.sns", {"topicArn": "arn:aws:sns:us-west-2:123456789012:topic", **AWS}, {OUT}),
        ("azure.blobstorage", {**AZURE, "containerName": "container1", "decodeBase64": "false", "getBlobRetryCount": "3", "publicAccessLevel": "none"}, {OUT}),
        ("azure.storagequeues", {**AZURE, "queueName": "myqueue", "pollingInterval": "30s", "ttlInSeconds": "60", "decodeBase64": "false",
                                 "encodeBase64": "false", "visibilityTimeout": "30s"}, {IN, OUT}),
        ("gcp.bucket", {"bucket": "mybucket", **google(private_key), "decodeBase64": "false", "encodeBase64": "false", "contentType": "image/png"},
         {OUT}),
        ("gcp.pubsub", {"topic": "topic1", "subscription": "name-1", **google(private_key), "endpoint": HTTP}, {IN, OUT}),
        ("http", {"url": HTTP, "maxResponseBodySize": "100Mi", "MTLSRenegotiation": "RenegotiateOnceAsClient", "responseTimeout": "10s"},
         {OUT}),
        ("localstorage", {"rootPath": folder}, {OUT}),
        ("cron", {"schedule": "@every 15m"}, {IN}),
        ("mqtt3", {"url": f"tcp://user:password@{NOBODY}", "topic": "mytopic", "consumerID": "myapp", "retain": "false",
                   "cleanSession": "false", "backOffMaxRetries": "0"}, {IN, OUT}),
        ("postgresql", {"connectionString": "host=127.0.0.1 port=9 user=dapr password=secret dbname=orders connect_timeout=2",
                        "maxConns": "4", "connectionMaxIdleTime": "5m", "queryExecMode": "cache_statement"}, {OUT}),
        ("smtp", {"host": "127.0.0.1", "port": "9", "user": "user", "password": "password", "skipTLSVerify": "true",
                  "emailFrom": "sender@example.com", "emailTo": "receiver@example.com", "emailCC": "cc@example.com",
                  "emailBCC": "bcc@example.com", "subject": "subject", "priority": "1"}, {OUT}),
    ]


def test_components_as_dapr_documents_them_are_taken(start_host, app, tmp_path):
    wanted = components(tmp_path, new_private_key())
    host = start_host(*(component(name, f"bindings.{name}", fields) for name, fields, _ in wanted), app=app).outbound_ready()
    for name, _, directions in wanted:
        def seen(name=name):
            state = host.request("GET", f"/cleat/v1/components/{name}").json()
            return state if state["capabilities"] or state["state"] == "failed" else None
        state = wait_until(seen, f"{name} has started")
        assert (state["state"] != "failed", set(state["capabilities"])) == (True, directions), state
    assert "is not a field of" not in host.output
