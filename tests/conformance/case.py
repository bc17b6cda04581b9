"""What a case file says of a plugin. Everything else about it the suite reads from its manifest."""

from dataclasses import dataclass, field


@dataclass
class Operation:
    """One operation of an output. `key` is a name that no other call uses; `place` what Case.place gave the test."""
    name: str
    # The call's metadata.
    metadata: object = lambda server, place, key: {}
    # The call's data for a payload; what the operation does not carry is left out by giving something fixed.
    data: object = lambda payload: payload
    # Makes the far end ready for the call: the object that is read, the row that is deleted.
    arrange: object = lambda server, place, key, payload: None
    # What came of it: the bytes that the far end holds now, by another client, or the call's answer (a Completed).
    found: object = None
    expected: object = lambda payload: payload
    # Payloads of which the operation says that they are wrong.
    refuses: object = lambda payload: False
    # Names of metadata that a good answer has.
    answers: tuple = ()


@dataclass
class Source:
    """An input. `place` is a topic, queue, stream or table that no other test uses."""
    fields: object                   # (server, place) -> the component's fields
    publish: object = None           # (server, place, payloads): returns when the far end has them all; None: it makes its own
    ordered: bool = True             # one place gives its events out in the order they came in
    gives_back: bool = True          # REQUEUE lets the event come again without a restart
    dead_letters: object = None      # (server, place) -> payloads that REJECT has put aside; None: REJECT is not declared
    survives_server: bool = True     # events outlive kill -9 of the server
    survives_kill: bool = True       # what was out comes again after kill -9 of the host: no promise of less
    again_within: float = 30.0       # seconds after which what a dead host had out comes again at the latest
    largest: int = 65536             # bytes of the largest payload that is tried: a source may take less
    ignores: object = lambda event: False  # events that the plugin sends on its own account


@dataclass
class Case:
    plugin: str                      # bindings.<plugin>.so
    server: str | None = None        # a name of scripts/brokers
    against: str = "itself"          # without a server: what judges it, in the words of plugins/README.md
    place: object = lambda server, name: name  # makes a fresh place of this name and gives what tests call it
    output: object = None            # (server, place) -> the component's fields for an output
    operations: list = field(default_factory=list)
    source: Source | None = None
    # Fields that point to a port where nobody listens: (port) -> dict that goes over the good ones. None: there is no far end.
    nobody: object = None
    secrets: tuple = ()              # texts that no line of the plugin may hold
    # A bound on a call's data: fields to set it, and the bytes that are still taken.
    limit: tuple | None = None
    calls: int = 50                  # how many calls the tests under load have out at a time
    # Bytes that the client library itself keeps for each instance that has been, found by trying without the plugin.
    library_keeps: int = 0
    # Seconds beyond its deadline after which a call is completed that a silent server holds. The host has answered by then.
    ends_within: float = 5.0
    # False: a server that is stopped with SIGSTOP may hold a call for longer than a test can wait.
    can_hang: bool = True

    @property
    def type(self):
        return f"bindings.{self.plugin}"
