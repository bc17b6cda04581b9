#include "pg_config.hpp"

#include <algorithm>
#include <array>
#include <thread>

#include "common/text.hpp"

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
std::string clean_url(std::string_view url) {
  const std::size_t query = url.find('?');
  if (query == std::string_view::npos) return std::string(url);
  std::string out(url.substr(0, query));
  char before = '?';
  for (const std::string_view part : common::split_list(url.substr(query + 1), '&')) {
    if (is_foreign(part.substr(0, part.find('=')))) continue;
    out.append(1, before).append(part);
    before = '&';
  }
  return out;
}

/// "host=x password='it''s' pool_max_conns=5"
std::string clean_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    std::size_t end = 0;
    bool quoted = false;
    while (end < text.size() && (quoted || text[end] != ' ')) {
      if (text[end] == '\'') quoted = !quoted;
      end += text[end] == '\\' ? 2 : 1;
    }
    end = std::min(end, text.size());
    const std::string_view word = text.substr(0, end);
    if (!is_foreign(word.substr(0, word.find('=')))) out.append(out.empty() ? "" : " ").append(word);
    text.remove_prefix(end);
  }
  return out;
}

void parse_login(const Config& config, PgConfig& out) {
  const std::string connection_string = config.text("connectionString");
  if (!connection_string.empty())
    out.parameters.emplace_back("dbname", without_foreign_parameters(connection_string));
  constexpr std::array<std::pair<const char*, const char*>, 7> kFields{{{"host", "host"},
                                                                        {"hostaddr", "hostaddr"},
                                                                        {"port", "port"},
                                                                        {"database", "dbname"},
                                                                        {"user", "user"},
                                                                        {"password", "password"},
                                                                        {"sslRootCert", "sslrootcert"}}};
  for (const auto& [field, keyword] : kFields) {
    const std::string value = config.text(field);
    if (!value.empty()) out.parameters.emplace_back(keyword, value);
  }
  if (out.parameters.empty()) {
    refuse(
        "failed to build connection string: expected connectionString, or host, user and database, found "
        "neither");
  }
}

QueueTable parse_queue(const Config& config) {
  QueueTable queue;
  queue.table = config.text("queueTable");
  if (queue.table.empty())
    refuse("queueTable: expected the name of a table to read, found nothing; or set direction to output");
  queue.id = quoted_name(config.text("idColumn", "id"));
  queue.payload = quoted_name(config.text("payloadColumn", "payload"));
  const std::string lane = config.text("laneColumn"), metadata = config.text("metadataColumn");
  if (!lane.empty()) queue.lane = quoted_name(lane);
  if (!metadata.empty()) queue.metadata = quoted_name(metadata);
  queue.table = quoted_name(queue.table);
  queue.channel = config.text("notifyChannel");
  queue.keeps_done = config.text("onDone") == "mark";
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

std::string without_foreign_parameters(const std::string& text) {
  return text.find("://") != std::string::npos ? clean_url(text) : clean_words(text);
}

std::string quoted_name(std::string_view name) {
  std::string out;
  for (const std::string_view part : common::split_list(name, '.')) {
    if (part.find('\0') != std::string_view::npos)
      refuse("a name of a table or column: expected text without a zero byte");
    out.append(out.empty() ? "\"" : ".\"");
    for (const char c : part)
      out.append(c == '"' ? 2 : 1, c);
    out.push_back('"');
  }
  return out;
}

PgConfig parse_config(const Config& config, std::uint32_t directions) {
  PgConfig out;
  for (const std::string_view field : {"useAzureAD", "useAWSIAM"}) {
    if (config.boolean(field))
      refuse(std::string(field) + ": is not served yet; log in with user and password", CLEAT_UNSUPPORTED);
  }
  parse_login(config, out);
  out.connect_within = config.duration("timeout", out.connect_within);
  if (out.connect_within < std::chrono::seconds(1))
    refuse("invalid value for 'timeout': must be greater than 1s");
  const auto most = config.integer("maxConns");
  out.max_connections = most > 1 ? static_cast<std::size_t>(std::min<std::int64_t>(most, 1000))
                                 : std::max<std::size_t>(4, std::thread::hardware_concurrency());
  out.max_idle = config.duration("connectionMaxIdleTime");
  out.max_result_bytes = config.size("maxResultSize");
  if ((directions & CLEAT_IN) != 0) out.queue = parse_queue(config);
  return out;
}

}  // namespace cleat::postgresql
