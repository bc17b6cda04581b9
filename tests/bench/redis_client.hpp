#pragma once

#include <hiredis/async.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "library_socket.hpp"

namespace cleat::bench {

/// A connection of hiredis on an io_context, logged in. Any failure of it ends the program.
class RedisClient {
 public:
  RedisClient(boost::asio::io_context& io, int port, const std::string& password);

  /// `done` gets the reply, a redisReply that it must not keep.
  void send(const std::string& command, redisCallbackFn* done, void* data);

 private:
  redisAsyncContext* context_;
  LibrarySocket socket_;
  Later flush_;
};

[[noreturn]] void redis_failed(const char* what, const char* why);
/// `reply` of a callback; an error ends the program.
const redisReply& checked_reply(const redisAsyncContext* context, const void* reply);
/// A callback for a reply that says nothing but that all is well.
void check_only(redisAsyncContext* context, void* reply, void* data);
/// The beginning of a command: these words, and `more` that are appended with append_word().
std::string begin_command(std::initializer_list<std::string_view> words, std::size_t more = 0);
void append_word(std::string& command, std::string_view word);

}  // namespace cleat::bench
