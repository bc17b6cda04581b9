"""What a plugin says of itself, and what becomes of a component that does not fit it."""

import pytest

from .conftest import CASES, every_plugin
from .plugin import INVALID, OK

# A text that is no value of the type.
WRONG = {"integer": "many", "number": "much", "duration": "soon", "size": "big"}


def fields_of(plugin):
    return plugin.manifest["types"][0]["fields"] if "fields" in plugin.manifest["types"][0] else []


def a_component(bench):
    """Good fields for every direction that the case has."""
    fields = {}
    if bench.case.source is not None:
        fields.update(bench.input())
    if bench.case.output is not None:
        fields.update(bench.output())
    return fields


def test_each_plugin_has_a_case():
    assert every_plugin() == sorted(case.plugin for case in CASES)


def test_the_descriptor_is_sane(case, bench):
    plugin = bench.plugin()
    types = {each["type"]: each for each in plugin.manifest["types"]}
    assert case.type in types
    assert plugin.manifest["license"] and plugin.manifest["version"]
    offered = types[case.type]
    assert ("input" in offered["directions"]) == (case.source is not None)
    assert ("output" in offered["directions"]) == bool(case.operations)
    # Each operation that is declared is tried by the suite, or the suite judges less than is promised.
    assert sorted(offered.get("operations", [])) == sorted({operation.name for operation in case.operations})
    for field in offered.get("fields", []):
        assert field.get("help"), f"{field['name']} has no help"
        if field["name"].lower().endswith(("password", "secret", "secretkey", "clientkey", "token")) and field["type"] == "string":
            assert field.get("sensitive"), f"{field['name']} is not sensitive"


def test_a_good_component_passes_its_check(case, bench):
    plugin = bench.plugin()
    assert plugin.use(a_component(bench)).status == OK
    plugin.create()
    assert plugin.init(check_only=True).status == OK
    plugin.free()


def test_a_missing_field_is_named(case, bench):
    plugin = bench.plugin()
    good = a_component(bench)
    for field in fields_of(plugin):
        if not field.get("required"):
            continue
        names = {field["name"].lower(), *(alias.lower() for alias in field.get("aliases", []))}
        reply = plugin.use({key: value for key, value in good.items() if key.lower() not in names})
        assert reply.status == INVALID and field["name"] in reply.text and "conformance" in reply.text, reply.text


def test_a_value_of_the_wrong_type_is_named(case, bench):
    plugin = bench.plugin()
    good = a_component(bench)
    for field in fields_of(plugin):
        wrong = "none of these" if field.get("allowed") else WRONG.get(field["type"])
        if wrong is None:
            continue
        reply = plugin.use({**good, field["name"]: wrong})
        assert reply.status == INVALID and field["name"] in reply.text, f"{field['name']}: {reply.status} {reply.text}"
        assert (wrong in reply.text) != bool(field.get("sensitive")), reply.text


def test_a_second_instance_does_not_mind_the_first(case, bench):
    """The file is opened once and serves any number of instances, one after the other here."""
    plugin = bench.plugin()
    for _ in range(2):
        assert plugin.use(a_component(bench)).status == OK
        plugin.create()
        assert plugin.init(check_only=True).status == OK
        plugin.free()


@pytest.mark.parametrize("text", ["", "\x01", "x" * 5000, "é€𐐷", "'; --", "a,b,,c", "%s%n"],
                         ids=["empty", "control", "long", "wide", "quote", "list", "format"])
def test_odd_text_in_a_field_does_no_harm(case, bench, text):
    """It is taken or refused in words; a crash or a leak fails the process."""
    plugin = bench.plugin()
    good = a_component(bench)
    for field in fields_of(plugin):
        if field["type"] not in ("string", "list") or field.get("allowed"):
            continue
        if plugin.use({**good, field["name"]: text}).status != OK:
            continue
        plugin.create()
        reply = plugin.init(check_only=True)
        assert reply.status == OK or reply.text, field["name"]
        plugin.free()
