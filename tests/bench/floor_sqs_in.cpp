// Floor of an SQS event in: libcurl with a signature, ten requests that wait for ten messages each, the bare Beast client,
// and one deletion for what was answered together.
#include <cstdio>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "args.hpp"
#include "posts.hpp"
#include "sqs_client.hpp"

namespace cleat::bench {
namespace {

constexpr std::size_t kMostReceivers = 10;

class Reader {
 public:
  explicit Reader(const Args& args)
      : most_(static_cast<std::size_t>(args.whole("connections", 1))),
        sqs_(io_, args),
        posts_(io_, static_cast<std::uint16_t>(args.whole("port", 0)), most_,
               [this](std::uint64_t tag) { answered(tag); }) {
    receive();
  }
  void run() { io_.run(); }

 private:
  void receive() {
    while (receivers_ < kMostReceivers && receipts_.size() + asked_ + SqsClient::kMostInBatch <= most_) {
      ++receivers_;
      asked_ += SqsClient::kMostInBatch;
      sqs_.ask("ReceiveMessage", R"(,"MaxNumberOfMessages":10,"WaitTimeSeconds":20,"AttributeNames":["All"])",
               [this](const std::string& answer) { received(answer); });
    }
  }
  void received(const std::string& answer) {
    --receivers_;
    asked_ -= SqsClient::kMostInBatch;
    // Each message has its receipt and its body behind its id.
    for (std::size_t at = answer.find("\"MessageId\""); at != std::string::npos;) {
      const std::size_t next = answer.find("\"MessageId\"", at + 1);
      std::size_t receipt = at, body = at;
      receipts_[++last_] = next_string(answer, "ReceiptHandle", receipt);
      posts_.add(last_, next_string(answer, "Body", body));
      at = next;
    }
    receive();
  }
  void answered(std::uint64_t tag) {
    const auto found = receipts_.find(tag);
    done_.push_back(std::move(found->second));
    receipts_.erase(found);
    remove_.ask();
  }
  /// At once while nothing is on its way, otherwise in full batches.
  void remove_all() {
    while (!done_.empty() && (removing_ == 0 || done_.size() >= SqsClient::kMostInBatch)) {
      std::string entries = ",\"Entries\":[";
      for (std::size_t i = 0; i < SqsClient::kMostInBatch && !done_.empty(); ++i, done_.pop_front())
        entries += (i == 0 ? "{\"Id\":\"" : ",{\"Id\":\"") + std::to_string(i) + R"(","ReceiptHandle":")" +
                   done_.front() + "\"}";
      ++removing_;
      sqs_.ask("DeleteMessageBatch", entries + "]", [this](const std::string&) {
        --removing_;
        remove_.ask();
      });
    }
    receive();
  }

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  const std::size_t most_;
  SqsClient sqs_;
  Posts posts_;
  std::size_t receivers_ = 0, asked_ = 0, removing_ = 0;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::string> receipts_{};
  std::deque<std::string> done_{};
  Later remove_{io_, [this] { remove_all(); }};
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Reader reader{cleat::bench::Args(argc, argv)};
  std::printf("ready\n");
  std::fflush(stdout);
  reader.run();
}
