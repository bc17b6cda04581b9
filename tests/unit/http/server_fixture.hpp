#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "../api/fake_host_view.hpp"
#include "http/server.hpp"
#include "loop_thread.hpp"
#include "raw_socket.hpp"
#include "recording_log.hpp"

namespace cleat::testing {

/// A server on an ephemeral port with one output "k", which answers at once unless `port_.hold` is set.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    host_.outputs.push_back({"k", {"create", "get", "delete"}, &port_, "", false});
    options_.port = 0;
    options_.limits.message.body_bytes = 64 * 1024;
    options_.router.facts = {"app", "1.0", 0, "", -1, {}};
  }
  ~ServerTest() override {
    for (auto& thread : threads_)
      thread->stop();
    server_.reset();
  }

  void start(std::size_t threads = 1) {
    std::vector<AsioLoop*> loops;
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.push_back(std::make_unique<LoopThread>());
      loops.push_back(&threads_.back()->loop());
    }
    server_ = std::make_unique<http::Server>(options_, loops, host_, log_);
    const auto port = server_->listen();
    ASSERT_TRUE(port) << port.error().text;
    tcp_port_ = *port;
  }
  RawSocket connect() { return RawSocket::connect(tcp_port_); }
  /// One request on a connection of its own.
  RawMessage ask(std::string_view request) {
    RawSocket socket = connect();
    socket.send(request);
    return RawMessage::read(socket);
  }
  static std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  static std::string get(std::string_view path, std::string_view method = "GET") {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  /// Runs on the (first) io thread.
  template <class F>
  void on_loop(F function) {
    threads_.front()->run(function);
  }
  /// Waits until so many calls are held by the output.
  void wait_for_held(std::size_t count) {
    for (std::size_t held = 0; held < count;)
      on_loop([&] { held = port_.held.size(); });
  }

  static constexpr std::string_view kCreate = R"({"operation":"create","data":1})";

  FakeOutputPort port_;
  FakeHostView host_;
  RecordingLog log_;
  http::ServerOptions options_;
  std::vector<std::unique_ptr<LoopThread>> threads_;
  std::unique_ptr<http::Server> server_;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace cleat::testing
