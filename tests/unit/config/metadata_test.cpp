#include "config/metadata.hpp"

#include <cleat/plugin.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "config/field_value.hpp"

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

Field field(std::string name, Field::Type type = Field::Type::string) {
  Field made;
  made.name = std::move(name);
  made.type = type;
  return made;
}

BindingType type_with(std::vector<Field> fields) {
  BindingType type;
  type.type = "bindings.x";
  type.directions = CLEAT_IN | CLEAT_OUT;
  type.fields = std::move(fields);
  return type;
}

Component component_with(std::vector<MetadataItem> metadata) {
  Component component;
  component.name = "c";
  component.type = "bindings.x";
  component.file = "dir/a.yaml";
  component.line = 7;
  component.metadata = std::move(metadata);
  return component;
}

struct Row {
  Field::Type type;
  std::string_view given, handed;  ///< handed empty and refused: a fault
  bool refused = false;
  friend std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.given; }
};

constexpr auto kInteger = Field::Type::integer;
constexpr auto kNumber = Field::Type::number;
constexpr auto kBoolean = Field::Type::boolean;
constexpr auto kDuration = Field::Type::duration;
constexpr auto kSize = Field::Type::size;

class FieldValueTest : public testing::TestWithParam<Row> {};

TEST_P(FieldValueTest, IsHandedOverNormalised) {
  const Row& row = GetParam();
  const auto checked =
      check_metadata(component_with({{"f", std::string(row.given)}}), type_with({field("f", row.type)}));
  if (row.refused) {
    ASSERT_FALSE(checked) << checked->plugin.at(0).second;
    EXPECT_THAT(checked.error().text,
                AllOf(HasSubstr("dir/a.yaml:7: component 'c'"), HasSubstr("field 'f': expected"),
                      HasSubstr("'" + std::string(row.given) + "'")));
  } else {
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_THAT(checked->plugin, ElementsAre(Pair("f", row.handed)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Integers, FieldValueTest,
    testing::Values(Row{kInteger, "5", "5"}, Row{kInteger, " -5 ", "-5"}, Row{kInteger, "+7", "7"},
                    Row{kInteger, "0x10", "16"}, Row{kInteger, "-0X1f", "-31"}, Row{kInteger, "010", "8"},
                    Row{kInteger, "0o17", "15"}, Row{kInteger, "0b101", "5"}, Row{kInteger, "0", "0"},
                    Row{kInteger, "1_000", "1000"}, Row{kInteger, "-0", "0"},
                    Row{kInteger, "9223372036854775807", "9223372036854775807"},
                    Row{kInteger, "-9223372036854775808", "-9223372036854775808"},
                    Row{kInteger, "9223372036854775808", "", true}, Row{kInteger, "1.5", "", true},
                    Row{kInteger, "08", "", true}, Row{kInteger, "0x", "", true},
                    Row{kInteger, "--1", "", true}, Row{kInteger, "1__0", "", true},
                    Row{kInteger, "five", "", true}, Row{kInteger, "5s", "", true}));

INSTANTIATE_TEST_SUITE_P(Numbers, FieldValueTest,
                         testing::Values(Row{kNumber, " 1.50 ", "1.50"}, Row{kNumber, "-1e3", "-1e3"},
                                         Row{kNumber, "+2", "2"}, Row{kNumber, "inf", "", true},
                                         Row{kNumber, "nan", "", true}, Row{kNumber, "1,5", "", true},
                                         Row{kNumber, "+-2", "", true}));

INSTANTIATE_TEST_SUITE_P(Booleans, FieldValueTest,
                         testing::Values(Row{kBoolean, "true", "true"}, Row{kBoolean, " YES ", "true"},
                                         Row{kBoolean, "y", "true"}, Row{kBoolean, "On", "true"},
                                         Row{kBoolean, "T", "true"}, Row{kBoolean, "1", "true"},
                                         Row{kBoolean, "", "false"}, Row{kBoolean, "No", "false"},
                                         Row{kBoolean, "n", "false"}, Row{kBoolean, "f", "false"},
                                         Row{kBoolean, "OFF", "false"}, Row{kBoolean, "0", "false"},
                                         Row{kBoolean, "False", "false"}, Row{kBoolean, "treu", "", true},
                                         Row{kBoolean, "2", "", true}));

INSTANTIATE_TEST_SUITE_P(
    DurationsAndSizes, FieldValueTest,
    testing::Values(Row{kDuration, "1.5s", "1500000000"}, Row{kDuration, "3", "3000000000"},
                    Row{kDuration, "200ms", "200000000"}, Row{kDuration, "1h2m", "3720000000000"},
                    Row{kDuration, "soon", "", true}, Row{kSize, "4Mi", "4194304"}, Row{kSize, "4k", "4000"},
                    Row{kSize, "512", "512"}, Row{kSize, "-1", "", true}, Row{kSize, "4MB", "", true}));

INSTANTIATE_TEST_SUITE_P(Texts, FieldValueTest,
                         testing::Values(Row{Field::Type::string, " as is ", " as is "},
                                         Row{Field::Type::string, "", ""},
                                         Row{Field::Type::list, "a, b,", "a, b,"}));

TEST(Metadata, ADurationMayCountMilliseconds) {
  Field wait = field("wait", kDuration);
  wait.bare_unit = "ms";
  const auto checked = check_metadata(component_with({{"wait", "250"}}), type_with({wait}));
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->plugin[0].second, "250000000");
}

TEST(Metadata, NamesAreComparedWithoutCaseAndHandedOverInTheManifestsSpelling) {
  const auto checked =
      check_metadata(component_with({{"CONSUMERgroup", "g"}}), type_with({field("consumerGroup")}));
  ASSERT_TRUE(checked);
  EXPECT_THAT(checked->plugin, ElementsAre(Pair("consumerGroup", "g")));
  EXPECT_THAT(checked->warnings, IsEmpty());
}

TEST(Metadata, AnAliasCountsWhenTheFieldIsAbsent) {
  Field group = field("consumerGroup");
  group.aliases = {"group", "groupId"};
  const auto type = type_with({group});
  const auto second = check_metadata(component_with({{"GROUPID", "b"}}), type);
  ASSERT_TRUE(second);
  EXPECT_THAT(second->plugin, ElementsAre(Pair("consumerGroup", "b")));
  const auto both = check_metadata(component_with({{"group", "a"}, {"consumergroup", "b"}}), type);
  ASSERT_TRUE(both);
  EXPECT_THAT(both->plugin, ElementsAre(Pair("consumerGroup", "b")));
  EXPECT_THAT(both->warnings, ElementsAre(AllOf(HasSubstr("'group'"), HasSubstr("it is ignored"))));
}

TEST(Metadata, OneNameInTwoCasesIsAFaultAndOneGivenTwiceAWarning) {
  const auto type = type_with({field("topics")});
  const auto two_cases = check_metadata(component_with({{"topics", "a"}, {"Topics", "b"}}), type);
  ASSERT_FALSE(two_cases);
  EXPECT_THAT(two_cases.error().text, HasSubstr("'topics' is the same name in another case"));
  const auto twice = check_metadata(component_with({{"topics", "a"}, {"topics", "b"}}), type);
  ASSERT_TRUE(twice);
  EXPECT_THAT(twice->plugin, ElementsAre(Pair("topics", "b")));
  EXPECT_THAT(twice->warnings, ElementsAre(HasSubstr("the last counts")));
}

TEST(Metadata, UnknownFieldsAreAWarningOrWithStrictAFault) {
  const auto type = type_with({field("topics")});
  const auto lenient = check_metadata(component_with({{"topcis", "hidden"}, {"other", "x"}}), type);
  ASSERT_TRUE(lenient);
  EXPECT_THAT(lenient->warnings,
              ElementsAre(AllOf(HasSubstr("'other' is not a field of bindings.x"), HasSubstr("ignored")),
                          AllOf(HasSubstr("did you mean 'topics'?"), Not(HasSubstr("hidden")))));
  EXPECT_THAT(lenient->plugin, IsEmpty());
  const auto strict = check_metadata(component_with({{"topcis", "x"}, {"Strict", "true"}}), type);
  ASSERT_FALSE(strict);
  EXPECT_THAT(strict.error().text,
              HasSubstr("field 'topcis': is not a field of bindings.x, did you mean 'topics'?"));
}

TEST(Metadata, RequiredHoldsInTheDirectionsInUse) {
  Field topic = field("publishTopic");
  topic.required = true;
  topic.directions = CLEAT_OUT;
  topic.example = "orders";
  const auto type = type_with({topic});
  const auto missing = check_metadata(component_with({}), type);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, AllOf(HasSubstr("field 'publishTopic': expected text such as orders"),
                                          HasSubstr("found nothing: it is required")));
  EXPECT_THAT(check_metadata(component_with({{"publishTopic", " "}}), type).error().text,
              HasSubstr("an empty value"));
  EXPECT_TRUE(check_metadata(component_with({{"direction", "input"}}), type));
}

TEST(Metadata, ADirectionThatAFieldEnablesIsInUseOnlyWithTheField) {
  Field stream = field("stream");
  stream.directions = CLEAT_IN;
  stream.enables = true;
  stream.aliases = {"log"};
  Field group = field("group");
  group.directions = CLEAT_IN;
  group.default_value = "cleat";
  const auto type = type_with({stream, group});
  const auto directions = [&type](std::vector<MetadataItem> metadata) {
    return check_metadata(component_with(std::move(metadata)), type)->host.directions;
  };
  EXPECT_EQ(directions({}), CLEAT_OUT);
  EXPECT_EQ(directions({{"stream", " "}, {"group", "g"}}), CLEAT_OUT);
  EXPECT_EQ(directions({{"Stream", "orders"}}), CLEAT_IN | CLEAT_OUT);
  EXPECT_EQ(directions({{"log", "orders"}}), CLEAT_IN | CLEAT_OUT);
  EXPECT_EQ(directions({{"direction", "input"}}), CLEAT_IN);
  EXPECT_EQ(directions({{"direction", "input, output"}}), CLEAT_IN | CLEAT_OUT);
  EXPECT_EQ(directions({{"direction", " "}}), CLEAT_OUT);
  EXPECT_THAT(check_metadata(component_with({}), type)->plugin, IsEmpty());
  EXPECT_THAT(check_metadata(component_with({{"maxInFlight", "3"}}), type)->warnings,
              ElementsAre(HasSubstr("'maxInFlight' has no effect: the component has no input")));
}

TEST(Metadata, AFieldThatTheHostSharesGetsWhatIsNoWordOfTheHosts) {
  const auto type = type_with({field("contentType")});
  const auto checked = [&type](const char* value) {
    return check_metadata(component_with({{"ContentType", value}}), type);
  };
  EXPECT_THAT(checked("image/png")->plugin, ElementsAre(Pair("contentType", "image/png")));
  EXPECT_THAT(checked("application/json")->plugin, ElementsAre(Pair("contentType", "application/json")));
  EXPECT_FALSE(checked("image/png")->host.content_type_from_source);
  EXPECT_THAT(checked(" Source ")->plugin, IsEmpty());
  EXPECT_TRUE(checked(" Source ")->host.content_type_from_source);
  EXPECT_THAT(checked("json")->plugin, IsEmpty());
  EXPECT_THAT(checked("json")->warnings, IsEmpty());
}

TEST(Metadata, DefaultsAreFilledInForTheDirectionsInUse) {
  Field in = field("initialOffset");
  in.directions = CLEAT_IN;
  in.default_value = "newest";
  Field both = field("timeout", kDuration);
  both.default_value = "5s";
  const auto type = type_with({in, both});
  EXPECT_THAT(check_metadata(component_with({}), type)->plugin,
              ElementsAre(Pair("initialOffset", "newest"), Pair("timeout", "5000000000")));
  EXPECT_THAT(check_metadata(component_with({{"direction", "output"}, {"timeout", ""}}), type)->plugin,
              ElementsAre(Pair("timeout", "5000000000")));
}

TEST(Metadata, AllowedValuesTakeTheManifestsSpelling) {
  Field acks = field("authType");
  acks.allowed = {"none", "SCRAM-SHA-256"};
  Field level = field("level", kInteger);
  level.allowed = {"0", "16"};
  Field list = field("versions", Field::Type::list);
  list.allowed = {"a", "b"};
  const auto type = type_with({acks, level, list});
  EXPECT_THAT(
      check_metadata(
          component_with({{"authType", " scram-sha-256 "}, {"level", "0x10"}, {"versions", "B, a"}}), type)
          ->plugin,
      ElementsAre(Pair("authType", "SCRAM-SHA-256"), Pair("level", "16"), Pair("versions", "B, a")));
  EXPECT_THAT(check_metadata(component_with({{"authType", ""}}), type)->plugin, IsEmpty());
  const auto wrong =
      check_metadata(component_with({{"authType", "kerberos"}, {"level", "1"}, {"versions", "c"}}), type);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().text,
              AllOf(HasSubstr("3 faults"), HasSubstr("expected one of none, SCRAM-SHA-256, found 'kerberos'"),
                    HasSubstr("expected one of 0, 16, found '1'"), HasSubstr("of a, b, found 'c'")));
}

TEST(Metadata, SensitiveValuesAreNeverShown) {
  Field pin = field("pin", kInteger);
  pin.sensitive = true;
  pin.example = "1234";
  const auto type = type_with({pin});
  EXPECT_THAT(check_metadata(component_with({{"pin", "hunter2"}}), type).error().text,
              AllOf(Not(HasSubstr("hunter2")), HasSubstr("the value is not shown")));
}

TEST(Metadata, DeprecatedFieldsSayWhatToUse) {
  Field old = field("authRequired");
  old.deprecated = "use authType";
  const auto checked = check_metadata(component_with({{"authRequired", "x"}}), type_with({old}));
  ASSERT_TRUE(checked);
  EXPECT_THAT(checked->warnings, ElementsAre(HasSubstr("'authRequired' is deprecated: use authType")));
  EXPECT_THAT(check_metadata(component_with({}), type_with({old}))->warnings, IsEmpty());
}

TEST(Metadata, EveryFaultIsListed) {
  Field needed = field("needed");
  needed.required = true;
  const auto checked = check_metadata(
      component_with({{"count", "x"}, {"direction", "sideways"}, {"strict", "1"}, {"unknown", "y"}}),
      type_with({field("count", kInteger), needed}));
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().text,
              AllOf(HasSubstr("4 faults"), HasSubstr("'count'"), HasSubstr("'direction'"),
                    HasSubstr("'needed'"), HasSubstr("'unknown'")));
}

}  // namespace
}  // namespace cleat
