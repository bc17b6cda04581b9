#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

namespace cleat::bench {

/// Waits on an io_context for the socket of a client library. The socket stays the library's.
class LibrarySocket {
 public:
  LibrarySocket(boost::asio::io_context& io, int descriptor) : descriptor_(io, descriptor) {}
  LibrarySocket(const LibrarySocket&) = delete;
  LibrarySocket& operator=(const LibrarySocket&) = delete;
  ~LibrarySocket() { release(); }
  /// The library is about to close it: nothing runs from here on. Destroy it later if this may be below one of its calls.
  void release() { descriptor_.release(); }

  /// `ready` runs each time there is something to read.
  void read_always(std::function<void()> ready) {
    readable_ = std::move(ready);
    wait_to_read();
  }
  /// `ready` runs once, when there is room to write.
  void write_once(std::function<void()> ready) {
    descriptor_.async_wait(Descriptor::wait_write,
                           [ready = std::move(ready)](boost::system::error_code failure) {
                             if (!failure) ready();
                           });
  }

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

  void wait_to_read() {
    descriptor_.async_wait(Descriptor::wait_read, [this](boost::system::error_code failure) {
      if (failure) return;
      readable_();
      wait_to_read();
    });
  }

  Descriptor descriptor_;
  std::function<void()> readable_{};
};

/// Runs a task once after all that is ready now, however often it is asked for: what is sent meanwhile goes out
/// in one piece.
class Later {
 public:
  Later(boost::asio::io_context& io, std::function<void()> task) : io_(io), task_(std::move(task)) {}

  void ask() {
    if (std::exchange(is_asked_, true)) return;
    boost::asio::post(io_, [this] {
      is_asked_ = false;
      task_();
    });
  }

 private:
  boost::asio::io_context& io_;
  std::function<void()> task_;
  bool is_asked_ = false;
};

}  // namespace cleat::bench
