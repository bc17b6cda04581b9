#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "pg_config.hpp"
#include "plugins/fake_host.hpp"
#include "queue_sql.hpp"
#include "queue_values.hpp"
#include "values.hpp"

namespace cleat::postgresql {
namespace {

using namespace std::chrono_literals;

std::string value(std::uint32_t type, const char* text) {
  std::string out;
  append_value(out, type, text);
  return out;
}

TEST(Values, KeepDigitsAndBecomeJson) {
  EXPECT_EQ(value(23, "-7"), "-7");
  EXPECT_EQ(value(1700, "12345678901234567890.1000"), "12345678901234567890.1000");
  EXPECT_EQ(value(701, "NaN"), "\"NaN\"");
  EXPECT_EQ(value(701, "-Infinity"), "\"-Infinity\"");
  EXPECT_EQ(value(16, "t"), "true");
  EXPECT_EQ(value(3802, R"({"a": 1})"), R"({"a": 1})");
  EXPECT_EQ(value(17, "\\x00ff41"), "\"AP9B\"");
  EXPECT_EQ(value(25, "a\"b"), R"("a\"b")");
  EXPECT_EQ(value(2950, "0e37df36-f698-11e6-8dd4-cb9ced3df976"), "\"0e37df36-f698-11e6-8dd4-cb9ced3df976\"");
}

TEST(Values, TimesAreRfc3339) {
  EXPECT_EQ(value(1184, "2024-05-01 10:00:00.5+00"), "\"2024-05-01T10:00:00.5Z\"");
  EXPECT_EQ(value(1184, "2024-05-01 10:00:00+02"), "\"2024-05-01T10:00:00+02:00\"");
  EXPECT_EQ(value(1184, "2024-05-01 10:00:00-03:30"), "\"2024-05-01T10:00:00-03:30\"");
  EXPECT_EQ(value(1114, "2024-05-01 10:00:00"), "\"2024-05-01T10:00:00Z\"");
  EXPECT_EQ(value(1082, "2024-05-01"), "\"2024-05-01T00:00:00Z\"");
  EXPECT_EQ(value(1184, "infinity"), "\"infinity\"");
  EXPECT_EQ(value(1082, "0044-03-15 BC"), "\"0044-03-15 BC\"");
}

TEST(Values, ArraysAreArrays) {
  EXPECT_EQ(value(1007, "{1,NULL,3}"), "[1,null,3]");
  EXPECT_EQ(value(1007, "{{1,2},{3,4}}"), "[[1,2],[3,4]]");
  EXPECT_EQ(value(1007, "[0:1]={1,2}"), "[1,2]");
  EXPECT_EQ(value(1009, R"({a,"b,}\"c",NULL,"NULL",""})"), R"(["a","b,}\"c",null,"NULL",""])");
  EXPECT_EQ(value(1009, "{}"), "[]");
  EXPECT_EQ(value(1009, "{broken"), "\"{broken\"");
}

TEST(Values, DurationsAreGos) {
  EXPECT_EQ(go_duration(0ns), "0s");
  EXPECT_EQ(go_duration(1500us), "1.5ms");
  EXPECT_EQ(go_duration(90'500ms), "1m30.5s");
  EXPECT_EQ(go_duration(2h + 3s), "2h0m3s");
}

TEST(Connection, LosesWhatLibpqDoesNotKnow) {
  EXPECT_EQ(without_foreign_parameters("host=db pool_max_conns=5 password='a \\' pool_x=1' user=u"),
            "host=db password='a \\' pool_x=1' user=u");
  EXPECT_EQ(without_foreign_parameters(
                "postgres://u@h/db?pool_max_conns=5&sslmode=require&default_query_exec_mode=exec"),
            "postgres://u@h/db?sslmode=require");
  EXPECT_EQ(without_foreign_parameters("postgres://u@h/db?pool_max_conns=5"), "postgres://u@h/db");
}

TEST(Names, CannotEndTheirQuotes) {
  EXPECT_EQ(quoted_name("shop.orders"), "\"shop\".\"orders\"");
  EXPECT_EQ(quoted_name("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
}

TEST(Queue, NamesItsColumns) {
  QueueTable table{"\"q\"", "\"number\"", "\"body\"", "\"customer\"", "", "wake\"up", true};
  const QueueSql sql(table);
  EXPECT_NE(sql.claim.find("SKIP LOCKED"), std::string::npos);
  EXPECT_NE(sql.claim.find("e.\"customer\" = q.\"customer\""), std::string::npos);
  EXPECT_EQ(sql.done.find("DELETE"), std::string::npos);
  EXPECT_EQ(sql.listen, "LISTEN \"wake\"\"up\"");
}

TEST(Queue, ReadsMetadataAndPayload) {
  EXPECT_EQ(metadata_pairs(R"({"a": "1", "b": {"c": [1, "}"]}, "d\"": 2.50, "e": null})"),
            (Pairs{{"a", "1"}, {"b", R"({"c": [1, "}"]})"}, {"d\"", "2.50"}, {"e", "null"}}));
  EXPECT_TRUE(metadata_pairs("{}").empty());
  EXPECT_TRUE(metadata_pairs("{ }").empty());
  EXPECT_TRUE(metadata_pairs("[1]").empty());
  EXPECT_EQ(payload_bytes(17, "\\x00ff"), std::string("\0\xFF", 2));
  EXPECT_EQ(payload_bytes(25, "\\x00ff"), "\\x00ff");
  EXPECT_EQ(array_text({"a", "b\"\\"}), R"({"a","b\"\\"})");
}

TEST(Meaning, OfSqlStates) {
  EXPECT_EQ(meaning_of_state("23505").status, CLEAT_CONFLICT);
  EXPECT_EQ(meaning_of_state("40001").flags, CLEAT_RETRYABLE);
  EXPECT_EQ(meaning_of_state("42P01").status, CLEAT_INVALID);
  EXPECT_EQ(meaning_of_state("57014").status, CLEAT_TIMEOUT);
  EXPECT_EQ(meaning_of_state("P0001").status, CLEAT_REMOTE);
}

}  // namespace
}  // namespace cleat::postgresql
