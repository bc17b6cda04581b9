// Floor of an event of an Azure Storage queue: libcurl with a signature, 32 messages a request, the bare Beast client, and a
// deletion for each answer, as the service has none for several.
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "args.hpp"
#include "azure_signature.hpp"
#include "curl_multi.hpp"
#include "posts.hpp"

namespace cleat::bench {
namespace {

constexpr std::size_t kMostInBatch = 32;
constexpr std::chrono::milliseconds kPause{100};

/// What stands in the next element of this name from `at` on, which goes behind it; nothing if there is none.
std::string next_text(const std::string& xml, const std::string& name, std::size_t& at) {
  const std::size_t begin = xml.find("<" + name + ">", at);
  if (begin == std::string::npos) return {};
  const std::size_t text = begin + name.size() + 2;
  at = xml.find("</" + name + ">", text);
  return xml.substr(text, at - text);
}

class Reader {
 public:
  explicit Reader(const Args& args)
      : most_(static_cast<std::size_t>(args.whole("connections", 1))),
        azure_(args),
        path_("/" + args.text("queue") + "/messages"),
        multi_(io_, [this](CURL* handle) { finished(handle); }),
        posts_(io_, static_cast<std::uint16_t>(args.whole("port", 0)), most_,
               [this](std::uint64_t tag) { answered(tag); }) {
    receive();
  }
  void run() { io_.run(); }

 private:
  struct Message {
    std::string id, receipt;
  };
  struct Transfer {
    CURL* handle = nullptr;
    curl_slist* headers = nullptr;
    std::string answer{};
    std::function<void(const std::string& answer)> done{};
  };

  void ask(const std::string& url, const AzureSignature::Request& request,
           std::function<void(const std::string&)> done) {
    if (free_.empty()) {
      Transfer& made = transfers_.emplace_back();
      made.handle = new_handle(url, made.answer);
      curl_easy_setopt(made.handle, CURLOPT_PRIVATE, &made);
      curl_easy_setopt(made.handle, CURLOPT_FAILONERROR, 1L);
      free_.push_back(&made);
    }
    Transfer& transfer = *free_.back();
    free_.pop_back();
    transfer.answer.clear();
    transfer.done = std::move(done);
    transfer.headers = azure_.headers(request);
    curl_easy_setopt(transfer.handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(transfer.handle, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
    curl_easy_setopt(transfer.handle, CURLOPT_HTTPHEADER, transfer.headers);
    multi_.begin(transfer.handle);
  }
  void finished(CURL* handle) {
    Transfer* transfer = nullptr;
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &transfer);
    curl_slist_free_all(std::exchange(transfer->headers, nullptr));
    std::exchange(transfer->done, nullptr)(transfer->answer);
    free_.push_back(transfer);
  }

  void receive() {
    if (is_asking_ || messages_.size() + kMostInBatch > most_ || removing_ > most_) return;
    is_asking_ = true;
    ask(azure_.url(path_ + "?numofmessages=32&visibilitytimeout=30"),
        {"GET", path_, 0, {}, "\nnumofmessages:32\nvisibilitytimeout:30", {}},
        [this](const std::string& answer) { received(answer); });
  }
  void received(const std::string& answer) {
    bool is_empty = true;
    for (std::size_t at = 0;;) {
      Message message{next_text(answer, "MessageId", at), next_text(answer, "PopReceipt", at)};
      if (message.id.empty()) break;
      is_empty = false;
      messages_.emplace(++last_, std::move(message));
      posts_.add(last_, next_text(answer, "MessageText", at));
    }
    is_asking_ = is_empty;
    if (!is_empty) return receive();
    timer_.expires_after(kPause);
    timer_.async_wait([this](boost::system::error_code) {
      is_asking_ = false;
      receive();
    });
  }
  void answered(std::uint64_t tag) {
    const Message message = std::move(messages_.extract(tag).mapped());
    const std::string path = path_ + "/" + message.id, &receipt = message.receipt;
    char* const encoded = curl_easy_escape(nullptr, receipt.c_str(), static_cast<int>(receipt.size()));
    ++removing_;
    ask(azure_.url(path + "?popreceipt=" + encoded), {"DELETE", path, 0, {}, "\npopreceipt:" + receipt, {}},
        [this](const std::string&) {
          --removing_;
          receive();
        });
    curl_free(encoded);
    receive();
  }

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  const std::size_t most_;
  AzureSignature azure_;
  std::string path_;
  bool is_asking_ = false;
  std::size_t removing_ = 0;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, Message> messages_{};
  std::deque<Transfer> transfers_{};
  std::vector<Transfer*> free_{};
  CurlMulti multi_;
  Posts posts_;
  boost::asio::steady_timer timer_{io_};
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Reader reader{cleat::bench::Args(argc, argv)};
  std::printf("ready\n");
  std::fflush(stdout);
  reader.run();
}
