#include "config/host_fields.hpp"

#include <cleat/plugin.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kBoth = CLEAT_IN | CLEAT_OUT;

Result<CheckedMetadata> check(std::vector<MetadataItem> metadata, std::uint32_t offered = kBoth) {
  Component component;
  component.name = "c";
  component.file = "a.yaml";
  component.metadata = std::move(metadata);
  BindingType type;
  type.type = "bindings.x";
  type.directions = offered;
  return check_metadata(component, type);
}

TEST(HostFields, WithoutAnyTheTypeDecides) {
  const auto checked = check({}, CLEAT_OUT);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->host.directions, CLEAT_OUT);
  EXPECT_FALSE(checked->host.direction_given);
  EXPECT_EQ(checked->host.route, "");
  EXPECT_EQ(checked->host.invoke_timeout_ns, 0U);
  EXPECT_FALSE(checked->host.strict);
  EXPECT_FALSE(checked->host.content_type_from_source);
  EXPECT_FALSE(checked->host.rich_status);
}

TEST(HostFields, DirectionIsAListWhateverItsCaseAndBlanks) {
  const auto both = check({{"Direction", "Input , OUTPUT"}});
  ASSERT_TRUE(both) << both.error().text;
  EXPECT_EQ(both->host.directions, kBoth);
  EXPECT_TRUE(both->host.direction_given);
  const auto output = check({{"direction", "output"}});
  EXPECT_EQ(output->host.directions, CLEAT_OUT);
  EXPECT_FALSE(output->host.direction_given);
  EXPECT_EQ(check({{"direction", ""}})->host.directions, kBoth);
  EXPECT_THAT(check({{"direction", "in, output"}}).error().text,
              AllOf(HasSubstr("field 'direction': expected input, output or both"), HasSubstr("found 'in'")));
}

TEST(HostFields, ADirectionThatTheTypeDoesNotOfferIsAWarning) {
  const auto nothing = check({{"direction", "output"}}, CLEAT_IN);
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->host.directions, 0U);
  EXPECT_THAT(nothing->warnings,
              ElementsAre(AllOf(HasSubstr("asks for output"), HasSubstr("the component does nothing"))));
  const auto half = check({{"direction", "input,output"}}, CLEAT_IN);
  EXPECT_EQ(half->host.directions, CLEAT_IN);
  EXPECT_THAT(half->warnings, ElementsAre(HasSubstr("the other direction is used")));
}

TEST(HostFields, RouteIsComparedExactlyAndTheFirstCounts) {
  EXPECT_EQ(check({{"route", "/a/b/"}})->host.route, "/a/b/");
  const auto other = check({{"Route", "/x"}});
  ASSERT_TRUE(other);
  EXPECT_EQ(other->host.route, "");
  EXPECT_THAT(other->plugin, IsEmpty());
  EXPECT_THAT(other->warnings, ElementsAre(AllOf(HasSubstr("'Route'"), HasSubstr("'route' exactly"))));
  EXPECT_EQ(check({{"Route", "/x"}, {"route", "/y"}})->host.route, "/y");
  EXPECT_EQ(check({{"route", "/1"}, {"route", "/2"}})->host.route, "/1");
  EXPECT_FALSE(check({{"Route", "/x"}, {"strict", "yes"}}));
}

TEST(HostFields, ReadsTheOtherOnes) {
  const auto checked =
      check({{"INVOKETIMEOUT", "1.5s"}, {"strict", "on"}, {"contenttype", "Source"}, {"richStatus", "true"}});
  ASSERT_TRUE(checked) << checked.error().text;
  EXPECT_EQ(checked->host.invoke_timeout_ns, 1'500'000'000U);
  EXPECT_TRUE(checked->host.strict);
  EXPECT_TRUE(checked->host.content_type_from_source);
  EXPECT_TRUE(checked->host.rich_status);
  EXPECT_EQ(check({{"invokeTimeout", "10"}})->host.invoke_timeout_ns, 10'000'000'000U);
  EXPECT_FALSE(check({{"contentType", "json"}})->host.content_type_from_source);
}

TEST(HostFields, WrongValuesSayWhatIsExpected) {
  EXPECT_THAT(check({{"invokeTimeout", "soon"}}).error().text, HasSubstr("a duration such as 30s"));
  EXPECT_THAT(check({{"invokeTimeout", "-1s"}}).error().text, HasSubstr("found '-1s'"));
  EXPECT_THAT(check({{"strict", "maybe"}}).error().text, HasSubstr("expected true or false, found 'maybe'"));
  EXPECT_THAT(check({{"contentType", "text/plain"}}).error().text, HasSubstr("expected json or source"));
}

TEST(HostFields, NamesAreReservedWhateverTheirCase) {
  for (const char* name :
       {"direction", "ROUTE", "maxInFlight", "deadletter", "strict", "ordering", "required", "initPolicy",
        "deliveryStatus", "onExhausted", "handlerTimeout", "replyOutputs", "MAXHELDBYTES"}) {
    EXPECT_TRUE(is_host_field(name)) << name;
  }
  for (const char* name : {"brokers", "topics", "", "routes", "maxUncommitted", "onOffsetLost"}) {
    EXPECT_FALSE(is_host_field(name)) << name;
  }
}

TEST(HostFields, EachIsThereOnceAndExplained) {
  std::set<std::string> names;
  for (const HostField& field : host_fields()) {
    EXPECT_TRUE(names.insert(to_lower(field.name)).second) << field.name;
    EXPECT_FALSE(field.help.empty()) << field.name;
    EXPECT_NE(field.read, nullptr) << field.name;
    EXPECT_EQ(is_host_field(field.name), field.name != "contentType") << field.name;
  }
}

}  // namespace
}  // namespace cleat
