"""What the cloud types do over a time: while keys and tokens change under load, and while a service has a bad one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.cloud import AWS, Cloud, call, has_no_secret, part, told_by
from support.cloud_aws import Container
from support.endurance import DAYS, Endurance, hub_of
from support.servers_google import new_private_key
from support.wait import wait_until


@pytest.fixture
def changing():
    """A cloud whose keys and tokens last for a few seconds, and who gives them out to containers."""
    made, container = Cloud(new_private_key()), Container()
    made.login.lifetime, made.login.only_last = 2, True
    for name in AWS:
        made.services[name].keys = container
    yield made, container
    made.close()
    container.close()


def test_keys_and_tokens_that_change_under_load_lose_nothing(start_host, changing):
    cloud, container = changing
    no_keys = dict.fromkeys(("accessKey", "secretKey", "sessionToken"))
    names = (*AWS, "gcs", "blob")
    texts = [part(cloud, name, direction="output", **(no_keys if name in AWS else {})) for name in names]
    host = start_host(*texts, env={**cloud.environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{container.url}/keys"}).outbound_ready()
    ended, sent, failures = threading.Event(), {name: [] for name in names}, []

    def load(name):
        while not ended.is_set():
            text, reply = call(host, name)
            sent[name].append(text)
            if reply.status not in (200, 204):
                failures.append(reply.text)

    with ThreadPoolExecutor(2 * len(names)) as pool:
        running = [pool.submit(load, name) for name in names * 2]
        try:
            wait_until(lambda: failures or (len(container.given) >= 4 and len(cloud.login.given) >= 6), "keys and tokens change", 60)
        finally:
            ended.set()
        for each in running:
            each.result()
    assert not failures, f"{len(failures)} of {sum(map(len, sent.values()))}: {failures[:3]}"
    for name in names:
        stored = b"\n".join(cloud.services[name].stored).decode()
        assert not [text for text in sent[name] if text not in stored]
    has_no_secret(cloud, host.output, *told_by(host))


@pytest.mark.timeout(240)
def test_a_bad_time_costs_little_and_ends_by_itself(tmp_path, kafka):
    """Short of the ten minutes of scripts/soak --cloud. Seconds of the processor tell nothing while others want it, so what is measured is what
    the host wants of it; and what a failed call leaves behind is looked for in thousands of them."""
    run = Endurance(tmp_path / "host", new_private_key(), hub_of(kafka), kafka.port("sasl_ssl"))
    try:
        growth = run.growth(1500)
        for day in DAYS:
            found = run.endure(day, 4, every=2)
            assert found.calls and not found.restless(), str(found)
            # Whoever waits between attempts makes a handful. The hub's two clients each have two addresses to try.
            assert found.attempts <= 8 * found.seconds and found.requests <= 12 * found.seconds and found.lines <= 40, str(found)
        run.recover()
        run.check()
        # A kilobyte for each call.
        assert growth < 2 << 20, f"grown by {growth} bytes"
    finally:
        run.close()
