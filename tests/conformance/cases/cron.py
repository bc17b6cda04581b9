from conformance.case import Case, Source

CASE = Case(plugin="cron", source=Source(fields=lambda server, place: {"schedule": "@every 1h"}))
