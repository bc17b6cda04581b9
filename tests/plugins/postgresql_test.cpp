#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include "common/json_value.hpp"
#include "name_lookup.hpp"
#include "pg_config.hpp"
#include "plugins/fake_host.hpp"
#include "queue_settler.hpp"
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

std::pair<std::string, std::string> taken(std::string text, const char* name = "pool_max_conns") {
  const Parameters foreign = take_foreign_parameters(text);
  return {text, foreign.get(name)};
}

TEST(Connection, LosesWhatLibpqDoesNotKnow) {
  using Taken = std::pair<std::string, std::string>;
  EXPECT_EQ(taken("host=db pool_max_conns=5 password='a \\' pool_x=1' user=u"),
            Taken("host=db password='a \\' pool_x=1' user=u", "5"));
  EXPECT_EQ(taken("host = db\n pool_max_conns = '7' user=u"), Taken("host = db user=u", "7"));
  EXPECT_EQ(taken("postgres://u@h/db?pool_max_conns=5&sslmode=require&default_query_exec_mode=exec"),
            Taken("postgres://u@h/db?sslmode=require", "5"));
  EXPECT_EQ(taken("postgresql://u@h/db?pool_max_conns=5"), Taken("postgresql://u@h/db", "5"));
  EXPECT_EQ(taken("password=a://b pool_max_conns=2"), Taken("password=a://b", "2"));
  EXPECT_EQ(taken("host=db pool_max_conns"), Taken("host=db pool_max_conns", ""));
}

PgConfig parsed(const testing::Pairs& metadata, std::uint32_t directions = CLEAT_OUT) {
  const testing::MapOf map(metadata);
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.directions = directions;
  raw.metadata = map.map();
  return parse_config(Config(raw), directions);
}

std::string refusal(const testing::Pairs& metadata, std::uint32_t directions = CLEAT_OUT) {
  try {
    parsed(metadata, directions);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(Config, PutsFieldsOverTheConnectionString) {
  const PgConfig config = parsed({{"connectionString", "postgres://u:p%40@h1,h2:7/db?pool_max_conns=9"},
                                  {"host", "other"},
                                  {"sslRootCert", "/ca.pem"}});
  EXPECT_EQ(config.login.get("host"), "other");
  EXPECT_EQ(config.login.get("password"), "p@");
  EXPECT_EQ(config.login.get("dbname"), "db");
  EXPECT_EQ(config.login.get("sslmode"), "verify-full");
  EXPECT_EQ(config.max_connections, 9U);
  EXPECT_EQ(parsed({{"host", "h"}, {"maxConns", "1"}}).max_connections, 1U);
  EXPECT_EQ(parsed({{"connectionString", "host=h sslmode=prefer"}, {"sslRootCert", "/ca.pem"}})
                .login.get("sslmode"),
            "prefer");
}

TEST(Config, RefusesWithoutSecrets) {
  EXPECT_EQ(refusal({}),
            "failed to build connection string: expected connectionString, or host, user and database, found "
            "neither");
  EXPECT_EQ(refusal({{"host", "h"}, {"timeout", "999999999"}}),
            "invalid value for 'timeout': must be greater than 1s");
  EXPECT_NE(refusal({{"host", "h"}, {"useAzureAD", "true"}}).find("useAzureAD"), std::string::npos);
  for (const char* text : {"host=h password=hush hush", "host=h password='hush", "password=x hush=1",
                           "postgres://u:hush@h:hush/db?hush=hush", "postgres://u:hush@[h/db"}) {
    const std::string said = refusal({{"connectionString", text}});
    EXPECT_NE(said.find("connectionString"), std::string::npos) << said;
    EXPECT_EQ(said.find("hush"), std::string::npos) << said;
  }
  EXPECT_NE(refusal({{"host", "h"}}, CLEAT_IN).find("queueTable"), std::string::npos);
  EXPECT_NE(refusal({{"host", "h"}, {"queueTable", "q"}, {"leaseTime", "1"}}, CLEAT_IN).find("leaseTime"),
            std::string::npos);
}

/// What look_up_servers() gives: parameters, or the error.
std::pair<Parameters, std::string> found_servers(const Parameters& parameters, std::size_t first = 0) {
  common::EventLoop loop;
  common::Resolver resolver(loop);
  std::promise<std::pair<Parameters, std::string>> found;
  loop.start();
  loop.post([&] {
    look_up_servers(loop, resolver, parameters, first,
                    [&](const Parameters& servers, const std::string& error) {
                      found.set_value({servers, error});
                    });
  });
  auto result = found.get_future().get();
  loop.stop();
  return result;
}

TEST(Lookup, PutsAddressesBesideNames) {
  Parameters some;
  some.set("host", "127.0.0.1,/run,::1");
  some.set("port", "1,2,3");
  const auto [servers, error] = found_servers(some);
  EXPECT_EQ(error, "");
  EXPECT_EQ(servers.get("host"), "127.0.0.1,/run,::1");
  EXPECT_EQ(servers.get("hostaddr"), "127.0.0.1,,::1");
  EXPECT_EQ(servers.get("port"), "1,2,3");
  const Parameters later = found_servers(some, 4).first;
  EXPECT_EQ(later.get("host"), "/run,::1,127.0.0.1") << "the attempts that failed go round";
  EXPECT_EQ(later.get("hostaddr"), ",::1,127.0.0.1");
  EXPECT_EQ(later.get("port"), "2,3,1");
  Parameters none;
  none.set("host", "no-such-name.invalid");
  EXPECT_NE(found_servers(none).second.find("'no-such-name.invalid'"), std::string::npos);
  Parameters known;
  known.set("host", "no-such-name.invalid");
  known.set("hostaddr", "127.0.0.1");
  EXPECT_EQ(found_servers(known).second, "");
}

std::string parameter(const std::string& json, std::uint32_t type = 0) {
  return parameter_text(common::parse_json(json), type).value_or("(null)");
}

TEST(Parameters, AreWhatTheyLookLike) {
  EXPECT_EQ(parameter("null"), "(null)");
  EXPECT_EQ(parameter("12345678901234567890.10"), "12345678901234567890.10");
  EXPECT_EQ(parameter("true"), "true");
  EXPECT_EQ(parameter(R"("a\"b")"), "a\"b");
  EXPECT_EQ(parameter(R"({"a": 1.0})"), R"({"a": 1.0})");
  EXPECT_EQ(parameter("[1, 2]"), "[1, 2]");
  EXPECT_EQ(parameter("[1, 2]", 3802), "[1, 2]");
  EXPECT_EQ(parameter(R"([1, null, [2.50], "a\"\\b", "NULL", {"k": "v"}])", 1009),
            R"({"1",NULL,{"2.50"},"a\"\\b","NULL","{\"k\": \"v\"}"})");
}

TEST(Names, CannotEndTheirQuotes) {
  EXPECT_EQ(quoted_name("shop.orders"), "\"shop\".\"orders\"");
  EXPECT_EQ(quoted_name("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
  EXPECT_EQ(quoted_identifier("a.\"b"), "\"a.\"\"b\"");
}

TEST(Queue, NamesItsColumns) {
  QueueTable table;
  table.table = "\"q\"";
  table.lane = "\"customer\"";
  table.state = "\"how\"";
  table.channel = "wake\"up";
  table.keeps_done = true;
  const QueueSql sql(table);
  EXPECT_NE(sql.claim.find("SKIP LOCKED"), std::string::npos);
  EXPECT_NE(sql.claim.find("q.\"customer\" > h.lane"), std::string::npos);
  EXPECT_EQ(sql.claim.find("\"state\""), std::string::npos);
  EXPECT_EQ(sql.done.find("DELETE"), std::string::npos);
  EXPECT_EQ(sql.listen, "LISTEN \"wake\"\"up\"");
}

TEST(Settler, PutsWhatIsAlikeInOneStatement) {
  QueueSettler settler;
  for (int i = 0; i < 1500; ++i)
    settler.add(QueueSettler::kDone, {std::to_string(i), "t"});
  settler.add(QueueSettler::kRequeue, {"a", "t"}, 20);
  EXPECT_EQ(settler.size(), 1501U);
  auto first = settler.take();
  EXPECT_EQ(first.leases.size(), 1000U);
  EXPECT_EQ(first.leases[0].id, "0");
  settler.put_back(std::move(first));
  EXPECT_EQ(settler.size(), 1501U);
  first = settler.take();
  EXPECT_TRUE(first.is_repeated);
  const auto second = settler.take();
  EXPECT_EQ(second.verdict, QueueSettler::kDone);
  EXPECT_EQ(second.leases.size(), 500U);
  settler.put_back(second);
  EXPECT_EQ(settler.take(100).leases.size(), 100U);
  EXPECT_EQ(settler.take().leases.size(), 400U);
  std::vector<Lease> leases;
  settler.append_leases(leases);
  EXPECT_EQ(leases.size(), 1U);
  const auto third = settler.take();
  EXPECT_EQ(third.verdict, QueueSettler::kRequeue);
  const QueueSql sql({});
  EXPECT_EQ(QueueSettler::statement(sql, third).parameters,
            (Statement::Values{R"({"a"})", R"({"a"})", R"({"t"})", R"({"20"})"}));
  EXPECT_TRUE(settler.take().leases.empty());
}

TEST(Queue, ReadsMetadataAndPayload) {
  EXPECT_EQ(metadata_pairs(R"({"a": "1", "b": {"c": [1, "}"]}, "d\"": 2.50, "e": null})"),
            (Pairs{{"a", "1"}, {"b", R"({"c": [1, "}"]})"}, {"d\"", "2.50"}, {"e", "null"}}));
  EXPECT_TRUE(metadata_pairs("{}").empty());
  EXPECT_TRUE(metadata_pairs("{ }").empty());
  EXPECT_TRUE(metadata_pairs("[1]").empty());
  EXPECT_TRUE(metadata_pairs("no json").empty());
  EXPECT_TRUE(metadata_pairs("").empty());
  EXPECT_EQ(payload_bytes(17, {"\0\xFF", 2}), std::string_view("\0\xFF", 2));
  EXPECT_EQ(payload_bytes(3802, "\1{}"), "{}");
  EXPECT_EQ(payload_bytes(114, "{}"), "{}");
  EXPECT_EQ(array_text({"a", "b\"\\"}), R"({"a","b\"\\"})");
}

TEST(Meaning, CodeOnTheServerMayCommit) {
  for (const char* sql : {"CALL p()", "do $$ BEGIN COMMIT; END $$", " -- x\n/* y */ Call p(1)",
                          "SELECT 1; CALL p()", "/* a */ -- b\nDO $$$$", "BEGIN;\n\tdo 'x'"})
    EXPECT_TRUE(may_commit_inside(sql)) << sql;
  for (const char* sql :
       {"", ";", ";;", "SELECT call FROM t", "INSERT INTO do VALUES (1)", "callme", "/* CALL p()", "-- DO",
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "UPDATE t SET a = 1"})
    EXPECT_FALSE(may_commit_inside(sql)) << sql;
}

TEST(Meaning, OfSqlStates) {
  EXPECT_EQ(meaning_of_state("23505").status, CLEAT_CONFLICT);
  EXPECT_EQ(meaning_of_state("40001").flags, CLEAT_RETRYABLE);
  EXPECT_EQ(meaning_of_state("42P01").status, CLEAT_INVALID);
  EXPECT_EQ(meaning_of_state("57014").status, CLEAT_TIMEOUT);
  EXPECT_EQ(meaning_of_state("57P01").flags, CLEAT_RETRYABLE);
  EXPECT_EQ(meaning_of_state("57P02").flags, 0U);
  EXPECT_EQ(meaning_of_state("40003").flags, 0U);
  EXPECT_EQ(meaning_of_state("P0001").status, CLEAT_REMOTE);
}

}  // namespace
}  // namespace cleat::postgresql
