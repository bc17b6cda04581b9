#include "pg_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "common/text.hpp"
#include "pg_link.hpp"

namespace cleat::postgresql {
namespace {

[[noreturn]] void refuse(const std::string& text, cleat_status status = CLEAT_INVALID) {
  throw Error(status, text);
}

bool is_foreign(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"default_query_exec_mode", "statement_cache_capacity",
                                                   "description_cache_capacity", "statement_cache_mode"};
  return name.substr(0, 5) == "pool_" || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

/// "postgres://...?a=1&pool_max_conns=5"
Parameters take_of_url(std::string& url) {
  Parameters foreign;
  const std::size_t query = url.find('?');
  if (query == std::string::npos) return foreign;
  std::string kept = url.substr(0, query);
  char before = '?';
  for (const std::string_view part : common::split_list(std::string_view(url).substr(query + 1), '&')) {
    const std::size_t equals = part.find('=');
    if (is_foreign(part.substr(0, equals))) {
      foreign.set(part.substr(0, equals),
                  std::string(equals == std::string_view::npos ? "" : part.substr(equals + 1)));
    } else {
      kept.append(1, before).append(part);
      before = '&';
    }
  }
  url = kept;
  return foreign;
}

/// The words of "host=x password='it\'s' pool_max_conns = 5", as libpq splits them.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  /// False at the end, and at what is no name and value: that is libpq's to complain about.
  bool next(std::string_view& word, std::string_view& name, std::string& value) {
    skip_blanks();
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(kEndsName, at_), text_.size());
    name = text_.substr(begin, at_ - begin);
    skip_blanks();
    if (name.empty() || at_ == text_.size() || text_[at_] != '=') return false;
    ++at_;
    skip_blanks();
    const bool is_quoted = at_ < text_.size() && text_[at_] == '\'';
    if (is_quoted) ++at_;
    value.clear();
    while (at_ < text_.size() &&
           (is_quoted ? text_[at_] != '\'' : kBlanks.find(text_[at_]) == std::string_view::npos)) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value.push_back(text_[at_++]);
    }
    if (is_quoted && at_ < text_.size()) ++at_;
    word = text_.substr(begin, at_ - begin);
    return true;
  }

  [[nodiscard]] bool is_at_end() const { return at_ == text_.size(); }

 private:
  static constexpr std::string_view kBlanks = " \t\r\n\v\f", kEndsName = " \t\r\n\v\f=";
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

  std::string_view text_;
  std::size_t at_ = 0;
};

Parameters take_of_words(std::string& text) {
  Parameters foreign;
  Words words(text);
  std::string kept, value;
  std::string_view word, name;
  while (words.next(word, name, value)) {
    if (is_foreign(name)) {
      foreign.set(name, value);
    } else {
      kept.append(kept.empty() ? "" : " ").append(word);
    }
  }
  if (!words.is_at_end()) return {};
  if (!foreign.is_empty()) text = kept;
  return foreign;
}

void set_from_environment(Parameters& login, const char* name, const char* variable) {
  // Read while the component starts, as libpq itself does later.
  const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (value != nullptr && *value != '\0') login.set(name, value);
}

/// Gives what was said of the pool.
Parameters parse_login(const Config& config, Parameters& login) {
  Parameters foreign;
  std::string connection_string = config.text("connectionString");
  if (!connection_string.empty()) {
    foreign = take_foreign_parameters(connection_string);
    try {
      login = parse_connection_string(connection_string);
    } catch (const std::invalid_argument& error) {
      refuse(
          "connectionString: expected words like host=db user=shop, or a postgres:// address, as libpq takes "
          "them; it says: " +
          std::string(error.what()));
    }
  }
  constexpr std::array<std::pair<const char*, const char*>, 7> kFields{{{"host", "host"},
                                                                        {"hostaddr", "hostaddr"},
                                                                        {"port", "port"},
                                                                        {"database", "dbname"},
                                                                        {"user", "user"},
                                                                        {"password", "password"},
                                                                        {"sslRootCert", "sslrootcert"}}};
  for (const auto& [field, keyword] : kFields) {
    const std::string value = config.text(field);
    if (!value.empty()) login.set(keyword, value);
  }
  if (login.is_empty()) {
    refuse(
        "failed to build connection string: expected connectionString, or host, user and database, found "
        "neither");
  }
  if (login.get("host").empty() && login.get("hostaddr").empty() && login.get("service").empty())
    set_from_environment(login, "host", "PGHOST");
  if (login.get("sslmode").empty()) set_from_environment(login, "sslmode", "PGSSLMODE");
  // Who names the certificates that sign the server's wants them to be looked at; libpq alone would not.
  if (login.get("sslmode").empty() && !login.get("sslrootcert").empty()) login.set("sslmode", "verify-full");
  return foreign;
}

std::size_t parse_max_connections(const Config& config, const Parameters& foreign) {
  std::int64_t most = config.integer("maxConns");
  if (most <= 0) {
    const std::string text = foreign.get("pool_max_conns");
    std::from_chars(text.data(), text.data() + text.size(), most);
  }
  return most > 0 ? static_cast<std::size_t>(std::min<std::int64_t>(most, 1000))
                  : std::max<std::size_t>(4, std::thread::hardware_concurrency());
}

std::string quoted_column(const Config& config, std::string_view field, std::string_view fallback) {
  const std::string name = config.text(field, fallback);
  return name.empty() ? name : quoted_identifier(name);
}

QueueTable parse_queue(const Config& config) {
  QueueTable queue;
  queue.name = config.text("queueTable");
  queue.table = quoted_name(queue.name);
  if (queue.table.empty())
    refuse("queueTable: expected the name of a table to read, found nothing; or set direction to output");
  queue.id = quoted_column(config, "idColumn", "id");
  queue.payload = quoted_column(config, "payloadColumn", "payload");
  queue.lane = quoted_column(config, "laneColumn", "");
  queue.metadata = quoted_column(config, "metadataColumn", "");
  queue.state = quoted_column(config, "stateColumn", "state");
  queue.attempts = quoted_column(config, "attemptsColumn", "attempts");
  queue.not_before = quoted_column(config, "notBeforeColumn", "not_before");
  queue.locked_until = quoted_column(config, "lockedUntilColumn", "locked_until");
  queue.token = quoted_column(config, "leaseTokenColumn", "lease_token");
  queue.channel = config.text("notifyChannel");
  queue.keeps_done = config.text("onDone") == "mark";
  queue.is_strict = config.fact("ordering") == "strict";
  queue.lease =
      std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("leaseTime", queue.lease));
  queue.poll =
      std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("pollInterval", queue.poll));
  if (queue.lease < std::chrono::seconds(1))
    refuse("leaseTime: expected 1s or more, found " + std::to_string(queue.lease.count()) + "ms");
  if (queue.poll < std::chrono::milliseconds(10))
    refuse("pollInterval: expected 10ms or more, found " + std::to_string(queue.poll.count()) + "ms");
  return queue;
}

}  // namespace

Parameters take_foreign_parameters(std::string& text) {
  const bool is_url = text.rfind("postgres://", 0) == 0 || text.rfind("postgresql://", 0) == 0;
  return is_url ? take_of_url(text) : take_of_words(text);
}

std::string quoted_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name)
    out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string quoted_name(std::string_view name) {
  std::string out;
  for (const std::string_view part : common::split_list(name, '.'))
    out.append(out.empty() ? "" : ".").append(quoted_identifier(part));
  return out;
}

PgConfig parse_config(const Config& config, std::uint32_t directions) {
  PgConfig out;
  for (const std::string_view field : {"useAzureAD", "useAWSIAM"}) {
    if (config.boolean(field))
      refuse(std::string(field) + ": is not served yet; log in with user and password", CLEAT_UNSUPPORTED);
  }
  const Parameters foreign = parse_login(config, out.login);
  out.connect_within = config.duration("timeout", out.connect_within);
  if (out.connect_within < std::chrono::seconds(1))
    refuse("invalid value for 'timeout': must be greater than 1s");
  out.max_connections = parse_max_connections(config, foreign);
  out.max_idle = config.duration("connectionMaxIdleTime");
  out.max_result_bytes = config.size("maxResultSize");
  if ((directions & CLEAT_IN) != 0) out.queue = parse_queue(config);
  return out;
}

}  // namespace cleat::postgresql
