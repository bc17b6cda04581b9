from conformance.case import Case, Source

CASE = Case(plugin="generator", source=Source(fields=lambda server, place: {"rate": 1000, "lanes": 2}))
