#include "redis_client.hpp"

#include <cstdio>
#include <cstdlib>

namespace cleat::bench {
namespace {

redisAsyncContext* connect_to(int port) {
  redisAsyncContext* context = redisAsyncConnect("127.0.0.1", port);
  if (context == nullptr || context->err != 0)
    redis_failed("connect", context != nullptr ? context->errstr : "no memory");
  return context;
}

}  // namespace

void redis_failed(const char* what, const char* why) {
  std::fprintf(stderr, "redis: %s: %s\n", what, why);
  std::exit(1);
}

void check_only(redisAsyncContext* context, void* reply, void* /*data*/) {
  checked_reply(context, reply);
}

const redisReply& checked_reply(const redisAsyncContext* context, const void* reply) {
  if (reply == nullptr) redis_failed("connection", context->errstr);
  const auto& found = *static_cast<const redisReply*>(reply);
  if (found.type == REDIS_REPLY_ERROR) redis_failed("command", found.str);
  return found;
}

std::string begin_command(std::initializer_list<std::string_view> words, std::size_t more) {
  std::string command = "*" + std::to_string(words.size() + more) + "\r\n";
  for (const std::string_view word : words)
    append_word(command, word);
  return command;
}

void append_word(std::string& command, std::string_view word) {
  command.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
}

RedisClient::RedisClient(boost::asio::io_context& io, int port, const std::string& password)
    : context_(connect_to(port)),
      socket_(io, context_->c.fd),
      flush_(io, [this] { redisAsyncHandleWrite(context_); }) {
  context_->ev.data = this;
  // What is sent while others are handled goes out in one piece. It always has room: what is out is bounded.
  context_->ev.addWrite = [](void* self) { static_cast<RedisClient*>(self)->flush_.ask(); };
  socket_.read_always([this] { redisAsyncHandleRead(context_); });
  send(begin_command({"AUTH", password}), check_only, nullptr);
}

void RedisClient::send(const std::string& command, redisCallbackFn* done, void* data) {
  if (redisAsyncFormattedCommand(context_, done, data, command.data(), command.size()) != REDIS_OK)
    redis_failed("send", context_->errstr);
}

}  // namespace cleat::bench
