// Floor of a Redis set: the bare Beast server and one connection of hiredis; each body becomes the value of one
// key, and the reply to SET is the answer. With --stream each becomes an entry of that stream instead, which is
// how streams to read are filled.
#include "args.hpp"
#include "beast_server.hpp"
#include "redis_client.hpp"

namespace cleat::bench {
namespace {

void stored(redisAsyncContext* context, void* reply, void* data) {
  const std::unique_ptr<SessionPtr> session(static_cast<SessionPtr*>(data));
  checked_reply(context, reply);
  (*session)->answer();
}

void run(const Args& args) {
  boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  RedisClient redis(io, args.whole("server", 0), args.text("password"));
  const std::string stream = args.text("stream"), key = args.text("key");
  std::string command =
      stream.empty() ? begin_command({"SET", key}, 1) : begin_command({"XADD", stream, "*", "data"}, 1);
  serve(io, [&redis, &command, fixed = command.size()](SessionPtr session) {
    command.resize(fixed);
    append_word(command, session->body());
    redis.send(command, stored, std::make_unique<SessionPtr>(std::move(session)).release());
  });
  io.run();
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::run(cleat::bench::Args(argc, argv));
}
