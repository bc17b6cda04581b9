// Floor of an invoke: a bare Beast server that reads the request with its body and answers 204.
#include "beast_server.hpp"

int main() {
  boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);  // one thread: no locks
  cleat::bench::serve(io, [](const auto& session) { session->answer(); });
  io.run();
}
