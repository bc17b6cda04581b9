#include "api/metadata.hpp"

#include <gtest/gtest.h>

#include <string>

#include "api/health.hpp"
#include "base/json.hpp"
#include "base/loop.hpp"
#include "fake_host_view.hpp"

namespace cleat {
namespace {

using testing::FakeHostView;

HostFacts facts() {
  return {"app", "1.2.3", 5000, "127.0.0.1", 4, {"mine", "yours"}};
}

json::Value document_of(const HostFacts& facts, const HostView& host, const ExtendedMetadata& extended,
                        bool strict) {
  std::string text;
  metadata_document(facts, host, extended, strict, 10 * kSecond,
                    [&](std::string&& document) { text = document; });
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : json::Value();
}

TEST(Metadata, HasDaprdsMembersAndOurs) {
  FakeHostView host;
  ComponentView input;
  input.name = "in<1>";
  input.type = "bindings.kafka";
  input.version = "v1";
  input.capabilities = {"INPUT_BINDING"};
  input.state = "running";
  input.subscription = "asking";
  input.delivery.acked = 7;
  input.delivery.attempts = 9;
  input.delivery.blocked = 2;
  input.delivery.troubled_event = "topic/3@42";
  input.last_error = "500";
  input.details = {{"partitions", "8"}};
  host.views = {input};
  host.waiting_for = {"application"};
  ExtendedMetadata extended;
  ASSERT_TRUE(extended.put("mine", "v\"1"));

  const HostFacts about = facts();
  const json::Value whole = document_of(about, host, extended, false);
  const json::Value* document = &whole;
  EXPECT_EQ(document->find("id")->text, "app");
  EXPECT_EQ(document->find("runtimeVersion")->text, "1.2.3");
  EXPECT_EQ(document->find("extended")->find("mine")->text, "v\"1");
  EXPECT_EQ(document->find("extended")->find("daprRuntimeVersion")->text, "1.2.3");
  EXPECT_EQ(document->find("appConnectionProperties")->find("port")->text, "5000");
  EXPECT_EQ(document->find("appConnectionProperties")->find("maxConcurrency")->text, "4");
  const json::Value& component = document->find("components")->items.at(0);
  EXPECT_EQ(component.find("name")->text, "in<1>");
  EXPECT_EQ(component.find("capabilities")->items.at(0).text, "INPUT_BINDING");
  const json::Value& own = *document->find("cleat");
  EXPECT_EQ(own.find("waitingFor")->items.at(0).text, "application");
  EXPECT_EQ(own.find("components")->items.at(0).find("subscription")->text, "asking");
  EXPECT_EQ(own.find("components")->items.at(0).find("acked")->text, "7");
  EXPECT_EQ(own.find("components")->items.at(0).find("details")->find("partitions")->text, "8");
  const json::Value& told = own.find("components")->items.at(0);
  EXPECT_EQ(told.find("delivered")->text, "9");
  EXPECT_EQ(told.find("oldestUnsettled")->text, "topic/3@42");
  EXPECT_EQ(told.find("blocked")->text, "2");
  EXPECT_EQ(told.find("lastError")->find("text")->text, "500");
  EXPECT_EQ(told.find("type"), nullptr);
  EXPECT_EQ(document->find("resiliencies")->items.at(1).find("name")->text, "yours");
}

TEST(Metadata, NamesNoComponentThatIsGoneOnWithout) {
  FakeHostView host;
  ComponentView out;
  out.name = "out";
  out.state = "failed";
  out.is_left_out = true;
  host.views = {out};
  const HostFacts about = facts();
  const json::Value document = document_of(about, host, ExtendedMetadata(), false);
  EXPECT_EQ(document.find("components"), nullptr);
  EXPECT_EQ(document.find("cleat")->find("components")->items.size(), 1U);
}

TEST(Metadata, IsDaprdsAloneWhenStrict) {
  const FakeHostView host;
  const ExtendedMetadata extended;
  const HostFacts about{"app", "1", 0, "", -1, {}};
  const json::Value document = document_of(about, host, extended, true);
  EXPECT_EQ(document.find("cleat"), nullptr);
  EXPECT_EQ(document.find("components"), nullptr);
  EXPECT_EQ(document.find("appConnectionProperties"), nullptr);
  EXPECT_EQ(document.find("resiliencies"), nullptr);
}

TEST(ExtendedMetadata, IsBounded) {
  ExtendedMetadata extended;
  EXPECT_FALSE(extended.put(std::string(ExtendedMetadata::kMaxKey + 1, 'k'), ""));
  EXPECT_FALSE(extended.put("k", std::string(ExtendedMetadata::kMaxValue + 1, 'v')));
  for (std::size_t i = 0; i < ExtendedMetadata::kMaxEntries; ++i)
    ASSERT_TRUE(extended.put(std::to_string(i), "v"));
  EXPECT_FALSE(extended.put("one more", "v"));
  EXPECT_TRUE(extended.put("0", "again"));
  EXPECT_EQ(extended.all().at("0"), "again");
}

TEST(Health, NamesWhatIsMissing) {
  FakeHostView host;
  EXPECT_TRUE(health(host, "app", "app").healthy);
  EXPECT_EQ(health(host, "app", "other").code, "ERR_HEALTH_APPID_NOT_MATCH");
  host.waiting_for = {"a", "b"};
  EXPECT_EQ(health(host, "app", "").message, "dapr is not ready: [a b]");
  EXPECT_TRUE(outbound_health(host).healthy);
  host.outbound = false;
  EXPECT_EQ(outbound_health(host).code, "ERR_OUTBOUND_HEALTH_NOT_READY");
}

}  // namespace
}  // namespace cleat
