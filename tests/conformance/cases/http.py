from conformance.case import Case, Operation


def raw(server, place, key):
    return {"path": f"/raw/{key}"}


def answered(server, place, key, done):
    return done.data


WITH_BODY = [Operation(name, metadata=raw, found=answered, answers=("statusCode", "status", "Content-Type"))
             for name in ("create", "post", "put", "patch")]
WITHOUT_BODY = [Operation(name, metadata=raw, found=answered, expected=lambda payload: b"", answers=("statusCode", "status"))
                for name in ("get", "head", "delete", "options", "trace")]

CASE = Case(
    plugin="http",
    server="http-echo",
    output=lambda server, place: {"url": f"http://{server.address('http')}", "securityToken": "token-secret", "securityTokenHeader": "X-Token"},
    # nginx itself answers TRACE.
    operations=WITH_BODY + [each for each in WITHOUT_BODY if each.name != "trace"] +
    [Operation("trace", metadata=lambda server, place, key: {"path": "/", "errorIfNot2XX": "false"}, answers=("statusCode",))],
    nobody=lambda port: {"url": f"http://127.0.0.1:{port}"},
    secrets=("token-secret",),
    limit=({"maxResponseBodySize": "1Ki"}, 1024),
)
