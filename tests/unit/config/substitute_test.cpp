#include "config/substitute.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

namespace cleat {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

EnvironmentLookup environment_of(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(EnvRef, ReadsWhatIsNotBlocked) {
  const auto environment = environment_of({{"AWS_REGION", "eu"}, {"EMPTY", ""}});
  EXPECT_EQ(*read_env_ref("AWS_REGION", environment), "eu");
  EXPECT_EQ(*read_env_ref("EMPTY", environment), "");
  EXPECT_THAT(read_env_ref("ABSENT", environment).error().text, HasSubstr("'ABSENT' is not set"));
}

TEST(EnvRef, BlocksTokensAndOddNames) {
  const auto environment = environment_of({{"APP_API_TOKEN", "s"},
                                           {"app_api_token", "s"},
                                           {"DAPR_API_TOKEN", "s"},
                                           {"dapr_x", "s"},
                                           {"A B", "s"},
                                           {"", "s"}});
  for (const char* name : {"APP_API_TOKEN", "app_api_token", "DAPR_API_TOKEN", "dapr_x", "A B", ""}) {
    const auto value = read_env_ref(name, environment);
    ASSERT_FALSE(value) << name;
    EXPECT_THAT(value.error().text, HasSubstr("may not be read")) << name;
  }
}

TEST(EnvRef, KeepsToTheAllowListWhenThereIsOne) {
  const auto environment = environment_of({{"DAPR_ENV_KEYS", "ONE  TWO"}, {"TWO", "2"}, {"THREE", "3"}});
  EXPECT_EQ(*read_env_ref("TWO", environment), "2");
  EXPECT_THAT(read_env_ref("THREE", environment).error().text, HasSubstr("DAPR_ENV_KEYS"));
  EXPECT_EQ(*read_env_ref("THREE", environment_of({{"DAPR_ENV_KEYS", ""}, {"THREE", "3"}})), "3");
}

Templates some_templates() {
  return {"app1", "prod", "pod-7", [count = 0]() mutable { return "uuid" + std::to_string(++count); }};
}

TEST(Expand, ReplacesEveryTemplateOnce) {
  const auto templates = some_templates();
  EXPECT_EQ(*expand_templates("{appID}/{namespace}/{podName}", templates), "app1/prod.app1/pod-7");
  EXPECT_EQ(*expand_templates("{uuid} {uuid}", templates), "uuid1 uuid2");
  EXPECT_EQ(*expand_templates("{other} {{appID}} {appid} {", templates), "{other} {app1} {appid} {");
  EXPECT_EQ(*expand_templates("", templates), "");
}

TEST(Expand, DoesNotLookAtWhatItPutIn) {
  auto templates = some_templates();
  templates.app_id = "{podName}";
  EXPECT_EQ(*expand_templates("{appID}", templates), "{podName}");
}

TEST(Expand, NamespaceHasADefaultAndThePodNameHasNone) {
  auto templates = some_templates();
  templates.namespace_name.clear();
  templates.pod_name.clear();
  EXPECT_EQ(*expand_templates("{namespace}", templates), "default.app1");
  EXPECT_THAT(expand_templates("{podName}", templates).error().text, HasSubstr("POD_NAME"));
}

TEST(RandomUuid, IsOfVersionFourAndFreshEachTime) {
  const std::regex pattern("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  const std::string first = random_uuid();
  EXPECT_TRUE(std::regex_match(first, pattern)) << first;
  EXPECT_NE(first, random_uuid());
}

}  // namespace
}  // namespace cleat
