// Floor of a Redis event in: a consumer of a group on one connection of hiredis, the bare Beast client, and XACK
// on a second connection for all that was answered meanwhile. The next read begins when half of the connections
// to the application have nothing to do.
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "args.hpp"
#include "posts.hpp"
#include "redis_client.hpp"

namespace cleat::bench {
namespace {

class Reader {
 public:
  explicit Reader(const Args& args);
  void run() { io_.run(); }

 private:
  void read();
  void take(const redisReply& reply);
  void answered(std::uint64_t tag);
  void acknowledge();

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::string stream_, group_;
  std::size_t window_;
  RedisClient reader_, commands_;
  Posts posts_;
  Later acknowledge_{io_, [this] { acknowledge(); }};
  std::string read_{};
  std::unordered_map<std::uint64_t, std::string> out_{};  ///< ids of entries
  std::vector<std::string> done_{};
  std::uint64_t last_ = 0;
  bool is_reading_ = false;
};

Reader::Reader(const Args& args)
    : stream_(args.text("stream")),
      group_(args.text("group")),
      window_(static_cast<std::size_t>(args.whole("connections", 1))),
      reader_(io_, args.whole("server", 0), args.text("password")),
      commands_(io_, args.whole("server", 0), args.text("password")),
      posts_(io_, static_cast<std::uint16_t>(args.whole("port", 0)), window_,
             [this](std::uint64_t tag) { answered(tag); }) {
  const std::string count = std::to_string(window_);
  read_ = begin_command(
      {"XREADGROUP", "GROUP", group_, "one", "COUNT", count, "BLOCK", "1000", "STREAMS", stream_, ">"});
  reader_.send(begin_command({"XGROUP", "CREATE", stream_, group_, "0"}), check_only, nullptr);
  read();
}

void Reader::read() {
  is_reading_ = true;
  reader_.send(
      read_,
      [](redisAsyncContext* context, void* reply, void* self) {
        static_cast<Reader*>(self)->take(checked_reply(context, reply));
      },
      this);
}

/// [[stream, [[id, [field, value]], ...]]], or nothing.
void Reader::take(const redisReply& reply) {
  is_reading_ = false;
  if (reply.type == REDIS_REPLY_ARRAY) {
    const redisReply& entries = *reply.element[0]->element[1];
    for (std::size_t at = 0; at < entries.elements; ++at) {
      const redisReply& id = *entries.element[at]->element[0];
      const redisReply& value = *entries.element[at]->element[1]->element[1];
      out_.emplace(++last_, std::string(id.str, id.len));
      posts_.add(last_, std::string(value.str, value.len));
    }
  }
  if (posts_.free() >= window_ / 2) read();
}

void Reader::answered(std::uint64_t tag) {
  done_.push_back(std::move(out_.extract(tag).mapped()));
  acknowledge_.ask();
  if (!is_reading_ && posts_.free() >= window_ / 2) read();
}

void Reader::acknowledge() {
  std::string command = begin_command({"XACK", stream_, group_}, done_.size());
  for (const std::string& id : done_)
    append_word(command, id);
  done_.clear();
  commands_.send(command, check_only, nullptr);
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Reader reader{cleat::bench::Args(argc, argv)};
  std::printf("ready\n");
  std::fflush(stdout);
  reader.run();
}
