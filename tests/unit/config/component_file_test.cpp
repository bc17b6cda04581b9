#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/component.hpp"
#include "temp_folder.hpp"

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string component(std::string_view name, std::string_view rest = "") {
  return "kind: Component\nmetadata: {name: " + std::string(name) + "}\nspec: {type: bindings.x}\n" +
         std::string(rest);
}

std::string in_namespace(std::string_view name, std::string_view space) {
  return "kind: Component\nmetadata: {name: " + std::string(name) + ", namespace: " + std::string(space) +
         "}\nspec: {type: bindings.x}\n";
}

std::vector<std::string> names_of(const ComponentFiles& files) {
  std::vector<std::string> names;
  for (const Component& one : files.components)
    names.push_back(one.name);
  return names;
}

ComponentSelection app1() {
  ComponentSelection selection;
  selection.app_id = "app1";
  return selection;
}

TEST(ComponentFiles, ComeInFlagOrderThenByNameAndNotFromBelow) {
  const TempFolder first;
  const TempFolder second;
  first.write("b.yml", component("b"));
  first.write("a.YAML", component("a2") + "---\n" + component("a1"));
  first.write("B.yaml", component("capital"));
  second.write("0.yaml", component("later"));
  std::filesystem::create_directory(first.path() / "sub.yaml");
  std::ofstream(first.path() / "sub.yaml" / "x.yaml") << component("below");
  const auto files = load_components({first.path(), second.path()}, app1());
  ASSERT_TRUE(files) << files.error().text;
  EXPECT_THAT(names_of(*files), ElementsAre("capital", "a2", "a1", "b", "later"));
  EXPECT_THAT(files->warnings, IsEmpty());
}

TEST(ComponentFiles, WithoutAFolderThereAreNone) {
  const auto files = load_components({}, app1());
  ASSERT_TRUE(files);
  EXPECT_THAT(files->components, IsEmpty());
}

TEST(ComponentFiles, OtherFilesAreAWarningEach) {
  const TempFolder folder;
  folder.write("readme.md", "x");
  folder.write("a.json", "{}");
  folder.write("yaml", component("no"));
  const auto files = load_components({folder.path()}, app1());
  ASSERT_TRUE(files);
  EXPECT_THAT(files->warnings, ElementsAre(HasSubstr("a.json"), HasSubstr("readme.md"), HasSubstr("/yaml:")));
  EXPECT_THAT(files->components, IsEmpty());
}

TEST(ComponentFiles, AFolderThatIsNotThereIsAnError) {
  const TempFolder folder;
  const auto none = load_components({folder.path() / "none"}, app1());
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().text, AllOf(HasSubstr("none: expected a folder"), HasSubstr("found nothing")));
  const auto file = load_components({folder.write("a.yaml", component("a"))}, app1());
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().text, HasSubstr("found a file"));
}

TEST(ComponentFiles, ANameGivenTwiceIsAnErrorThatNamesBothPlaces) {
  const TempFolder folder;
  folder.write("a.yaml", "# remark\n" + component("same"));
  folder.write("b.yaml", component("other") + "---\n" + component("same"));
  const auto files = load_components({folder.path()}, app1());
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().text,
              AllOf(HasSubstr("b.yaml:5:"), HasSubstr("'same' is already defined"), HasSubstr("a.yaml:2")));
}

TEST(ComponentFiles, ADuplicateScopedToAnotherApplicationCountsOnlyIfItComesSecond) {
  const std::string mine = component("same");
  const std::string other = component("same", "scopes: [app2]\n");
  const TempFolder folder;
  folder.write("a.yaml", mine + "---\n" + other);
  EXPECT_FALSE(load_components({folder.path()}, app1()));
  folder.write("a.yaml", other + "---\n" + mine);
  EXPECT_TRUE(load_components({folder.path()}, app1()));
}

TEST(ComponentFiles, ScopesSelectByAppId) {
  const TempFolder folder;
  folder.write("a.yaml", component("mine", "scopes: [app0, app1]\n") + "---\n" +
                             component("others", "scopes:\n- app2\n") + "---\n" +
                             component("all", "scopes: []\n"));
  const auto files = load_components({folder.path()}, app1());
  ASSERT_TRUE(files);
  EXPECT_THAT(names_of(*files), ElementsAre("mine", "all"));
  EXPECT_THAT(files->warnings, IsEmpty());
}

TEST(ComponentFiles, NamespacesSelectOnlyWhenOneIsSet) {
  const TempFolder folder;
  folder.write("a.yaml", in_namespace("p", "prod") + "---\n" + component("none"));
  folder.write("b.yaml", in_namespace("t", "test"));
  auto selection = app1();
  EXPECT_THAT(names_of(*load_components({folder.path()}, selection)), ElementsAre("p", "none", "t"));
  selection.namespace_name = "prod";
  EXPECT_THAT(names_of(*load_components({folder.path()}, selection)), ElementsAre("p", "none"));
}

TEST(ComponentFiles, TheSameNameInAnotherNamespaceIsNoDuplicate) {
  const TempFolder folder;
  folder.write("a.yaml", in_namespace("same", "prod") + "---\n" + in_namespace("same", "test"));
  auto selection = app1();
  selection.namespace_name = "prod";
  const auto files = load_components({folder.path()}, selection);
  ASSERT_TRUE(files) << files.error().text;
  EXPECT_EQ(files->components.size(), 1U);
}

TEST(ComponentFiles, NoFileHoldsUpTheOthers) {
  const TempFolder folder;
  folder.write("a-binary.yaml", std::string("\x7f"
                                            "ELF\2\1\0\0\xff\xfe",
                                            10));
  folder.write("b-empty.yaml", "");
  folder.write("c-mark.yaml", "\xEF\xBB\xBF" + component("mark"));
  folder.write("d-crlf.yaml",
               "kind: Component\r\nmetadata:\r\n  name: crlf\r\nspec:\r\n  type: bindings.x\r\n---  \r\n");
  folder.write("e-tab.yaml", "kind: Component\nmetadata:\n\tname: x\n");
  folder.write("f-long.yaml", component("long", "remark: '" + std::string(200'000, 'x') + "'\n") + "---   ");
  folder.write("g-last.yaml", "---\n---\n" + component("last") + "---");
  std::filesystem::create_symlink("nowhere", folder.path() / "h-dangling.yaml");
  const auto files = load_components({folder.path()}, app1());
  ASSERT_TRUE(files) << files.error().text;
  EXPECT_THAT(names_of(*files), ElementsAre("mark", "crlf", "long", "last"));
  EXPECT_THAT(files->warnings,
              ElementsAre(HasSubstr("a-binary.yaml:1:"), AllOf(HasSubstr("e-tab.yaml:3:"), HasSubstr("tab")),
                          HasSubstr("h-dangling.yaml")));
  EXPECT_EQ(files->components[1].type, "bindings.x");
}

TEST(ComponentFiles, ALargeFileOfManyDocumentsLoads) {
  const TempFolder folder;
  std::string text;
  for (int i = 0; i < 400; ++i) {
    text += component("c" + std::to_string(i), "remark: '" + std::string(20'000, 'x') + "'\n") + "---\n";
  }
  ASSERT_GT(text.size(), 8'000'000U);
  folder.write("a.yaml", text);
  const auto files = load_components({folder.path()}, app1());
  ASSERT_TRUE(files);
  EXPECT_EQ(files->components.size(), 400U);
  EXPECT_EQ(files->components[399].line, 399U * 5 + 1);
}

}  // namespace
}  // namespace cleat
