#include "pg_link.hpp"

#include <libpq-fe.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "common/text.hpp"
#include "name_lookup.hpp"

namespace cleat::postgresql {
namespace {

using std::chrono::milliseconds;

// What values look like as text does not depend on the server's settings.
constexpr const char* kSetUp =
    "SET datestyle = ISO; SET intervalstyle = postgres; SET bytea_output = hex; SET extra_float_digits = 1";
// The server looks this often whether we are still there, and ends the statement if not. Not every system can.
constexpr const char* kCheck = "SET client_connection_check_interval = 500";
constexpr int kCanCheck = 140000;

std::string one_line(const char* text) {
  std::string out;
  for (const char c : common::trimmed(text != nullptr ? text : "")) {
    const bool is_blank = c == ' ' || static_cast<unsigned char>(c) < 0x20U;
    if (!is_blank || (!out.empty() && out.back() != ' ')) out.push_back(is_blank ? ' ' : c);
  }
  return out;
}

/// A time a little below `within`, of few values: one that is good for many calls is told to the server once.
milliseconds rounded_down(milliseconds within) {
  auto step = std::int64_t{1};
  while (within.count() / step >= 16)
    step *= 2;
  return milliseconds(std::clamp<std::int64_t>(within.count() / step * step, 1, 2'000'000'000));
}

/// Statements that change the session, of which the next caller knows nothing.
bool changes_session(std::string_view tag) {
  constexpr std::array<std::string_view, 8> kTags{"SET",      "RESET",   "DISCARD",    "LISTEN",
                                                  "UNLISTEN", "PREPARE", "DEALLOCATE", "DECLARE"};
  return std::find(kTags.begin(), kTags.end(), tag.substr(0, tag.find(' '))) != kTags.end();
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

std::shared_ptr<PgLink> PgLink::connect(common::EventLoop& loop, common::Resolver& resolver,
                                        const Parameters& parameters, std::size_t failed,
                                        std::chrono::nanoseconds within, Watcher watcher) {
  std::shared_ptr<PgLink> link(new PgLink(loop, std::move(watcher)));
  link->connect_timer_ = loop.after(within, [link] {
    link->connect_timer_ = 0;
    link->give_up("no connection within the time for it (timeout)");
  });
  look_up_servers(loop, resolver, parameters, failed,
                  [link](const Parameters& found, const std::string& error) {
                    if (link->is_over_) return;
                    if (error.empty()) {
                      link->begin(found);
                    } else {
                      link->give_up(error);
                    }
                  });
  return link;
}

PgLink::~PgLink() {
  close();
}

void PgLink::begin(const Parameters& parameters) {
  std::vector<const char*> names, values;
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  add("tcp_user_timeout", "15000");
  add("keepalives_idle", "15");
  add("fallback_application_name", "cleat");
  for (const auto& [name, value] : parameters)
    add(name.c_str(), value.c_str());
  add("client_encoding", "UTF8");
  add(nullptr, nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
    give_up(reason());
    return;
  }
  // It would print them.
  PQsetNoticeReceiver(
      connection_, [](void*, const PGresult*) {}, nullptr);
  // As if PQconnectPoll() had asked to write.
  watch(EPOLLOUT);
}

void PgLink::go_on_connecting() {
  const PostgresPollingStatusType next = PQconnectPoll(connection_);
  if (next == PGRES_POLLING_FAILED) {
    give_up(reason());
  } else if (next == PGRES_POLLING_OK) {
    PQsetnonblocking(connection_, 1);
    enter(Phase::setting_up);
  } else {
    watch(next == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT);
  }
}

void PgLink::become_up() {
  if (connect_timer_ != 0) loop_.cancel(std::exchange(connect_timer_, 0));
  phase_ = Phase::idle;
  is_up_ = true;
  watcher_.up();
}

/// The descriptor changes while a connection is made: each address has its own, and TLS may begin anew.
void PgLink::watch(std::uint32_t events) {
  const int now = PQsocket(connection_);
  if (descriptor_ >= 0 && (now != descriptor_ || (!is_up_ && phase_ == Phase::idle))) {
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

void PgLink::run(Statement statement, milliseconds within, OnRow row, Done done) {
  statement_ = std::move(statement);
  row_ = std::move(row);
  done_ = std::move(done);
  finished_ = {};
  wanted_limit_ = rounded_down(within);
  const bool is_good = limit_.count() > 0 && limit_ <= within && limit_ * 4 >= within * 3;
  enter(!is_good ? Phase::limiting : statement_.fit ? Phase::preparing : Phase::running);
}

void PgLink::enter(Phase phase) {
  phase_ = phase;
  finished_.was_sent = phase == Phase::running && PQstatus(connection_) == CONNECTION_OK;
  if (send()) {
    watch(PQflush(connection_) == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return;
  }
  // Nothing will come that could be taken for an answer to it.
  is_broken_ = finished_.is_lost = true;
  loop_.before_sleep([self = shared_from_this()] { self->give_up(self->reason()); });
}

bool PgLink::send() {
  const char* const sql = statement_.sql.c_str();
  switch (phase_) {
    case Phase::idle:
      return true;
    case Phase::setting_up:
      return PQsendQuery(connection_, kSetUp) == 1;
    case Phase::checking:
      return PQsendQuery(connection_, kCheck) == 1;
    case Phase::limiting:
      return PQsendQuery(connection_,
                         ("SET statement_timeout = " + std::to_string(wanted_limit_.count())).c_str()) == 1;
    case Phase::preparing:
      return PQsendPrepare(connection_, "", sql, 0, nullptr) == 1;
    case Phase::describing:
      return PQsendDescribePrepared(connection_, "") == 1;
    case Phase::running:
      break;
  }
  std::vector<const char*> values;
  for (const auto& each : statement_.parameters)
    values.push_back(each ? each->c_str() : nullptr);
  const int count = static_cast<int>(values.size()), format = statement_.wants_binary ? 1 : 0;
  const int sent =
      statement_.is_script ? PQsendQuery(connection_, sql)
      : statement_.fit
          ? PQsendQueryPrepared(connection_, "", count, values.data(), nullptr, nullptr, format)
          : PQsendQueryParams(connection_, sql, count, nullptr, values.data(), nullptr, nullptr, format);
  return sent == 1 && PQsetSingleRowMode(connection_) == 1;
}

void PgLink::handle(std::uint32_t events) {
  const std::shared_ptr<PgLink> self = shared_from_this();
  if (!is_up_ && phase_ == Phase::idle) {
    go_on_connecting();
    return;
  }
  if ((events & EPOLLOUT) != 0 && PQflush(connection_) != 1) watch(EPOLLIN);
  is_broken_ = is_broken_ || PQconsumeInput(connection_) != 1;
  bool is_notified = false;
  while (PGnotify* notify = PQnotifies(connection_)) {
    is_notified = true;
    PQfreemem(notify);
  }
  if (phase_ != Phase::idle) take_results();
  if (is_broken_ && connection_ != nullptr) {
    give_up(reason());
  } else if (is_notified && connection_ != nullptr) {
    watcher_.notified();
  }
}

/// Of a broken connection all that had come in, and then what libpq says of the end.
void PgLink::take_results() {
  while (connection_ != nullptr && phase_ != Phase::idle && (is_broken_ || PQisBusy(connection_) == 0)) {
    if (PGresult* result = PQgetResult(connection_)) {
      take(result);
      PQclear(result);
    } else {
      end_phase();
    }
  }
}

void PgLink::take(pg_result* result) {
  switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
      if (row_ && phase_ == Phase::running) row_(Row(result));
      break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      if (phase_ == Phase::running) {
        finished_.affected = PQcmdTuples(result);
        note_tag(PQcmdStatus(result));
      } else if (phase_ == Phase::describing) {
        types_.clear();
        for (int i = 0; i < PQnparams(result); ++i)
          types_.push_back(PQparamtype(result, i));
      }
      break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      finished_.state = "0A000";
      finished_.error = "ERROR: COPY with the client is not served by this binding";
      // The connection waits for data, or is about to send a table.
      finished_.is_session_changed = true;
      finish();
      break;
    default: {
      const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
      const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      if (state == nullptr) {
        finished_.is_lost = finished_.state.empty();
        break;
      }
      finished_.state = state;
      finished_.error = std::string(severity != nullptr ? severity : "ERROR") + ": " + one_line(message);
    }
  }
}

void PgLink::note_tag(std::string_view tag) {
  finished_.has_committed = finished_.has_committed || tag == "COMMIT";
  finished_.is_session_changed = finished_.is_session_changed || changes_session(tag);
}

void PgLink::end_phase() {
  const bool is_good = finished_.state.empty() && !finished_.is_lost;
  switch (phase_) {
    case Phase::setting_up:
      if (is_good && PQserverVersion(connection_) >= kCanCheck) {
        enter(Phase::checking);
      } else if (is_good) {
        become_up();
      } else {
        give_up(finished_.is_lost ? reason() : finished_.error);
      }
      break;
    case Phase::checking:
      finished_.is_lost ? give_up(reason()) : become_up();
      break;
    case Phase::limiting:
      if (!is_good) return finish();
      limit_ = wanted_limit_;
      enter(statement_.fit ? Phase::preparing : Phase::running);
      break;
    case Phase::preparing:
      is_good ? enter(Phase::describing) : finish();
      break;
    case Phase::describing:
      if (!is_good) return finish();
      statement_.fit(statement_.parameters, types_);
      enter(Phase::running);
      break;
    case Phase::idle:
    case Phase::running:
      finish();
  }
}

void PgLink::finish() {
  const PGTransactionStatusType status = PQtransactionStatus(connection_);
  finished_.is_left_open = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
  phase_ = Phase::idle;
  row_ = nullptr;
  const Finished finished = finished_;
  std::exchange(done_, nullptr)(finished);
}

std::string PgLink::reason() const {
  const std::string text = one_line(connection_ != nullptr ? PQerrorMessage(connection_) : "no memory");
  return text.empty() ? "the connection broke" : text;
}

void PgLink::give_up(const std::string& why) {
  if (is_over_) return;
  const std::shared_ptr<PgLink> self = shared_from_this();
  close();
  watcher_.down(why);
}

void PgLink::close() {
  is_over_ = true;
  is_up_ = false;
  phase_ = Phase::idle;
  if (connect_timer_ != 0) loop_.cancel(std::exchange(connect_timer_, 0));
  if (descriptor_ >= 0 && watched_ != 0) loop_.remove(descriptor_);
  descriptor_ = -1;
  watched_ = 0;
  if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
  row_ = nullptr;
  if (done_) {
    Finished lost = finished_;
    lost.is_lost = lost.state.empty();
    std::exchange(done_, nullptr)(lost);
  }
}

Parameters parse_connection_string(const std::string& text) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(text.c_str(), &complaint), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> held(complaint, &PQfreemem);
  if (!options) {
    // What it quotes may be a part of a password.
    std::string said = one_line(complaint);
    const std::size_t open = said.find('"'), close = said.rfind('"');
    if (open < close && close != std::string::npos) said.replace(open, close - open + 1, "(not shown)");
    throw std::invalid_argument(said);
  }
  Parameters out;
  for (const PQconninfoOption* each = options.get(); each->keyword != nullptr; ++each) {
    if (each->val != nullptr) out.set(each->keyword, each->val);
  }
  return out;
}

}  // namespace cleat::postgresql
