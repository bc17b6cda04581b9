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
  std::string sql;
  std::vector<std::optional<std::string>> parameters;  ///< as text; the server finds their types
};

/// How a statement ended.
struct Finished {
  bool is_lost = false;      ///< with the connection
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

  static std::shared_ptr<PgLink> connect(common::EventLoop& loop,
                                         const std::vector<std::pair<std::string, std::string>>& parameters,
                                         std::chrono::nanoseconds within, Watcher watcher);
  PgLink(const PgLink&) = delete;
  PgLink& operator=(const PgLink&) = delete;
  ~PgLink();

  /// Only while idle. The server gives the statement up after `limit`, which is a bound and not the deadline itself.
  void run(Statement statement, std::chrono::milliseconds limit, OnRow row, Done done);
  /// Ends it without a word; a statement that runs is told that it is lost.
  void close();

  [[nodiscard]] bool is_idle() const { return is_up_ && !is_running_; }

 private:
  PgLink(common::EventLoop& loop, Watcher watcher) : loop_(loop), watcher_(std::move(watcher)) {}
  void begin(const std::vector<std::pair<std::string, std::string>>& parameters,
             std::chrono::nanoseconds within);
  void go_on_connecting();
  void send();
  void handle(std::uint32_t events);
  void take_results();
  void take(pg_result* result);
  void watch(std::uint32_t events);
  void fail(const std::string& why);
  [[nodiscard]] std::string reason() const;

  common::EventLoop& loop_;
  Watcher watcher_;
  pg_conn* connection_ = nullptr;
  int descriptor_ = -1;
  std::uint32_t watched_ = 0;
  bool is_up_ = false, is_running_ = false, is_setting_limit_ = false;
  std::chrono::milliseconds limit_{0}, wanted_limit_{0};
  Statement statement_;
  OnRow row_;
  Done done_;
  Finished finished_;
  common::EventLoop::TimerId connect_timer_ = 0;
};

}  // namespace cleat::postgresql
