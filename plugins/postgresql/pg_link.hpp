#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "parameters.hpp"

struct pg_conn;
struct pg_result;

namespace cleat::postgresql {

/// A row, looked at while its callback runs.
class Row {
 public:
  explicit Row(const pg_result* raw) : raw_(raw) {}
  [[nodiscard]] int size() const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::uint32_t type(int column) const;

 private:
  const pg_result* raw_;
};

struct Statement {
  using Values = std::vector<std::optional<std::string>>;

  std::string sql;
  Values parameters;          ///< as text; the server finds their types
  bool wants_binary = false;  ///< what comes is in the types' own binary form
  bool is_script = false;     ///< may be several statements in one; has no parameters
  /// Makes the parameters fit the types that the server found for them. Costs two more exchanges with it.
  std::function<void(Values& parameters, const std::vector<std::uint32_t>& types)> fit;
};

/// How a statement ended.
struct Finished {
  bool is_lost = false;        ///< with the connection, without a word of the server about the statement
  bool was_sent = false;       ///< the server may have it
  bool is_left_open = false;   ///< it began a transaction that it did not end
  bool has_committed = false;  ///< a part of it, by a COMMIT of its own
  bool is_session_changed =
      false;                 ///< the next statement would find settings or names that it does not expect
  std::string state, error;  ///< SQLSTATE and the server's words; empty if it went well
  std::string affected;      ///< number of rows
};

/// One connection, from its beginning to its end, with one statement at a time. On the loop's thread.
class PgLink : public std::enable_shared_from_this<PgLink> {
 public:
  using OnRow = std::function<void(const Row&)>;
  using Done = std::function<void(const Finished&)>;
  struct Watcher {
    std::function<void()> up;
    std::function<void(const std::string& why)> down;  ///< once, after an attempt that failed too
    std::function<void()> notified;
  };

  /// `failed`: how many attempts have come to nothing before; each begins with another of the servers' addresses.
  static std::shared_ptr<PgLink> connect(common::EventLoop& loop, common::Resolver& resolver,
                                         const Parameters& parameters, std::size_t failed,
                                         std::chrono::nanoseconds within, Watcher watcher);
  PgLink(const PgLink&) = delete;
  PgLink& operator=(const PgLink&) = delete;
  ~PgLink();

  /// Only while idle. The server ends the statement a little before `within` is over, by its own clock; who must have an
  /// answer by then has a timer.
  void run(Statement statement, std::chrono::milliseconds within, OnRow row, Done done);
  /// Ends it because it cannot be used any more, and tells the watcher.
  void give_up(const std::string& why);
  /// Ends it without a word; a statement that runs is told that it is lost. The server soon ends that statement.
  void close();

  [[nodiscard]] bool is_up() const { return is_up_ && !is_broken_; }
  [[nodiscard]] bool is_idle() const { return is_up() && phase_ == Phase::idle; }

 private:
  enum class Phase { idle, setting_up, checking, limiting, preparing, describing, running };

  PgLink(common::EventLoop& loop, Watcher watcher) : loop_(loop), watcher_(std::move(watcher)) {}
  void begin(const Parameters& parameters);
  void go_on_connecting();
  void become_up();
  void enter(Phase phase);
  bool send();
  void handle(std::uint32_t events);
  void take_results();
  void take(pg_result* result);
  void note_tag(std::string_view tag);
  void end_phase();
  void finish();
  void watch(std::uint32_t events);
  [[nodiscard]] std::string reason() const;

  common::EventLoop& loop_;
  Watcher watcher_;
  pg_conn* connection_ = nullptr;
  int descriptor_ = -1;
  std::uint32_t watched_ = 0;
  bool is_up_ = false, is_over_ = false;
  bool is_broken_ = false;  ///< what the server had still said is being read; then comes the end
  Phase phase_ = Phase::idle;
  std::chrono::milliseconds limit_{0}, wanted_limit_{0};
  Statement statement_;
  std::vector<std::uint32_t> types_;
  OnRow row_;
  Done done_;
  Finished finished_;
  common::EventLoop::TimerId connect_timer_ = 0;
};

/// What libpq understands of a connection string: words or an address. Throws std::invalid_argument with its complaint,
/// without any value that it found.
Parameters parse_connection_string(const std::string& text);

}  // namespace cleat::postgresql
