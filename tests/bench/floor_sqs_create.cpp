// Floor of an SQS create: the bare Beast server and libcurl with a signature. Bodies that come together go in batches, up
// to 16 of them at a time, and are answered when their batch is.
#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "args.hpp"
#include "beast_server.hpp"
#include "sqs_client.hpp"

namespace cleat::bench {
namespace {

constexpr std::size_t kMostRequests = 16;

class Sender {
 public:
  explicit Sender(const Args& args) : sqs_(io_, args) {
    serve(io_, [this](SessionPtr session) {
      waiting_.push_back(std::move(session));
      send_.ask();
    });
  }
  void run() { io_.run(); }

 private:
  /// At once while nothing is on its way, otherwise in full batches.
  void send_all() {
    while (!waiting_.empty() && requests_ < kMostRequests &&
           (requests_ == 0 || waiting_.size() >= SqsClient::kMostInBatch))
      send();
  }
  void send() {
    std::vector<SessionPtr> mine;
    std::string entries = ",\"Entries\":[";
    for (; !waiting_.empty() && mine.size() < SqsClient::kMostInBatch; waiting_.pop_front()) {
      entries +=
          (mine.empty() ? "{\"Id\":\"" : ",{\"Id\":\"") + std::to_string(mine.size()) + "\",\"MessageBody\":";
      append_string(entries, waiting_.front()->body());
      entries += '}';
      mine.push_back(std::move(waiting_.front()));
    }
    ++requests_;
    sqs_.ask("SendMessageBatch", entries + "]", [this, mine = std::move(mine)](const std::string& answer) {
      --requests_;
      check_curl(answer.find("\"Failed\":[{") == std::string::npos, answer.c_str());
      for (const SessionPtr& session : mine)
        session->answer();
      send_.ask();
    });
  }

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  SqsClient sqs_;
  std::deque<SessionPtr> waiting_{};
  std::size_t requests_ = 0;
  Later send_{io_, [this] { send_all(); }};
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Sender(cleat::bench::Args(argc, argv)).run();
}
