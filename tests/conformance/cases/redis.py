import redis

from conformance.case import Case, Operation, Source


def client(server):
    return redis.Redis(port=server.port("plain"), password="redis-secret")


def publish(server, place, payloads):
    with client(server) as connection:
        pipe = connection.pipeline()
        for payload in payloads:
            pipe.xadd(place, {"data": payload})
        pipe.execute()


def stored(server, place, key, done):
    with client(server) as connection:
        return connection.get(place + key)


def put(server, place, key, payload):
    with client(server) as connection:
        connection.set(place + key, payload)


def named(server, place, key):
    return {"key": place + key}


CASE = Case(
    plugin="redis",
    server="redis",
    output=lambda server, place: {"redisHost": server.address("plain"), "redisUsername": "alice", "redisPassword": "alice-secret"},
    operations=[
        Operation("create", metadata=named, found=stored),
        Operation("get", metadata=named, arrange=put, found=lambda server, place, key, done: done.data),
        Operation("delete", metadata=named, arrange=put, found=stored, expected=lambda payload: None),
        Operation("increment", metadata=named, found=lambda server, place, key, done: done.data, expected=lambda payload: b"1"),
    ],
    source=Source(
        fields=lambda server, place: {"redisHost": server.address("plain"), "redisPassword": "redis-secret", "stream": place,
                                      "consumerGroup": "readers", "consumerID": "one", "minIdle": "5s"},
        publish=publish,
    ),
    nobody=lambda port: {"redisHost": f"127.0.0.1:{port}"},
    secrets=("alice-secret", "redis-secret"),
)
