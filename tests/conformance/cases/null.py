from conformance.case import Case, Operation

CASE = Case(
    plugin="null",
    output=lambda server, place: {"respond": "true"},
    operations=[Operation(name, found=lambda server, place, key, done: done.data) for name in ("create", "get", "delete", "list")],
)
