// Floor of a Pub/Sub create: the bare Beast server and libcurl. What comes while a request is on its way goes in the next one,
// and is answered when that is.
#include <openssl/evp.h>

#include <utility>
#include <vector>

#include "args.hpp"
#include "beast_server.hpp"
#include "curl_posts.hpp"

namespace cleat::bench {
namespace {

class Sender {
 public:
  explicit Sender(const Args& args)
      : url_("http://127.0.0.1:" + args.text("server") + "/v1/" + args.text("topic") + ":publish"),
        posts_(io_) {
    serve(io_, [this](SessionPtr session) {
      waiting_.push_back(std::move(session));
      send_.ask();
    });
  }
  void run() { io_.run(); }

 private:
  void send() {
    if (is_sending_ || waiting_.empty()) return;
    is_sending_ = true;
    std::string body = "{\"messages\":[";
    for (const SessionPtr& each : waiting_) {
      body += body.back() == '[' ? "{\"data\":\"" : ",{\"data\":\"";
      const std::string_view data = each->body();
      const std::size_t at = body.size();
      body.resize(at + (data.size() + 2) / 3 * 4 + 1);
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&body[at]),
                      reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
      body.pop_back();
      body += "\"}";
    }
    curl_slist* const headers =
        curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/json"), "Expect:");
    posts_.send(url_, headers, body + "]}", [this, mine = std::exchange(waiting_, {})](const std::string&) {
      is_sending_ = false;
      for (const SessionPtr& session : mine)
        session->answer();
      send_.ask();
    });
  }

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  const std::string url_;
  CurlPosts posts_;
  std::vector<SessionPtr> waiting_{};
  bool is_sending_ = false;
  Later send_{io_, [this] { send(); }};
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Sender(cleat::bench::Args(argc, argv)).run();
}
