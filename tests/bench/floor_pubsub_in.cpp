// Floor of a Pub/Sub event in: libcurl, one request for as many messages as there are connections free, the bare Beast client,
// and one acknowledgement for what was answered together.
#include <openssl/evp.h>

#include <cstdio>
#include <string>
#include <unordered_map>
#include <utility>

#include "args.hpp"
#include "curl_posts.hpp"
#include "posts.hpp"

namespace cleat::bench {
namespace {

class Reader {
 public:
  explicit Reader(const Args& args)
      : most_(static_cast<std::size_t>(args.whole("connections", 1))),
        url_("http://127.0.0.1:" + args.text("server") + "/v1/" + args.text("subscription")),
        curl_(io_),
        posts_(io_, static_cast<std::uint16_t>(args.whole("port", 0)), most_,
               [this](std::uint64_t tag) { answered(tag); }) {
    pull();
  }
  void run() { io_.run(); }

 private:
  void send(const std::string& method, std::string body, CurlPosts::Done done) {
    curl_slist* const headers =
        curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/json"), "Expect:");
    curl_.send(url_ + method, headers, std::move(body), std::move(done));
  }
  void pull() {
    if (is_pulling_ || ids_.size() >= most_) return;
    is_pulling_ = true;
    send(":pull", "{\"maxMessages\":" + std::to_string(most_ - ids_.size()) + "}",
         [this](const std::string& answer) { pulled(answer); });
  }
  void pulled(const std::string& answer) {
    is_pulling_ = false;
    // The data of each message stands behind its id.
    for (std::size_t at = 0;;) {
      std::string id = next_string(answer, "ackId", at);
      if (id.empty()) break;
      std::string data = next_string(answer, "data", at);
      const std::size_t padding = data.size() - 1 - data.find_last_not_of('=');
      const int size =
          EVP_DecodeBlock(reinterpret_cast<unsigned char*>(data.data()),
                          reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
      data.resize(static_cast<std::size_t>(size) - padding);
      ids_[++last_] = std::move(id);
      posts_.add(last_, std::move(data));
    }
    pull();
  }
  void answered(std::uint64_t tag) {
    const auto found = ids_.find(tag);
    done_.append(done_.empty() ? "\"" : ",\"").append(found->second).append("\"");
    ids_.erase(found);
    acknowledge_.ask();
  }
  void acknowledge() {
    if (!is_acknowledging_ && !done_.empty()) {
      is_acknowledging_ = true;
      send(":acknowledge", "{\"ackIds\":[" + std::exchange(done_, {}) + "]}", [this](const std::string&) {
        is_acknowledging_ = false;
        acknowledge_.ask();
      });
    }
    pull();
  }

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  const std::size_t most_;
  const std::string url_;
  CurlPosts curl_;
  Posts posts_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::string> ids_{};
  std::string done_{};
  bool is_pulling_ = false, is_acknowledging_ = false;
  Later acknowledge_{io_, [this] { acknowledge(); }};
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Reader reader{cleat::bench::Args(argc, argv)};
  std::printf("ready\n");
  std::fflush(stdout);
  reader.run();
}
