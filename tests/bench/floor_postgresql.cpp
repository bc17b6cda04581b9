// Floor of a statement in PostgreSQL: the bare Beast server and some connections of libpq; each request runs one
// statement by the simple protocol on the first connection that is free, and its end is the answer.
#include <libpq-fe.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

#include "args.hpp"
#include "beast_server.hpp"
#include "library_socket.hpp"

namespace cleat::bench {
namespace {

[[noreturn]] void failed(PGconn* connection) {
  std::fprintf(stderr, "postgresql: %s", PQerrorMessage(connection));
  std::exit(1);
}

PGconn* connect_to(const std::string& where) {
  PGconn* connection = PQconnectdb(where.c_str());
  if (PQstatus(connection) != CONNECTION_OK) failed(connection);
  PQsetnonblocking(connection, 1);
  return connection;
}

class Pool {
 public:
  explicit Pool(const Args& args);
  void run() { io_.run(); }

 private:
  struct Lane {
    Lane(boost::asio::io_context& io, const std::string& where)
        : connection(connect_to(where)), socket(io, PQsocket(connection)) {}
    PGconn* connection;
    LibrarySocket socket;
    SessionPtr session{};
  };

  void begin(SessionPtr session);
  void send(Lane& lane, SessionPtr session);
  void read(Lane& lane);

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::string sql_;
  std::deque<Lane> lanes_{};
  std::vector<Lane*> free_{};
  std::deque<SessionPtr> waiting_{};
};

Pool::Pool(const Args& args) : sql_(args.text("sql")) {
  for (int at = 0; at < args.whole("lanes", 1); ++at) {
    Lane& lane = lanes_.emplace_back(io_, args.text("server"));
    lane.socket.read_always([this, &lane] { read(lane); });
    free_.push_back(&lane);
  }
  serve(io_, [this](SessionPtr session) { begin(std::move(session)); });
}

void Pool::begin(SessionPtr session) {
  if (free_.empty()) {
    waiting_.push_back(std::move(session));
    return;
  }
  Lane& lane = *free_.back();
  free_.pop_back();
  send(lane, std::move(session));
}

void Pool::send(Lane& lane, SessionPtr session) {
  lane.session = std::move(session);
  // It always has room: a statement is short, and the only one that is out.
  if (PQsendQuery(lane.connection, sql_.c_str()) != 1 || PQflush(lane.connection) != 0)
    failed(lane.connection);
}

void Pool::read(Lane& lane) {
  if (PQconsumeInput(lane.connection) != 1) failed(lane.connection);
  while (lane.session && PQisBusy(lane.connection) == 0) {
    PGresult* result = PQgetResult(lane.connection);
    if (result == nullptr) {
      const SessionPtr session = std::move(lane.session);
      if (waiting_.empty()) {
        free_.push_back(&lane);
      } else {
        send(lane, std::move(waiting_.front()));
        waiting_.pop_front();
      }
      session->answer();
    } else if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
      failed(lane.connection);
    }
    PQclear(result);
  }
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Pool(cleat::bench::Args(argc, argv)).run();
}
