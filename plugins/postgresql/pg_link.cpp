#include "pg_link.hpp"

#include <libpq-fe.h>
#include <sys/epoll.h>

#include <algorithm>

#include "common/text.hpp"

namespace cleat::postgresql {
namespace {

std::string one_line(const char* text) {
  std::string out(common::trimmed(text != nullptr ? text : ""));
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

}  // namespace

int Row::size() const {
  return PQnfields(raw_);
}

bool Row::is_null(int column) const {
  return PQgetisnull(raw_, 0, column) != 0;
}

std::string_view Row::text(int column) const {
  return {PQgetvalue(raw_, 0, column), static_cast<std::size_t>(PQgetlength(raw_, 0, column))};
}

std::uint32_t Row::type(int column) const {
  return PQftype(raw_, column);
}

std::shared_ptr<PgLink> PgLink::connect(common::EventLoop& loop,
                                        const std::vector<std::pair<std::string, std::string>>& parameters,
                                        std::chrono::nanoseconds within, Watcher watcher) {
  std::shared_ptr<PgLink> link(new PgLink(loop, std::move(watcher)));
  link->begin(parameters, within);
  return link;
}

PgLink::~PgLink() {
  close();
}

void PgLink::begin(const std::vector<std::pair<std::string, std::string>>& parameters,
                   std::chrono::nanoseconds within) {
  std::vector<const char*> names, values;
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  for (const auto& [name, value] : parameters)
    add(name.c_str(), value.c_str());
  add("fallback_application_name", "cleat");
  add("tcp_user_timeout", "15000");
  add("keepalives_idle", "15");
  // What values look like as text does not depend on the server's settings.
  add("options", "-c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1");
  add(nullptr, nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), 1);
  if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
    loop_.before_sleep([self = shared_from_this()] { self->fail(self->reason()); });
    return;
  }
  connect_timer_ = loop_.after(within, [self = shared_from_this()] {
    self->connect_timer_ = 0;
    self->fail("no connection within the time for it (timeout)");
  });
  // Otherwise libpq writes what a server remarks to the standard error of the whole host.
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  // As if PQconnectPoll() had asked to write.
  watch(EPOLLOUT);
}

void PgLink::go_on_connecting() {
  const PostgresPollingStatusType next = PQconnectPoll(connection_);
  if (next == PGRES_POLLING_FAILED) {
    fail(reason());
  } else if (next == PGRES_POLLING_OK) {
    if (connect_timer_ != 0) loop_.cancel(std::exchange(connect_timer_, 0));
    PQsetnonblocking(connection_, 1);
    is_up_ = true;
    watch(EPOLLIN);
    watcher_.up();
  } else {
    watch(next == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT);
  }
}

/// The descriptor changes while a connection is made: each address has its own, and TLS may begin anew.
void PgLink::watch(std::uint32_t events) {
  const int now = PQsocket(connection_);
  if (descriptor_ >= 0 && (now != descriptor_ || !is_up_)) {
    loop_.remove(descriptor_);
    watched_ = 0;
  }
  descriptor_ = now;
  if (descriptor_ < 0 || events == watched_) return;
  if (watched_ == 0) {
    loop_.add(descriptor_, events, [this](std::uint32_t happened) { handle(happened); });
  } else {
    loop_.change(descriptor_, events);
  }
  watched_ = events;
}

void PgLink::run(Statement statement, std::chrono::milliseconds limit, OnRow row, Done done) {
  statement_ = std::move(statement);
  row_ = std::move(row);
  done_ = std::move(done);
  finished_ = {};
  is_running_ = true;
  // The next power of two: a setting that is good for many calls is sent once.
  wanted_limit_ = std::chrono::milliseconds(1024);
  while (wanted_limit_ < limit)
    wanted_limit_ *= 2;
  send();
}

void PgLink::send() {
  bool is_sent = false;
  is_setting_limit_ = wanted_limit_ != limit_;
  if (is_setting_limit_) {
    const std::string sql = "SET statement_timeout = " + std::to_string(wanted_limit_.count());
    is_sent = PQsendQuery(connection_, sql.c_str()) == 1;
  } else {
    std::vector<const char*> values;
    for (const auto& each : statement_.parameters)
      values.push_back(each ? each->c_str() : nullptr);
    is_sent = PQsendQueryParams(connection_, statement_.sql.c_str(), static_cast<int>(values.size()), nullptr,
                                values.data(), nullptr, nullptr, 0) == 1 &&
              PQsetSingleRowMode(connection_) == 1;
  }
  if (!is_sent) {
    loop_.before_sleep([self = shared_from_this()] { self->fail(self->reason()); });
    return;
  }
  watch(PQflush(connection_) == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void PgLink::handle(std::uint32_t events) {
  const std::shared_ptr<PgLink> self = shared_from_this();
  if (!is_up_) {
    go_on_connecting();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    const int left = PQflush(connection_);
    if (left == 0) watch(EPOLLIN);
  }
  if (PQconsumeInput(connection_) != 1) {
    fail(reason());
    return;
  }
  bool is_notified = false;
  while (PGnotify* notify = PQnotifies(connection_)) {
    is_notified = true;
    PQfreemem(notify);
  }
  if (is_running_) take_results();
  if (is_notified && connection_ != nullptr) watcher_.notified();
}

void PgLink::take_results() {
  while (connection_ != nullptr && is_running_ && PQisBusy(connection_) == 0) {
    if (PGresult* result = PQgetResult(connection_)) {
      take(result);
      PQclear(result);
      continue;
    }
    if (is_setting_limit_ && finished_.error.empty()) {
      limit_ = wanted_limit_;
      send();
      continue;
    }
    is_running_ = false;
    const Done done = std::exchange(done_, nullptr);
    const Finished finished = finished_;
    row_ = nullptr;
    done(finished);
  }
}

void PgLink::take(pg_result* result) {
  switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
      if (row_) row_(Row(result));
      break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      if (!is_setting_limit_) finished_.affected = PQcmdTuples(result);
      break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      finished_.state = "0A000";
      finished_.error = "COPY is not served by this binding";
      loop_.before_sleep(
          [self = shared_from_this()] { self->fail("the connection was given up after COPY"); });
      break;
    default: {
      const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
      const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      finished_.state = state != nullptr ? state : "";
      finished_.error = message != nullptr
                            ? std::string(severity != nullptr ? severity : "ERROR") + ": " + one_line(message)
                            : one_line(PQresultErrorMessage(result));
      if (finished_.error.empty()) finished_.error = "an error without words";
    }
  }
}

std::string PgLink::reason() const {
  const std::string text = one_line(connection_ != nullptr ? PQerrorMessage(connection_) : "no memory");
  return text.empty() ? "the connection broke" : text;
}

void PgLink::fail(const std::string& why) {
  if (connection_ == nullptr) return;
  const std::shared_ptr<PgLink> self = shared_from_this();
  close();
  watcher_.down(why);
}

void PgLink::close() {
  if (connect_timer_ != 0) loop_.cancel(std::exchange(connect_timer_, 0));
  if (descriptor_ >= 0 && watched_ != 0) loop_.remove(descriptor_);
  descriptor_ = -1;
  watched_ = 0;
  is_up_ = false;
  if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
  is_running_ = false;
  row_ = nullptr;
  if (done_) {
    Finished lost = finished_;
    lost.is_lost = true;
    std::exchange(done_, nullptr)(lost);
  }
}

}  // namespace cleat::postgresql
