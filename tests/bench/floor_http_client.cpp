// Floor of an event in: a bare Beast client that POSTs 1 KB over N connections, the next as soon as the
// answer is there.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "args.hpp"
#include "beast_client.hpp"

int main(int argc, char** argv) {
  const cleat::bench::Args args(argc, argv);
  const std::string body(static_cast<std::size_t>(args.whole("size", 1024)), 'x');
  boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  std::vector<std::unique_ptr<cleat::bench::ClientConnection>> connections(
      static_cast<std::size_t>(args.whole("connections", 1)));
  for (auto& connection : connections) {
    connection = cleat::bench::connect(io, static_cast<std::uint16_t>(args.whole("port", 0)),
                                       args.text("path", "/events"), [&connection, &body](unsigned status) {
                                         if (status / 100 != 2) std::exit(1);
                                         connection->post(body);
                                       });
  }
  for (auto& connection : connections)
    connection->post(body);
  std::printf("ready\n");
  std::fflush(stdout);
  io.run();
}
