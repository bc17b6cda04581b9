#include "config/component.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/text.hpp"
#include "temp_folder.hpp"

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ComponentSelection selection_of_app1() {
  ComponentSelection selection;
  selection.app_id = "app1";
  selection.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "REGION") return "eu-west";
    if (name == "APP_API_TOKEN") return "secret";
    return std::nullopt;
  };
  selection.new_uuid = [] { return "11111111-2222-4333-8444-555555555555"; };
  return selection;
}

/// What comes of one file with this text.
ComponentFiles load(std::string_view yaml, const ComponentSelection& selection = selection_of_app1()) {
  const TempFolder folder;
  folder.write("a.yaml", yaml);
  auto files = load_components({folder.path()}, selection);
  EXPECT_TRUE(files) << files.error().text;
  return files ? *files : ComponentFiles{};
}

std::string spec_with(std::string_view lines) {
  return "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: c}\nspec:\n  type: bindings.x\n" +
         std::string(lines);
}

constexpr std::string_view kNested =
    R"(kind: Component                      # apiVersion: dapr.io/v1alpha1 in full
metadata: { name: kafkaevent }
spec:
  type: bindings.kafka
  metadata:
  - { name: brokers,       value: "http://localhost:5050" }     # yes, with a scheme: strip it, warn once
  - { name: topics,        value: "someTopic" }
  - { name: publishTopic,  value: "someTopic2" }
  - { name: consumerGroup, value: "group1" }
)";

constexpr std::string_view kFlat = R"(kind: Component
name: kafkaevent
type: bindings.kafka
metadata:
- name: brokers
  value: "http://localhost:5050"   # a remark
- name: topics
  value: "someTopic"
- name: publishTopic
  value: "someTopic2"
- name: consumerGroup
  value: "group1"
)";

TEST(Component, BothFormsGiveTheSame) {
  for (const std::string_view yaml : {kNested, kFlat}) {
    const auto files = load(yaml);
    EXPECT_THAT(files.warnings, IsEmpty());
    ASSERT_EQ(files.components.size(), 1U) << yaml;
    const Component& component = files.components[0];
    EXPECT_EQ(component.name, "kafkaevent");
    EXPECT_EQ(component.type, "bindings.kafka");
    EXPECT_EQ(component.version, "");
    EXPECT_EQ(component.broken, "");
    EXPECT_EQ(component.line, 1U);
    ASSERT_EQ(component.metadata.size(), 4U);
    EXPECT_EQ(component.metadata[0].name, "brokers");
    EXPECT_EQ(component.metadata[0].value, "http://localhost:5050");
    EXPECT_EQ(*component.find("CONSUMERGROUP"), "group1");
    EXPECT_EQ(component.find("absent"), nullptr);
  }
}

TEST(Component, StrictDaprTakesNeitherFormWithoutItsVersion) {
  auto selection = selection_of_app1();
  selection.strict_dapr = true;
  EXPECT_THAT(load(kNested, selection).warnings, ElementsAre(HasSubstr("--strict-dapr")));
  EXPECT_THAT(load("apiVersion: dapr.io/v1alpha1\n" + std::string(kFlat), selection).warnings,
              ElementsAre(HasSubstr("the flat form")));
  EXPECT_EQ(load("apiVersion: dapr.io/v1alpha1\n" + std::string(kNested), selection).components.size(), 1U);
}

TEST(Component, ReadsEverythingThatTheFormHas) {
  const auto files = load(R"(APIVERSION: actions.io/v1alpha1
kind: Component
metadata: {name: c, namespace: prod}
spec:
  Type: bindings.X
  version: v1
  initTimeout: 1m30s
  ignoreErrors: true
  metadata:
  - {Name: a, Value: 1.50}
  - {name: b, value: {k: [1, x]}}
  - {name: c}
  - {name: d, envRef: REGION}
  - {name: a, value: "last"}
auth: {secretstore: vault}
scopes: [app0, app1]
someday: x
)");
  EXPECT_THAT(files.warnings, IsEmpty());
  ASSERT_EQ(files.components.size(), 1U);
  const Component& component = files.components[0];
  EXPECT_EQ(component.type, "bindings.X");
  EXPECT_EQ(component.version, "v1");
  EXPECT_EQ(component.init_timeout_ns, 90'000'000'000U);
  EXPECT_TRUE(component.ignore_errors);
  ASSERT_EQ(component.metadata.size(), 5U);
  EXPECT_EQ(component.metadata[0].value, "1.50");
  EXPECT_EQ(*component.find("b"), R"({"k":[1,"x"]})");
  EXPECT_EQ(*component.find("c"), "");
  EXPECT_EQ(*component.find("d"), "eu-west");
  EXPECT_EQ(*component.find("a"), "last");
}

TEST(Component, OtherKindsArePassedOverWithoutAWord) {
  const auto files = load("apiVersion: dapr.io/v1alpha1\nkind: Subscription\n---\nkind: Configuration\n");
  EXPECT_THAT(files.components, IsEmpty());
  EXPECT_THAT(files.warnings, IsEmpty());
}

TEST(Component, ADocumentThatIsNotReadSaysWhyAndItsSiblingsLoad) {
  const std::string good = std::string(kNested);
  const std::map<std::string, std::string> faults{
      {"kind: Component\nmetadata: {name: x\nspec: [\n", "not valid YAML"},
      {"kind: Component\nname: x\ntype: bindings.x\nmetadata: {respond: true}\n", "must be a list"},
      {"kind: component\nmetadata: {name: x}\nspec: {type: bindings.x}\n", "did you mean 'Component'"},
      {"metadata: {name: x}\nspec: {type: bindings.x}\n", "has no kind"},
      {"apiVersion: v1\nkind: Component\nmetadata: {name: x}\nspec: {type: bindings.x}\n",
       "expected 'dapr.io/v1alpha1'"},
      {"kind: Component\nmetadata: {name: a/b}\nspec: {type: bindings.x}\n", "holds a '/' or a '%'"},
      {"kind: Component\nmetadata: {name: a%b}\nspec: {type: bindings.x}\n", "holds a '/' or a '%'"},
      {"kind: Component\nmetadata: {name: ..}\nspec: {type: bindings.x}\n", "its name is '..'"},
      {"kind: Component\nmetadata: {name: ''}\nspec: {type: bindings.x}\n", "metadata.name is missing"},
      {"kind: Component\nspec: {type: bindings.x}\n", "has no name"},
      {"kind: Component\nmetadata: {name: x}\nspec: text\n", "spec in line"},
      {"kind: Component\nmetadata: {name: x}\n", "neither a spec nor a type"},
      {"kind: Component\ntype: bindings.x\n", "name is missing"},
      {"kind: Component\nmetadata: {name: x}\nspec: {type: bindings.x, metadata: {a: b}}\n",
       "must be a list"},
      {"kind: Component\nmetadata: {name: x}\nspec: {type: bindings.x, metadata: [a]}\n",
       "must be a mapping with name"},
      {"kind: Component\nmetadata: {name: x}\nspec: {type: bindings.x}\nscopes: app1\n", "scopes in line"},
      {"- kind: Component\n", "it is a list"},
      {"just text\n", "it is plain text"},
      {std::string("kind: Component\0\n", 17), "control character"}};
  for (const auto& [bad, why] : faults) {
    const auto files = load("---\n" + bad + "---\n" + good);
    EXPECT_THAT(files.warnings,
                ElementsAre(AllOf(HasSubstr("a.yaml:"), HasSubstr("is not loaded"), HasSubstr(why))))
        << bad;
    ASSERT_EQ(files.components.size(), 1U) << bad;
    EXPECT_EQ(files.components[0].name, "kafkaevent");
  }
}

TEST(Component, WarningsAndPlacesNameTheLineOfTheFile) {
  const auto files = load(
      "# first\n---\nkind: Component\nmetadata: {name: a}\nspec:\n  type: bindings.x\n  initTimeout: soon\n"
      "---\nkind: Component\nmetadata: {name: b}\nspec: {type: bindings.x}\n---\nkind: Component\nspec: [\n");
  ASSERT_EQ(files.components.size(), 2U);
  EXPECT_EQ(files.components[0].line, 3U);
  EXPECT_EQ(files.components[1].line, 9U);
  EXPECT_THAT(files.components[1].where(), HasSubstr("a.yaml:9: component 'b'"));
  ASSERT_EQ(files.warnings.size(), 2U);
  EXPECT_THAT(files.warnings[0], HasSubstr("a.yaml:7: component 'a': initTimeout is 'soon'"));
  EXPECT_THAT(files.warnings[1], HasSubstr("a.yaml:1"));
}

TEST(Component, InitTimeoutIsAGoDurationAboveZeroOrTheDefault) {
  EXPECT_EQ(load(spec_with("  initTimeout: 20s\n")).components.at(0).init_timeout_ns, 20'000'000'000U);
  EXPECT_THAT(load(spec_with("  initTimeout:\n")).warnings, IsEmpty());
  for (const char* wrong : {"20", "0s", "-1s", "soon", "[1s]", "''"}) {
    const auto files = load(spec_with("  initTimeout: " + std::string(wrong) + "\n"));
    EXPECT_EQ(files.components.at(0).init_timeout_ns, 0U) << wrong;
    EXPECT_THAT(files.warnings, ElementsAre(HasSubstr("the default is kept"))) << wrong;
  }
}

TEST(Component, SlipsInKeysAreNamed) {
  const std::map<std::string, std::string> slips{
      {spec_with("  metdata: []\n"), "'metdata' is not known here: did you mean 'metadata'"},
      {spec_with("  ignoreError: true\n"), "did you mean 'ignoreErrors'"},
      {spec_with("scope: [app1]\n"), "did you mean 'scopes'"},
      {spec_with("  scopes: [app1]\n"), "'scopes' has no effect inside spec"},
      {spec_with("  metadata:\n  - {name: a, vlaue: 1}\n"), "did you mean 'value'"},
      {spec_with("  metadata:\n  - {name: a, secretKeyref: {name: ''}, valeu: 1}\n"), "did you mean 'value'"},
      {spec_with("  metadata:\n  - {value: 1}\n"), "has no name and is left out"},
      {spec_with("  ignoreErrors: maybe\n"), "expected true or false"},
      {spec_with("  metadata:\n  - {name: a, value: 1, envRef: REGION}\n"), "both value and envRef"},
      {spec_with("  metadata:\n  - {name: mode, value: 0644}\n"), "octal"},
      {"kind: Component\nname: c\ntpye: a\ntype: bindings.x\n", "did you mean 'type'"}};
  for (const auto& [yaml, warning] : slips) {
    const auto files = load(yaml);
    EXPECT_THAT(files.warnings, ElementsAre(HasSubstr(warning))) << yaml;
    EXPECT_EQ(files.components.size(), 1U) << yaml;
  }
}

TEST(Component, BlockedAndAbsentVariablesLeaveTheValueEmpty) {
  const auto files =
      load(spec_with("  metadata:\n  - {name: a, envRef: APP_API_TOKEN}\n  - {name: b, envRef: NONE}\n"));
  EXPECT_THAT(files.warnings,
              ElementsAre(AllOf(HasSubstr("a.yaml:7:"), HasSubstr("may not be read")), HasSubstr("not set")));
  EXPECT_EQ(*files.components.at(0).find("a"), "");
  EXPECT_EQ(*files.components.at(0).find("b"), "");
}

TEST(Component, ASecretReferenceBreaksTheComponentUntilStoresAreServed) {
  const auto files = load(spec_with(
      "  metadata:\n  - {name: p, value: v, secretKeyRef: {name: s, key: k}}\nauth: {secretStore: vault}\n"));
  ASSERT_EQ(files.components.size(), 1U);
  EXPECT_THAT(files.components[0].broken,
              AllOf(HasSubstr("'p'"), HasSubstr("key 'k' of the secret 's'"), HasSubstr("store 'vault'")));
  EXPECT_EQ(*files.components[0].find("p"), "");
  EXPECT_THAT(files.warnings, ElementsAre(HasSubstr("both value and secretKeyRef")));
  const auto no_store = load(spec_with("  metadata:\n  - {name: p, secretKeyRef: {name: s}}\n"));
  EXPECT_THAT(no_store.components.at(0).broken, AllOf(HasSubstr("names no store"), HasSubstr("key 's'")));
}

TEST(Component, TemplatesAreExpandedAfterVariables) {
  const auto files = load(
      spec_with("  metadata:\n  - {name: a, value: '{appID}-{uuid}'}\n  - {name: b, value: '{podName}'}\n"));
  ASSERT_EQ(files.components.size(), 1U);
  EXPECT_EQ(*files.components[0].find("a"), "app1-11111111-2222-4333-8444-555555555555");
  EXPECT_THAT(files.components[0].broken, AllOf(HasSubstr("'b'"), HasSubstr("POD_NAME")));
  auto selection = selection_of_app1();
  selection.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "V") return "{appID}";
    if (name == "QUOTED") return "\"/data\"";
    if (name == "PART") return "\"a\" or \"b\"";
    return std::nullopt;
  };
  const auto quoted =
      load(spec_with("  metadata: [{name: a, envRef: QUOTED}, {name: b, envRef: PART}]\n"), selection);
  EXPECT_EQ(*quoted.components.at(0).find("a"), "/data") << "as Dapr, for what an environment file leaves";
  EXPECT_EQ(*quoted.components.at(0).find("b"), "\"a\" or \"b\"");
  EXPECT_THAT(quoted.warnings, ElementsAre(HasSubstr("quotes around")));
  EXPECT_EQ(*load(spec_with("  metadata: [{name: a, envRef: V}]\n"), selection).components.at(0).find("a"),
            "app1");
}

TEST(Component, WithoutATypeIsBroken) {
  const auto files = load("kind: Component\nmetadata: {name: c}\nspec: {metadata: []}\n");
  EXPECT_THAT(files.components.at(0).broken, HasSubstr("no type"));
}

TEST(Component, NestedValuesMayShareAnchors) {
  const auto files = load(spec_with(
      "  metadata:\n  - &a {name: a, value: &v shared}\n  - {<<: *a, name: b}\n  - {name: c, value: *v}\n"));
  ASSERT_EQ(files.components.size(), 1U) << (files.warnings.empty() ? "" : files.warnings[0]);
  EXPECT_EQ(*files.components[0].find("b"), "shared");
  EXPECT_EQ(*files.components[0].find("c"), "shared");
}

}  // namespace
}  // namespace cleat
