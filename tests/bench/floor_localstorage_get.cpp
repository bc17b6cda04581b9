// Floor of a file read: the bare Beast server, which opens one file for each request, reads it, closes it, and
// answers with its bytes.
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "args.hpp"
#include "beast_server.hpp"

int main(int argc, char** argv) {
  const std::string file = cleat::bench::Args(argc, argv).text("file");
  boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  cleat::bench::serve(io, [&file](const cleat::bench::SessionPtr& session) {
    std::array<char, 16 * 1024> bytes;
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t size = descriptor >= 0 ? read(descriptor, bytes.data(), bytes.size()) : -1;
    close(descriptor);
    if (size < 0) {
      session->answer(true);
    } else {
      session->answer_with({bytes.data(), static_cast<std::size_t>(size)});
    }
  });
  io.run();
}
