import pathlib
import tempfile

from conformance.case import Case, Operation


def lines_of(server, place, key, done):
    """What the file holds for a call: a line is the data, a tab, the metadata."""
    line = next(line for line in pathlib.Path(place).read_bytes().split(b"\n") if line.endswith(b'{"key":"%s"}' % key.encode()))
    return line.rpartition(b"\t")[0]


def on_one_line(payload):
    """Blanks between the parts of an object go, control characters are escaped."""
    text = payload.replace(b": ", b":").replace(b", ", b",") if payload.startswith(b"{") else payload
    return b"".join(b"\\u%04x" % byte if byte < 0x20 else bytes([byte]) for byte in text)


CASE = Case(
    plugin="sink",
    place=lambda server, name: str(pathlib.Path(tempfile.mkdtemp()) / name),
    output=lambda server, place: {"file": place},
    operations=[Operation("create", metadata=lambda server, place, key: {"key": key}, found=lines_of, expected=on_one_line)],
    limit=({"maxBytes": "1Ki"}, 1024),
)
