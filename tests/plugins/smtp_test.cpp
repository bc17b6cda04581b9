#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "mail.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/scripted_server.hpp"
#include "smtp_binding.hpp"

namespace cleat::smtp {
namespace {

using testing::Completion;
using testing::Pairs;
using testing::ScriptedServer;
using namespace std::chrono_literals;

std::string header_of(const std::string& mail, const std::string& name) {
  const std::size_t at = mail.find(name + ": ");
  if (at == std::string::npos) return "(none)";
  std::size_t end = mail.find("\r\n", at);
  while (end + 2 < mail.size() && mail[end + 2] == ' ')
    end = mail.find("\r\n", end + 2);
  return mail.substr(at + name.size() + 2, end - at - name.size() - 2);
}

Mail mail_to(const std::string& list) {
  Mail mail;
  mail.from = {"", "shop@example.com"};
  mail.to = parse_mailboxes("emailTo", list);
  mail.subject = "s";
  mail.html = "x";
  return mail;
}

const Stamp kStamp{"Thu, 01 Jan 1970 00:00:00 +0000", "id@example.com", "cleat-boundary"};

TEST(Mail, NamesAreQuotedWhereTheyNeedIt) {
  const std::string mail = compose(
      mail_to(R"(a@b.c; Ann Doe <a@b.c>; Doe, Ann <a@b.c>; "Doe, \"A\"" <a@b.c>; <a@b.c>; Dr. X <a@b.c>)"),
      kStamp);
  EXPECT_EQ(
      header_of(mail, "To"),
      "a@b.c,\r\n Ann Doe <a@b.c>,\r\n \"Doe, Ann\" <a@b.c>,\r\n \"Doe, \\\"A\\\"\" <a@b.c>,\r\n a@b.c,\r\n "
      "\"Dr. X\" <a@b.c>");
}

TEST(Mail, WhatIsNoAddressIsRefused) {
  for (const char* list :
       {"nobody", "@b.c", "a@", "a b@c.d", "a@b.c, d@e.f", "N <a@b.c", "N <a@b.c> x", "a@b.c\r\nBcc: d@e.f",
        "N\r\nBcc: d <a@b.c>", "<a@b>c@d>", "a@b.c\x01", "zoë@b.c"}) {
    EXPECT_THROW(parse_mailboxes("emailTo", list), Error) << list;
  }
  EXPECT_THROW(parse_mailboxes("emailTo", std::string_view("a\0@b.c", 6)), Error);
  EXPECT_TRUE(parse_mailboxes("emailTo", " ; ").empty());
}

TEST(Mail, WordsAreEncodedWithinTheirLines) {
  EXPECT_EQ(header_text("plain"), "plain");
  EXPECT_EQ(header_text("ü"), "=?UTF-8?B?w7w=?=");
  EXPECT_NE(header_text("=?UTF-8?B?w7w=?="), "=?UTF-8?B?w7w=?=");
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += "a€";
  const std::string line = "Subject: " + header_text(text);
  std::size_t begin = 0;
  for (std::size_t end = line.find("\r\n"); begin < line.size(); end = line.find("\r\n", begin)) {
    const std::size_t length = std::min(end, line.size()) - begin;
    EXPECT_LE(length, 76U);
    begin += length + 2;
  }
  EXPECT_NE(header_text(std::string(2000, 'x')).find("\r\n "), std::string::npos);
}

TEST(Mail, BlindCopiesAreInNoHeader) {
  Mail mail = mail_to("a@b.c");
  mail.bcc = parse_mailboxes("emailBCC", "hidden@b.c");
  EXPECT_EQ(compose(mail, kStamp).find("hidden"), std::string::npos);
}

TEST(Mail, NoLineIsTooLong) {
  Mail mail = mail_to("a@b.c");
  mail.html = std::string(5000, '.');
  mail.attachments.push_back({"\"\r\nX: y" + std::string(248, '\xff'), std::string(5000, '\0')});
  const std::string text = compose(mail, kStamp);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - begin, 998U);
    EXPECT_NE(text.substr(begin, 2), "X:");
    begin = end + 2;
  }
}

/// How a mail server answers; the client's lines are noted.
struct Behaviour {
  bool offers_tls = false, offers_login = false, hangs_in_data = false, hangs_up_after_data = false;
  std::string after_starttls = "454 4.7.0 not now\r\n";
  std::string after_login = "235 ok\r\n";
  std::string after_receiver = "250 ok\r\n";
};

class SmtpTest : public ::testing::Test {
 protected:
  void serve(const Behaviour& how, const char* address = "127.0.0.1") {
    server = std::make_unique<ScriptedServer>(
        [how](ScriptedServer::Connection& connection) { talk(connection, how); }, address);
    address_ = address;
  }
  static void talk(ScriptedServer::Connection& connection, const Behaviour& how) {
    connection.write("220 here\r\n");
    for (std::string line = connection.read_until("\r\n"); !line.empty();
         line = connection.read_until("\r\n")) {
      connection.note(line);
      const std::string verb = line.substr(0, 4);
      if (verb == "EHLO") {
        connection.write(std::string("250-here\r\n") + (how.offers_tls ? "250-STARTTLS\r\n" : "") +
                         (how.offers_login ? "250-AUTH PLAIN\r\n" : "") + "250 SIZE 1000000\r\n");
      } else if (verb == "STAR") {
        connection.write(how.after_starttls);
      } else if (verb == "AUTH") {
        connection.write("334 \r\n");
        connection.read_until("\r\n");
        connection.write(how.after_login);
      } else if (verb == "RCPT") {
        connection.write(how.after_receiver);
      } else if (verb == "DATA") {
        connection.write("354 go on\r\n");
        if (how.hangs_in_data) return connection.note("data: " + connection.read_all());
        connection.note("data: " + connection.read_until("\r\n.\r\n"));
        if (how.hangs_up_after_data) return;
        connection.write("250 taken\r\n");
      } else {
        connection.write("250 ok\r\n");
      }
    }
  }
  testing::Outcome init(Pairs metadata) {
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    return driver.init(metadata, CLEAT_OUT);
  }
  void run(Pairs metadata = {}) {
    for (const auto& [key, value] : Pairs{{"host", address_},
                                          {"port", std::to_string(server->port())},
                                          {"emailFrom", "Shop <shop@example.com>"},
                                          {"emailTo", "you@example.com"},
                                          {"subject", "s"}})
      metadata.emplace_back(key, value);
    const testing::Outcome outcome = init(metadata);
    ASSERT_EQ(outcome.status, CLEAT_OK) << outcome.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  Completion done(const Completion& call) {
    EXPECT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
    return host.completion(call);
  }
  Completion send(const std::string& data = "x", std::chrono::nanoseconds limit = 30s) {
    return done(driver.invoke("create", data, {}, limit));
  }

  std::string address_;
  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<SmtpBinding>("bindings.smtp");
  testing::Driver driver{host, type};
};

const Pairs kLogin{{"user", "alice"}, {"password", "s3cret"}};

TEST_F(SmtpTest, AMailIsTaken) {
  serve({});
  run();
  EXPECT_EQ(send().status, CLEAT_OK);
  EXPECT_EQ(server->count("MAIL FROM:<shop@example.com>"), 1U);
  EXPECT_EQ(server->count("RCPT TO:<you@example.com>"), 1U);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
}

TEST_F(SmtpTest, StarttlsThatWasOfferedHasToWork) {
  Behaviour how;
  how.offers_tls = how.offers_login = true;
  serve(how);
  run(kLogin);
  const Completion result = send();
  EXPECT_EQ(result.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(result.text.find("offered STARTTLS and then refused it"), std::string::npos) << result.text;
  EXPECT_EQ(server->count("AUTH") + server->count("MAIL"), 0U);
}

TEST_F(SmtpTest, APasswordGoesToNoOtherMachineInTheClear) {
  Behaviour how;
  how.offers_login = true;
  serve(how, "127.0.0.2");
  run(kLogin);
  const Completion result = send();
  EXPECT_EQ(result.status, CLEAT_UNAVAILABLE) << result.text;
  EXPECT_EQ(server->count("AUTH") + server->count("MAIL"), 0U);
}

TEST_F(SmtpTest, UnlessAPersonSaysSo) {
  Behaviour how;
  how.offers_login = true;
  serve(how, "127.0.0.2");
  Pairs metadata = kLogin;
  metadata.emplace_back("tls", "none");
  run(metadata);
  EXPECT_EQ(send().status, CLEAT_OK);
  EXPECT_EQ(server->count("AUTH"), 1U);
}

TEST_F(SmtpTest, AWrongPasswordIsFinal) {
  Behaviour how;
  how.offers_login = true;
  how.after_login = "535 5.7.8 no such user\r\n";
  serve(how);
  run(kLogin);
  const Completion result = send();
  EXPECT_EQ(result.status, CLEAT_UNAUTHENTICATED);
  EXPECT_FALSE(result.is_retryable());
  EXPECT_NE(result.text.find("no such user"), std::string::npos) << result.text;
  EXPECT_EQ(result.text.find("s3cret"), std::string::npos);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(SmtpTest, AServerThatOffersNoLoginGetsNone) {
  serve({});
  run(kLogin);
  EXPECT_EQ(send().status, CLEAT_OK);
  EXPECT_EQ(server->count("AUTH"), 0U);
}

TEST_F(SmtpTest, AReceiverThatIsRefusedForNowMayBeTriedAgain) {
  Behaviour how;
  how.after_receiver = "451 4.3.0 try later\r\n";
  serve(how);
  run();
  const Completion later = send();
  EXPECT_EQ(later.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(later.is_retryable());
  EXPECT_NE(later.text.find("451 4.3.0 try later"), std::string::npos) << later.text;
}

TEST_F(SmtpTest, AReceiverThatIsRefusedForGoodIsFinal) {
  Behaviour how;
  how.after_receiver = "550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n";
  serve(how);
  run();
  const Completion result = send();
  EXPECT_EQ(result.status, CLEAT_REMOTE);
  EXPECT_FALSE(result.is_retryable());
  EXPECT_NE(result.text.find("550 5.1.1 mailbox"), std::string::npos) << result.text;
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
}

TEST_F(SmtpTest, AMailThatIsCutOffNeverEnds) {
  Behaviour how;
  how.hangs_in_data = true;
  serve(how);
  run();
  // More than the sockets hold, so that it cannot be sent whole.
  const Completion& open = driver.invoke("create", std::string(8'000'000, 'x'), {}, 60s);
  ASSERT_TRUE(host.wait_until([&] { return server->count("DATA") == 1; }));
  driver.cancel(1);
  EXPECT_EQ(done(open).status, CLEAT_CANCELLED);
  ASSERT_TRUE(host.wait_until([&] { return server->count("data: ") == 1; }));
  EXPECT_EQ(server->count("\r\n.\r\n"), 0U);
}

TEST_F(SmtpTest, AMailWhoseEndWasSentMayArrive) {
  Behaviour how;
  how.hangs_up_after_data = true;
  serve(how);
  run();
  const Completion result = send();
  EXPECT_EQ(result.status, CLEAT_UNAVAILABLE);
  EXPECT_FALSE(result.is_retryable());
  EXPECT_NE(result.text.find("may arrive"), std::string::npos) << result.text;
}

TEST_F(SmtpTest, ASilentServerHoldsNoCall) {
  server =
      std::make_unique<ScriptedServer>([](ScriptedServer::Connection& connection) { connection.read_all(); });
  address_ = "127.0.0.1";
  run();
  const Completion result = send("x", 200ms);
  EXPECT_EQ(result.status, CLEAT_TIMEOUT);
  EXPECT_TRUE(result.is_retryable());
  const Completion& open = driver.invoke("create", "x", {}, 60s);
  EXPECT_TRUE(host.wait_until([&] { return server->connections() == 2; }));
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(host.completion(open).status, CLEAT_CANCELLED);
}

TEST_F(SmtpTest, WhatIsWrongWithAComponentIsSaid) {
  const auto text = [&](Pairs more) {
    testing::Driver one(host, type);
    one.create();
    more.emplace_back("port", "25");
    return one.init(more, CLEAT_OUT).text;
  };
  EXPECT_EQ(text({{"host", ""}}), "smtp binding error: host and port fields are required in metadata");
  EXPECT_NE(text({{"host", "h"}, {"user", "u"}}).find("both or neither"), std::string::npos);
  EXPECT_NE(text({{"host", "h/x"}}).find("host: expected"), std::string::npos);
  EXPECT_NE(text({{"host", "h"}, {"priority", "6"}}).find("between 1 (highest) and 5 (lowest)"),
            std::string::npos);
  EXPECT_NE(text({{"host", "h"}, {"emailTo", "nobody"}}).find("emailTo: expected"), std::string::npos);
}

}  // namespace
}  // namespace cleat::smtp
