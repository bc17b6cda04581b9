"""Each operation with each kind of payload, and calls towards a far end that is absent, lost or silent."""

import itertools

import pytest

from support.wait import wait_until

from .plugin import OK, INVALID, TIMEOUT, TOO_LARGE, UNAVAILABLE, UNSUPPORTED

PAYLOADS = {
    "text": b"hello",
    "object": b'{"id": 1, "name": "M\xc3\xbcller"}',
    "empty": b"",
    "binary": bytes(range(256)),
    "zeros": b"\0" * 64,
    "quoted": b'"test"',
    "base64": b"YWFh",
    "null": b"null",
    "number": b"12345678901234567890",
    "blanks": b" \r\n\t ",
    "64 KiB": bytes(i * 7 % 251 for i in range(65536)),
}
_keys = itertools.count(1)


def try_operation(bench, plugin, operation, payload, limit=10.0):
    """One call and the judge's verdict on what it did."""
    key = f"key{next(_keys)}"
    operation.arrange(bench.server, bench.place, key, payload)
    metadata = operation.metadata(bench.server, bench.place, key)
    done = plugin.call(operation.name, operation.data(payload), metadata, limit)
    if operation.refuses(payload):
        assert done.status in (INVALID, TOO_LARGE) and done.text, f"{operation.name} of {payload[:40]!r}: {done}"
        return done
    assert done.status == OK, f"{operation.name} of {payload[:40]!r}: {done.status} {done.text}{plugin.said()}"
    for name in operation.answers:
        assert done.header(name) is not None, f"{operation.name}: no {name} in {done.metadata}"
    if operation.found is not None:
        found = operation.found(bench.server, bench.place, key, done)
        assert found == operation.expected(payload), f"{operation.name} of {payload[:40]!r}: found {found[:80] if found else found!r}"
    return done


@pytest.mark.parametrize("kind", PAYLOADS)
def test_each_operation(output, bench, kind):
    plugin = bench.plugin().run(bench.output(), "output")
    for operation in output.operations:
        try_operation(bench, plugin, operation, PAYLOADS[kind])
    plugin.stop()
    plugin.free()


def test_an_unknown_operation_is_refused(output, bench):
    plugin = bench.plugin().run(bench.output(), "output")
    done = plugin.call("no-such-operation", b"x", output.operations[0].metadata(bench.server, bench.place, "key"))
    assert done.status in (UNSUPPORTED, INVALID) and done.text
    plugin.stop()
    plugin.free()


def test_a_call_without_metadata_is_answered(output, bench):
    """Whatever is missing is said; nothing crashes."""
    plugin = bench.plugin().run(bench.output(), "output")
    for operation in output.operations:
        done = plugin.call(operation.name, b"x")
        assert done.status == OK or done.text
    plugin.stop()
    plugin.free()


def test_the_bound_of_a_call(bounded, bench):
    fields, most = bounded.limit
    plugin = bench.plugin().run(bench.output(**fields), "output")
    operation = bounded.operations[0]
    try_operation(bench, plugin, operation, b"x" * most)
    metadata = operation.metadata(bench.server, bench.place, "over")
    done = plugin.call(operation.name, operation.data(b"x" * (most + 1)), metadata)
    assert done.status == TOO_LARGE and str(most) in done.text, f"{done.status} {done.text}"
    plugin.stop()
    plugin.free()


def test_many_calls_at_once(output, bench):
    plugin = bench.plugin().run(bench.output(), "output")
    operation = output.operations[0]
    metadata = [operation.metadata(bench.server, bench.place, f"many{n}") for n in range(output.calls)]
    calls = [plugin.invoke(operation.name, operation.data(b'"%d"' % n), metadata[n], 30) for n in range(output.calls)]
    for call in calls:
        done = plugin.wait(call, 40)
        assert done.status == OK, f"{done.status} {done.text}{plugin.said()}"
    plugin.stop()
    plugin.free()


def test_stop_completes_what_is_out(output, bench):
    plugin = bench.plugin().run(bench.output(), "output")
    operation = output.operations[0]
    calls = [plugin.invoke(operation.name, operation.data(b'"%d"' % n), operation.metadata(bench.server, bench.place, f"stop{n}"), 20)
             for n in range(output.calls)]
    plugin.stop()
    for call in calls:
        plugin.wait(call, 1)
    plugin.free()


def start_without_far_end(plugin, fields, direction):
    """An instance that started although nobody answers; None if it said that it cannot."""
    assert plugin.use(fields, direction).status == OK
    plugin.create()
    assert plugin.init().status == OK
    reply = plugin.start(5)
    if reply.status == OK:
        return plugin
    assert reply.status in (UNAVAILABLE, TIMEOUT) and reply.text, f"{reply.status} {reply.text}"
    plugin.free()
    return None


def test_an_absent_far_end_is_said_in_time(far_output, bench, closed_port):
    plugin = start_without_far_end(bench.plugin(), bench.output(**far_output.nobody(closed_port)), "output")
    if plugin is None:
        return
    operation = far_output.operations[0]
    done = plugin.call(operation.name, operation.data(b"x"), operation.metadata(bench.server, bench.place, "absent"), 2.0)
    assert done.status in (UNAVAILABLE, TIMEOUT), f"{done.status} {done.text}"
    assert done.retryable and done.text
    assert done.took < 2.0 + far_output.ends_within
    ping = plugin.ping(2.0)
    assert ping.status != OK and ping.text
    plugin.stop(5)
    plugin.free()


def test_a_lost_server_is_found_again(served_output, bench):
    plugin = bench.plugin().run(bench.output(), "output")
    operation = served_output.operations[0]
    try_operation(bench, plugin, operation, b"before")
    bench.server.kill()
    done = plugin.call(operation.name, operation.data(b"x"), operation.metadata(bench.server, bench.place, "lost"), 2.0)
    assert done.status != OK and done.text and done.took < 2.0 + served_output.ends_within, f"{done.status} {done.text}"
    assert done.status in (UNAVAILABLE, TIMEOUT), f"{done.status} {done.text}"
    bench.server.start()

    def again():
        found = plugin.call(operation.name, operation.data(b"x"), operation.metadata(bench.server, bench.place, f"again{next(_keys)}"), 5.0)
        return found.status == OK
    wait_until(again, lambda: f"a call that succeeds again{plugin.said()}", 60)
    try_operation(bench, plugin, operation, b"after")
    plugin.stop()
    plugin.free()


def test_a_silent_server_holds_no_call(hanging_output, bench):
    plugin = bench.plugin().run(bench.output(), "output")
    operation = hanging_output.operations[0]
    try_operation(bench, plugin, operation, b"before")
    bench.server.pause()
    try:
        calls = [plugin.invoke(operation.name, operation.data(b"x"), operation.metadata(bench.server, bench.place, f"silent{n}"), 1.0)
                 for n in range(5)]
        for call in calls:
            done = plugin.wait(call, hanging_output.ends_within + 10)
            assert done.status in (TIMEOUT, UNAVAILABLE) and done.text, f"{done.status} {done.text}"
            assert done.took < 1.0 + hanging_output.ends_within, done
    finally:
        bench.server.resume()

    def again():
        found = plugin.call(operation.name, operation.data(b"x"), operation.metadata(bench.server, bench.place, f"woken{next(_keys)}"), 5.0)
        return found.status == OK
    wait_until(again, lambda: f"a call that succeeds again{plugin.said()}", 60)
    plugin.stop()
    plugin.free()


def test_a_cancelled_call_is_still_completed(output, bench):
    plugin = bench.plugin().run(bench.output(), "output")
    operation = output.operations[0]
    call = plugin.invoke(operation.name, operation.data(b"x"), operation.metadata(bench.server, bench.place, "cancelled"), 5.0)
    plugin.cancel(call)
    plugin.cancel(10**9)
    plugin.wait(call)
    plugin.stop()
    plugin.free()
