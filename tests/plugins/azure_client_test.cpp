#include <gtest/gtest.h>

#include <future>
#include <memory>

#include "common/azure/client.hpp"
#include "common/xml.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"

namespace cleat::azure {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

const std::string kKey = "secret-key-for-tests";
constexpr const char* kKeyText = "c2VjcmV0LWtleS1mb3ItdGVzdHM=";

// --- signatures: what azure-storage-blob 12.31.1 for Python makes of the same ---

TEST(SharedKey, SignsAsAzuresOwnClientDoes) {
  const Query query{{"comp", "block"}, {"blockid", "QUFB"}, {"timeout", "30"}};
  const std::vector<common::HttpHeader> headers{{"Content-Type", "text/plain; charset=UTF-8"},
                                                {"Content-MD5", "sQqNsWTgdUEFt6mb5y4/5Q=="},
                                                {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"},
                                                {"x-ms-version", "2021-12-02"},
                                                {"x-ms-meta-Z", "last"},
                                                {"x-ms-meta-a", "first"},
                                                {"x-ms-blob-type", "BlockBlob"}};
  EXPECT_EQ(hmac(kKey, string_to_sign("acct", {"PUT", "/box/a%20b/c.txt", &query, &headers, 11})),
            "XakuZwLGFQ9+vFfxeGwlkfy2Wywo7iqUvRbaspWbnJ0=");
}

TEST(SharedKey, SignsThePathOfAnEmulatorWithTheAccountTwice) {
  const Query query{{"visibilitytimeout", "30"}, {"numofmessages", "32"}};
  const std::vector<common::HttpHeader> headers{{"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"},
                                                {"x-ms-version", "2021-12-02"}};
  const std::string text = string_to_sign("acct", {"GET", "/acct/q-one/messages", &query, &headers, 0});
  EXPECT_NE(text.find("\n/acct/acct/q-one/messages\nnumofmessages:32\nvisibilitytimeout:30"),
            std::string::npos);
  EXPECT_EQ(hmac(kKey, text), "783WXfJgnevOX4m/slZma7TvBbIsRZAWmsz6L475FqI=");
}

TEST(SharedKey, AnUrlForABlobIsSignedAsAzuresOwnClientDoes) {
  const auto until = WallTime(1893553445s);  // 2030-01-02 03:04:05
  EXPECT_EQ(read_sas("acct", kKey, "box", "a b/c.txt", until),
            "sv=2021-12-02&se=2030-01-02T03%3A04%3A05Z&sr=b&sp=r&sig="
            "gRSWp64vBeLg4WoxKaZrDoS%2F9ZbRC5p0OkIYTY1O4Dc%3D");
}

// RFC 4231, test case 2.
TEST(SharedKey, TheHashIsTheOneOfTheStandard) {
  EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

TEST(SharedKey, DatesAreThoseOfHttp) {
  const auto at = WallTime(784111777s);
  EXPECT_EQ(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(iso_date(at), "1994-11-06T08:49:37Z");
  EXPECT_EQ(from_http_date(http_date(at)), at);
  EXPECT_EQ(iso_date(*from_http_date("Fri, 31 Dec 9999 23:59:59 GMT")), "9999-12-31T23:59:59Z");
  EXPECT_FALSE(from_http_date("soon"));
}

// --- accounts ---

Account account(const Pairs& fields, Service service = Service::queue, const AccountFields& names = {}) {
  const testing::MapOf map(fields);
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.metadata = map.map();
  return account_of(Config(raw), service, names, [](const char*) { return std::nullopt; });
}

std::string error_of(const Pairs& fields, const AccountFields& names = {}) {
  try {
    account(fields, Service::queue, names);
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(Account, IsInAConnectionString) {
  const std::string text = std::string("DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=") +
                           kKeyText + ";EndpointSuffix=core.chinacloudapi.cn";
  EXPECT_EQ(account({{"connectionString", text}}).url, "http://acct.queue.core.chinacloudapi.cn");
  EXPECT_EQ(account({{"connectionString", text}}, Service::blob).url,
            "http://acct.blob.core.chinacloudapi.cn");
  EXPECT_EQ(account({{"connectionString", text}}).key, kKey);
  const Account given = account(
      {{"connectionString", text + ";QueueEndpoint=http://127.0.0.1:10001/acct/;BlobEndpoint=http://other"}});
  EXPECT_EQ(given.url, "http://127.0.0.1:10001/acct");
  const Account emulator = account({{"connectionString", "UseDevelopmentStorage=true"}});
  EXPECT_EQ(emulator.name + " " + emulator.url, "devstoreaccount1 http://127.0.0.1:10001/devstoreaccount1");
  const Account sas =
      account({{"connectionString",
                "QueueEndpoint=https://acct.queue.core.windows.net;SharedAccessSignature=?sv=1&sig=a%3D"}});
  EXPECT_EQ(sas.sas, "sv=1&sig=a%3D");
  EXPECT_EQ(sas.url, "https://acct.queue.core.windows.net");
}

TEST(Account, IsInFields) {
  EXPECT_EQ(account({{"accountName", "a"}, {"accountKey", kKeyText}}).url,
            "https://a.queue.core.windows.net");
  EXPECT_EQ(account({{"accountName", "a"}, {"accountKey", kKeyText}, {"endpoint", "http://h:1/"}}).url,
            "http://h:1/a");
  EXPECT_EQ(account({{"accountName", "a"}, {"azureEnvironment", "AzureUSGovernment"}}, Service::blob).url,
            "https://a.blob.core.usgovcloudapi.net");
  EXPECT_TRUE(account({{"accountName", "a"}}).token.has_value());
  EXPECT_EQ(account({{"accountName", "a"}, {"sasToken", "?sv=2"}}).sas, "sv=2");
}

TEST(Account, IsInTheFieldsThatATypeNames) {
  const AccountFields names{"storageConnectionString", "storageAccountName", "storageAccountKey", nullptr,
                            "storageEndpoint"};
  const Pairs others{{"connectionString", "planted!"}, {"accountName", "b"}, {"endpoint", "http://other"}};
  Pairs fields = others;
  fields.insert(
      fields.end(),
      {{"storageAccountName", "a"}, {"storageAccountKey", kKeyText}, {"storageEndpoint", "http://h:1"}});
  EXPECT_EQ(account(fields, Service::blob, names).url, "http://h:1/a");
  EXPECT_EQ(account(fields, Service::blob, names).key, kKey);
  EXPECT_EQ(error_of(others, names), "missing or empty storageAccountName field from metadata");
  EXPECT_EQ(error_of({{"storageConnectionString", "AccountName=a"}}, names),
            "storageConnectionString: expected AccountKey or SharedAccessSignature; found neither");
  EXPECT_EQ(error_of({{"storageAccountName", "a"}, {"storageAccountKey", "?"}}, names)
                .find("storageAccountKey: expected"),
            0U);
}

TEST(Account, WhatIsWrongIsSaidWithoutSecrets) {
  EXPECT_EQ(error_of({}), "missing or empty accountName field from metadata");
  for (const Pairs& fields : std::vector<Pairs>{
           {{"accountName", "a"}, {"accountKey", "planted!"}},
           {{"connectionString", "AccountName=a;AccountKey=planted!"}},
           {{"connectionString", "AccountKey=cGxhbnRlZA=="}},
           {{"connectionString", "planted!"}},
           {{"connectionString", "AccountName=planted!"}},
           {{"accountName", "a"}, {"accountKey", kKeyText}, {"endpoint", "http://planted!@host"}}}) {
    const std::string error = error_of(fields);
    EXPECT_NE(error.find("expected"), std::string::npos) << error;
    EXPECT_EQ(error.find("planted"), std::string::npos) << error;
  }
}

// --- XML ---

TEST(Xml, KeepsBlanksLineEndsAndMarks) {
  const std::string text = "a\r\n<b> & \"c\" \xC3\xA4 ";
  std::string xml = "\xEF\xBB\xBF<?xml version=\"1.0\"?><List><One>";
  common::append_xml_text(xml, text);
  xml += "</One><One>  </One><Two/></List>";
  const auto found = common::parse_xml(xml);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->children.size(), 3U);
  EXPECT_EQ(found->text_of("One"), text);
  EXPECT_EQ(found->children[1].text, "  ");
  EXPECT_EQ(found->text_of("Two"), "");
  EXPECT_EQ(found->find("Three"), nullptr);
}

TEST(Xml, WhatIsNoneIsSaid) {
  EXPECT_FALSE(common::parse_xml(""));
  EXPECT_FALSE(common::parse_xml("<a><b></a>"));
  EXPECT_FALSE(common::parse_xml("{}"));
  std::string deep;
  for (int i = 0; i < 10'000; ++i)
    deep += "<a>";
  for (int i = 0; i < 10'000; ++i)
    deep += "</a>";
  EXPECT_FALSE(common::parse_xml(deep));
}

TEST(Xml, KnowsWhatItCanHold) {
  EXPECT_TRUE(common::is_xml_text("plain \t\r\n \xC3\xA4 \xF0\x9F\x98\x80"));
  EXPECT_TRUE(common::is_xml_text(""));
  for (const char* bad :
       {"\x01", "\x1B", "\xFF", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xEF\xBF\xBE", "\xF4\x90\x80\x80"})
    EXPECT_FALSE(common::is_xml_text(bad)) << bad;
  EXPECT_FALSE(common::is_xml_text(std::string_view("\0", 1)));
}

// --- requests ---

struct Got {
  int status = 0;
  std::string body;
  std::optional<Failure> failure;
};

class ClientTest : public ::testing::Test {
 protected:
  ~ClientTest() override {
    if (!client) return;
    curl.loop().post([this] { client->close(); });
    curl.stop();
  }
  void serve(std::function<std::string(const Asked&)> how) {
    server = std::make_unique<ScriptedServer>([how = std::move(how)](ScriptedServer::Connection& connection) {
      while (const Asked asked = testing::read_request(connection))
        connection.write(how(asked));
    });
    account.name = "acct";
    account.url = server->url() + "/acct";
    account.key = kKey;
  }
  Got send(ServiceRequest request) {
    if (!client) {
      client.emplace(curl, account);
      curl.start();
    }
    request.what = "Try";
    request.deadline_ns =
        static_cast<std::uint64_t>((std::chrono::steady_clock::now().time_since_epoch() + 20s).count());
    std::promise<Got> promise;
    curl.loop().post([&] {
      client->send(std::move(request), [&](common::HttpResponse* response, const Failure* failure) {
        Got got;
        if (response != nullptr) got = {response->status, response->body, {}};
        if (failure != nullptr) got.failure = *failure;
        promise.set_value(std::move(got));
      });
    });
    return promise.get_future().get();
  }
  static ServiceRequest request(std::string method) {
    ServiceRequest out;
    out.method = std::move(method);
    return out;
  }

  std::unique_ptr<ScriptedServer> server;
  Account account;
  common::CurlLoop curl{common::CurlLoop::Options{}};
  std::optional<Client> client;
};

TEST_F(ClientTest, AnErrorSaysWhatTheServiceSaid) {
  serve([](const Asked&) {
    return answer(
        "404 Not Found",
        "<?xml version=\"1.0\"?><Error><Code>QueueNotFound</Code><Message>The queue does not exist.\n"
        "RequestId:1\nTime:2</Message></Error>",
        "x-ms-request-id: 4711\r\n");
  });
  const Got got = send(request("GET"));
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(got.failure->text, "Try: HTTP 404 QueueNotFound: The queue does not exist. (request id 4711)");
  EXPECT_EQ(got.failure->status, CLEAT_NOT_FOUND);
  EXPECT_FALSE(got.failure->is_retryable);
}

TEST_F(ClientTest, WhatMayBeTriedAgainIsSaid) {
  serve([](const Asked& asked) {
    const bool is_busy = asked.line.find("busy") != std::string::npos;
    return is_busy ? answer("503 Server Busy", "", "Retry-After: 7\r\n") : answer("500 Oh", "");
  });
  ServiceRequest busy = request("POST");
  busy.path = "/busy";
  const Got throttled = send(busy);
  EXPECT_EQ(throttled.failure->status, CLEAT_THROTTLED);
  EXPECT_TRUE(throttled.failure->is_retryable);
  EXPECT_EQ(throttled.failure->retry_after_ms, 7000U);
  EXPECT_FALSE(send(request("POST")).failure->is_retryable);
  ServiceRequest twice = request("PUT");
  twice.may_run_twice = true;
  EXPECT_TRUE(send(twice).failure->is_retryable);
}

TEST_F(ClientTest, ARedirectIsNotFollowed) {
  serve([](const Asked&) { return answer("307 There", "", "Location: http://127.0.0.1:1/\r\n"); });
  const Got got = send(request("GET"));
  EXPECT_EQ(got.failure->status, CLEAT_REMOTE);
  EXPECT_NE(got.failure->text.find("not followed"), std::string::npos);
}

TEST_F(ClientTest, AClockThatIsWrongIsSetRight) {
  serve([](const Asked& asked) {
    const std::string in_time = "x-ms-date: Sun, 06 Nov 1994 08:";
    return asked.head.find(in_time) != std::string::npos
               ? answer("200 OK", "in time")
               : answer("403 Forbidden", "", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  });
  EXPECT_EQ(send(request("GET")).body, "in time");
  EXPECT_EQ(send(request("GET")).body, "in time");
  EXPECT_EQ(server->notes().size(), 3U);
}

TEST_F(ClientTest, ATokenThatIsNotTakenIsReplaced) {
  serve([this, tokens = 0](const Asked& asked) mutable {
    if (asked.line.find("/oauth2/") != std::string::npos)
      return answer("200 OK", "{\"expires_in\":3600,\"access_token\":\"t" + std::to_string(++tokens) + "\"}");
    return asked.head.find("Authorization: Bearer t2\r\n") != std::string::npos ? answer("200 OK", "yes")
                                                                                : answer("401 No", "");
  });
  account.key.clear();
  account.token = TokenSettings{Identity::client_secret, "t", "c", "planted", server->url(), {}, {}, {}};
  EXPECT_EQ(send(request("GET")).body, "yes");
}

TEST_F(ClientTest, ASharedAccessSignatureIsPartOfTheAddressAndNotOfAnError) {
  serve([](const Asked&) { return answer("403 Forbidden", ""); });
  account.key.clear();
  account.sas = "sv=1&sig=planted";
  ServiceRequest asked = request("GET");
  asked.query = {{"comp", "list"}};
  const Got got = send(asked);
  EXPECT_EQ(server->count("GET /acct?comp=list&sv=1&sig=planted HTTP/1.1"), 1U);
  EXPECT_EQ(got.failure->text.find("planted"), std::string::npos);
  EXPECT_EQ(got.failure->status, CLEAT_DENIED);
}

TEST_F(ClientTest, WhatTheRequestHadToShowIsNotSaidBack) {
  serve([](const Asked& asked) {
    return answer("403 Forbidden",
                  "<Error><Code>AuthenticationFailed</Code><Message>" + asked.line.substr(0, 4) +
                      "sv=1&amp;sig=ab%2Bplanted%3D and ab+planted=, sig=ab%2Bplanted%3D</Message></Error>");
  });
  account.key.clear();
  account.sas = "sv=1&sig=ab%2Bplanted%3D";
  const Got got = send(request("GET"));
  EXPECT_EQ(got.failure->text, "Try: HTTP 403 AuthenticationFailed: GET *** and ***, sig=***");
}

}  // namespace
}  // namespace cleat::azure
