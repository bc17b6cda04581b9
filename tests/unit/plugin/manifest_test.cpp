#include "plugin/manifest.hpp"

#include <cleat/plugin.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/text.hpp"
#include "fake_files.hpp"
#include "plugin/manifest_rules.hpp"

namespace cleat {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kWhole = R"({
  "abi": "0.1", "plugin": "kafka", "version": "2.3.1", "license": "Apache-2.0", "build": "ignored",
  "types": [
    { "type": "bindings.kafka", "version": "v2alpha1", "aliases": ["bindings.redpanda"],
      "directions": ["input", "output"], "operations": ["create", "get"],
      "blocking": true, "serial": true, "max_concurrency": 8, "delayed_return": true, "broker_dead_letter": true,
      "fields": [
        { "name": "brokers", "aliases": ["servers"], "type": "list", "required": true, "sensitive": false,
          "help": "Where.", "example": "a:9092", "unknown": [1, 2] },
        { "name": "acks", "directions": ["output"], "default": "all", "allowed": ["all", "none", 1], "deprecated": "x" },
        { "name": "wait", "type": "duration", "bare_unit": "ms", "default": 5 },
        { "name": "check", "type": "boolean", "default": true },
        { "name": "limit", "type": "size", "default": "4Mi" } ] },
    { "type": "bindings.tick", "directions": ["input"] } ] })";

/// A manifest of one type; `members` are put into the type, `fields` into its fields.
std::string one_type(std::string_view members, std::string_view fields = "") {
  return R"({"abi":"0.1","plugin":"p","version":"1","types":[{"type":"bindings.p","directions":["input","output"],)"
         R"("operations":["create"],"fields":[)" +
         std::string(fields) + "]" + std::string(members) + "}]}";
}

std::string one_field(std::string_view field) {
  return one_type("", field);
}

std::string fault_of(std::string_view text, const ReservedName& reserved = {}) {
  const auto manifest = parse_manifest(text, reserved);
  return manifest ? "no fault" : manifest.error().text;
}

TEST(Manifest, IsReadWhole) {
  const auto manifest = parse_manifest(kWhole);
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->abi, "0.1");
  EXPECT_EQ(manifest->plugin, "kafka");
  EXPECT_EQ(manifest->version, "2.3.1");
  EXPECT_EQ(manifest->license, "Apache-2.0");
  EXPECT_EQ(manifest->text, kWhole);
  ASSERT_EQ(manifest->types.size(), 2U);

  const BindingType& kafka = manifest->types[0];
  EXPECT_EQ(kafka.type, "bindings.kafka");
  EXPECT_EQ(kafka.version, "v2alpha1");
  EXPECT_THAT(kafka.aliases, ElementsAre("bindings.redpanda"));
  EXPECT_EQ(kafka.directions, CLEAT_IN | CLEAT_OUT);
  EXPECT_THAT(kafka.operations, ElementsAre("create", "get"));
  EXPECT_TRUE(kafka.blocking && kafka.serial && kafka.delayed_return && kafka.broker_dead_letter);
  EXPECT_EQ(kafka.max_concurrency, 8U);
}

TEST(Manifest, FieldsAreReadWhole) {
  const auto manifest = parse_manifest(kWhole);
  ASSERT_TRUE(manifest) << manifest.error().text;
  const auto& fields = manifest->types[0].fields;
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields[0].type, Field::Type::list);
  EXPECT_TRUE(fields[0].required);
  EXPECT_THAT(fields[0].aliases, ElementsAre("servers"));
  EXPECT_EQ(fields[0].directions, CLEAT_IN | CLEAT_OUT) << "all of the type's if it does not say";
  EXPECT_EQ(fields[0].help, "Where.");
  EXPECT_EQ(fields[0].example, "a:9092");
  EXPECT_EQ(fields[0].default_value, std::nullopt);
  EXPECT_EQ(fields[1].type, Field::Type::string);
  EXPECT_EQ(fields[1].directions, CLEAT_OUT);
  EXPECT_EQ(fields[1].default_value, "all");
  EXPECT_THAT(fields[1].allowed, ElementsAre("all", "none", "1"));
  EXPECT_EQ(fields[1].deprecated, "x");
  EXPECT_EQ(fields[2].bare_unit, "ms");
  EXPECT_EQ(fields[2].default_value, "5");
  EXPECT_EQ(fields[3].default_value, "true");
  EXPECT_EQ(fields[4].default_value, "4Mi");

  const BindingType& tick = manifest->types[1];
  EXPECT_EQ(tick.version, "v1");
  EXPECT_EQ(tick.directions, CLEAT_IN);
  EXPECT_THAT(tick.operations, IsEmpty());
  EXPECT_FALSE(tick.blocking || tick.serial || tick.delayed_return || tick.broker_dead_letter);
}

TEST(Manifest, OfTheFakeIsInOrder) {
  const auto manifest =
      parse_manifest(testing::read_bytes(testing::fake("echo").parent_path() / "echo.manifest.json"));
  EXPECT_TRUE(manifest) << manifest.error().text;
}

TEST(Manifest, MustBeAJsonObject) {
  for (const std::string_view text : {"", "this is no JSON\n", "[]", "{", "null", "{} {}"}) {
    EXPECT_THAT(fault_of(text),
                AllOf(HasSubstr("expected a JSON object as manifest, found"), HasSubstr("build the plugin")))
        << text;
  }
  EXPECT_THAT(fault_of(std::string_view("{}\0", 3)), HasSubstr("expected a JSON object as manifest, found"));
}

TEST(Manifest, OfAnotherInterfaceVersionSaysWhichAndNothingElse) {
  const auto with_abi = [](std::string_view abi) {
    return R"({"abi":")" + std::string(abi) + R"(","types":7})";
  };
  EXPECT_THAT(fault_of(with_abi("9.9")),
              AllOf(HasSubstr("expected interface version 0.1, found 9.9, which is newer"),
                    HasSubstr("a newer host"), Not(HasSubstr("types"))));
  EXPECT_THAT(fault_of(with_abi("0.2")), HasSubstr("found 0.2, which is newer"));
  EXPECT_THAT(fault_of(with_abi("0.0")),
              AllOf(HasSubstr("found 0.0, which is older"), HasSubstr("build it again")));
  for (const std::string_view abi : {"new", "0", "0.1.0", "0.01", "0.1 ", "-1.1", ""}) {
    EXPECT_THAT(fault_of(with_abi(abi)), AllOf(HasSubstr("\"abi\""), HasSubstr("types"))) << abi;
  }
}

TEST(Manifest, ListsEveryFault) {
  const std::string fault = fault_of(R"({"abi":"0.1","plugin":7,"version":"new","license":[],"types":[
      7, {}, {"type":"kafka","directions":["sideways"],"version":"2"},
      {"type":"bindings.a","directions":["input"],"operations":["create"],"aliases":["bindings.A"],"blocking":"yes",
       "max_concurrency":-1,"fields":[{"name":"x","type":"text"},{"name":"X"},{"help":"no name"}]},
      {"type":"bindings.b","directions":["output"],"fields":{}}]})");
  for (const std::string_view part :
       {"found 19 faults",
        "\"plugin\" must be a string, not a number",
        "\"version\" must be one like \"1.2.3\"",
        "\"license\" must be a string, not an array",
        "types[0]: must be an object, not a number",
        "types[1]: \"type\" is missing",
        "types[1]: \"directions\" must hold",
        "types[2] (kafka): \"kafka\" must be \"bindings.\"",
        "types[2] (kafka): \"version\" must be one like \"v1\"",
        "types[2] (kafka): direction \"sideways\"",
        "types[2] (kafka): \"directions\" must hold",
        "types[3] (bindings.a): the type \"bindings.A\" is given twice",
        "types[3] (bindings.a): \"operations\" are only for output",
        "types[3] (bindings.a): \"blocking\" must be a boolean, not a string",
        "types[3] (bindings.a): \"max_concurrency\" must be a whole number from 0",
        "types[3] (bindings.a) fields[0] (x): type \"text\" must be string,",
        "types[3] (bindings.a) fields[1] (X): the name \"X\" is given twice",
        "types[3] (bindings.a) fields[2]: \"name\" is missing",
        "types[4] (bindings.b): a type with output needs",
        "types[4] (bindings.b): \"fields\" must be an array"}) {
    EXPECT_THAT(fault, HasSubstr(part));
  }
}

TEST(Manifest, NeedsTypes) {
  EXPECT_THAT(fault_of(R"({"abi":"0.1","plugin":"p","version":"1","types":[]})"),
              HasSubstr("at least one type"));
  EXPECT_THAT(fault_of(R"({"abi":"0.1","plugin":"p","version":"1"})"), HasSubstr("at least one type"));
}

TEST(Manifest, ATypeIsGivenOnceWithoutRegardToCase) {
  EXPECT_THAT(
      fault_of(
          R"({"abi":"0.1","plugin":"p","version":"1","types":[{"type":"bindings.p","directions":["input"]},
                           {"type":"bindings.q","aliases":["bindings.P"],"directions":["input"]}]})"),
      HasSubstr("the type \"bindings.P\" is given twice"));
  EXPECT_THAT(fault_of(one_type(R"(,"aliases":["q"])")), HasSubstr("\"q\" must be \"bindings.\""));
  EXPECT_EQ(fault_of(one_type(R"(,"aliases":["bindings.q"])")), "no fault");
}

TEST(Manifest, AFieldOfTheHostsOwnIsRefused) {
  const auto reserved = [](std::string_view name) { return iequals(name, "route"); };
  EXPECT_THAT(fault_of(one_field(R"({"name":"Route"})"), reserved),
              HasSubstr("\"Route\" is a field of the host's own"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"x","aliases":["ROUTE"]})"), reserved),
              HasSubstr("\"ROUTE\" is a field"));
  EXPECT_EQ(fault_of(one_field(R"({"name":"Route"})")), "no fault") << "who gives no rule has none";
}

TEST(Manifest, ADefaultIsAValueOfItsType) {
  const auto with = [](std::string_view type, std::string_view value) {
    return fault_of(one_field(R"({"name":"x","type":")" + std::string(type) + R"(","default":)" +
                              std::string(value) + "}"));
  };
  for (const auto& [type, value] : {std::pair{"integer", "\"12\""},
                                    {"integer", "-3"},
                                    {"number", "1.5"},
                                    {"boolean", "\"false\""},
                                    {"boolean", "true"},
                                    {"duration", "\"1m30s\""},
                                    {"duration", "5"},
                                    {"size", "\"1Gi\""},
                                    {"list", "\"a,b\""},
                                    {"string", "\"\""}}) {
    EXPECT_EQ(with(type, value), "no fault") << type << ' ' << value;
  }
  for (const auto& [type, value] : {std::pair{"integer", "\"x\""},
                                    {"integer", "1.5"},
                                    {"number", "\"1.5 \""},
                                    {"number", "\"inf\""},
                                    {"number", "\"\""},
                                    {"boolean", "\"yes\""},
                                    {"duration", "\"5 apples\""},
                                    {"size", "\"4X\""}}) {
    EXPECT_THAT(with(type, value), HasSubstr("is not a value of the field's type")) << type << ' ' << value;
  }
  EXPECT_THAT(with("list", "[]"),
              HasSubstr("\"default\" must be a string, a number or a boolean, not an array"));
}

TEST(Manifest, ADefaultFitsTheRestOfItsField) {
  EXPECT_THAT(fault_of(one_field(R"({"name":"x","default":"c","allowed":["a","b"]})")),
              HasSubstr("not one of the allowed"));
  EXPECT_EQ(fault_of(one_field(R"({"name":"x","default":"A","allowed":["a","b"]})")), "no fault");
  EXPECT_THAT(fault_of(one_field(R"({"name":"x","default":"a","required":true})")),
              HasSubstr("has no use for a"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"x","type":"integer","allowed":["a"]})")),
              HasSubstr("allowed value \"a\" is not a value"));
}

TEST(Manifest, ABareUnitIsForDurations) {
  EXPECT_THAT(fault_of(one_field(R"({"name":"x","bare_unit":"s"})")), HasSubstr("only for a duration"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"x","type":"duration","bare_unit":"h"})")),
              HasSubstr("must be \"s\" or \"ms\""));
}

TEST(Manifest, AFieldHasADirectionOfItsType) {
  EXPECT_THAT(
      fault_of(
          R"({"abi":"0.1","plugin":"p","version":"1","types":[{"type":"bindings.p","directions":["input"],
                           "fields":[{"name":"x","directions":["output"]}]}]})"),
      HasSubstr("a direction that its type does not offer"));
}

TEST(Manifest, HasABoundedNumberOfEntries) {
  std::string fields;
  for (int i = 0; i <= 512; ++i)
    fields += (i == 0 ? "" : ",") + (R"({"name":"f)" + std::to_string(i) + "\"}");
  EXPECT_THAT(fault_of(one_field(fields)), HasSubstr("\"fields\" has 513 entries, the most is 512"));
}

TEST(PluginVersion, IsOneToFourNumbersWithAStage) {
  for (const std::string_view good :
       {"1", "1.2", "1.2.3", "1.2.3.4", "1.2.3-rc.1", "1.2.3+build", "1.2.3-rc.1+b"}) {
    EXPECT_TRUE(is_plugin_version(good)) << good;
  }
  for (const std::string_view bad : {"", "v1", "1.", "1..2", "1.2.3.4.5", "1-", "1+", "new", "1 "}) {
    EXPECT_FALSE(is_plugin_version(bad)) << bad;
  }
}

TEST(PluginVersion, AreComparedAsNumbers) {
  const std::vector<std::string_view> rising{"0.9",        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                             "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0",         "1.2.0",
                                             "1.10.0",     "10.0.0"};
  for (std::size_t i = 0; i < rising.size(); ++i) {
    for (std::size_t k = 0; k < rising.size(); ++k) {
      const int compared = compare_plugin_versions(rising[i], rising[k]);
      EXPECT_EQ(compared, i < k ? -1 : static_cast<int>(i > k)) << rising[i] << " and " << rising[k];
    }
  }
  EXPECT_EQ(compare_plugin_versions("1.2", "1.2.0"), 0);
  EXPECT_EQ(compare_plugin_versions("1.2.0+a", "1.2.0+b"), 0);
}

TEST(Manifest, AFieldNamesAServerASourceOrADestination) {
  const auto manifest = parse_manifest(one_type("", R"(
      {"name":"hosts","type":"list","names":"server"},
      {"name":"reads","type":"list","names":"source","directions":["input"]},
      {"name":"writes","names":"destination","request_key":"to"}, {"name":"other"},
      {"name":"queue","names":"both"})"));
  ASSERT_TRUE(manifest) << manifest.error().text;
  const auto& fields = manifest->types[0].fields;
  EXPECT_EQ(fields[0].names, Field::Names::server);
  EXPECT_EQ(fields[1].names, Field::Names::source);
  EXPECT_EQ(fields[2].names, Field::Names::destination);
  EXPECT_EQ(fields[2].request_key, "to");
  EXPECT_EQ(fields[3].names, Field::Names::nothing);
  EXPECT_EQ(fields[3].request_key, "");
  EXPECT_TRUE(fields[4].is_source() && fields[4].is_destination());
  EXPECT_FALSE(fields[1].is_destination() || fields[2].is_source());
}

TEST(Manifest, WhatAFieldNamesFitsTheRestOfIt) {
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","names":"queue"})")),
              HasSubstr("\"names\" must be server, source, destination or both, not \"queue\""));
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","type":"integer","names":"server"})")),
              HasSubstr("must be of type string or list"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","names":"source","directions":["output"]})")),
              HasSubstr("a source is only for a field of an input"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","names":"destination","directions":["input"]})")),
              HasSubstr("a destination is only for a field of an output"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","names":"source","request_key":"to"})")),
              HasSubstr("only for a field that names a destination"));
}

TEST(Manifest, AFieldMayEnableItsDirection) {
  const auto manifest = parse_manifest(
      one_type("", R"({"name":"reads","enables":true,"directions":["input"]},{"name":"other"})"));
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_TRUE(manifest->types[0].fields[0].enables);
  EXPECT_FALSE(manifest->types[0].fields[1].enables);
  for (const char* wrong : {R"({"name":"n","enables":true})",
                            R"({"name":"n","enables":true,"required":true,"directions":["input"]})"}) {
    EXPECT_THAT(fault_of(one_field(wrong)), HasSubstr("\"enables\" is only for a field of one of")) << wrong;
  }
}

TEST(Manifest, FeedsNamesAPartOfTheRetryOnceAndInItsType) {
  const auto manifest =
      parse_manifest(one_type("", R"({"name":"n","type":"integer","feeds":"retryMaxRetries"},{"name":"m"})"));
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->types[0].fields[0].feeds, Field::Feeds::retry_max_retries);
  EXPECT_EQ(manifest->types[0].fields[1].feeds, Field::Feeds::nothing);
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","feeds":"retries"})")),
              AllOf(HasSubstr("\"feeds\" must be one of retryEnabled"), HasSubstr("not \"retries\"")));
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","feeds":"retryDuration"})")),
              HasSubstr("must be of type duration"));
  EXPECT_THAT(fault_of(one_field(R"({"name":"n","feeds":"retryPolicy","directions":["output"]})")),
              HasSubstr("only for a field of an input"));
  EXPECT_THAT(
      fault_of(one_type("", R"({"name":"a","feeds":"retryPolicy"},{"name":"b","feeds":"retryPolicy"})")),
      HasSubstr("two fields feed retryPolicy"));
}

}  // namespace
}  // namespace cleat
