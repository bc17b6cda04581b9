#include "curl_caller.hpp"

#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace cleat::bench {
namespace {

void check(bool is_well, const char* what) {
  if (is_well) return;
  std::fprintf(stderr, "libcurl: %s\n", what);
  std::exit(1);
}

}  // namespace

CurlCaller::CurlCaller(std::string url, Prepare prepare)
    : url_(std::move(url)), prepare_(std::move(prepare)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_SOCKETFUNCTION, +[](CURL*, curl_socket_t socket, int what, void* self, void*) {
        static_cast<CurlCaller*>(self)->watch(socket, what);
        return 0;
      });
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_TIMERFUNCTION, +[](CURLM*, long milliseconds, void* self) {
        static_cast<CurlCaller*>(self)->wait(milliseconds);
        return 0;
      });
  serve(io_, [this](SessionPtr session) { begin(std::move(session)); });
}

CurlCaller::Transfer& CurlCaller::make_transfer() {
  Transfer& made = transfers_.emplace_back();
  made.handle = curl_easy_init();
  check(made.handle != nullptr, "no handle");
  curl_easy_setopt(made.handle, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(made.handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(made.handle, CURLOPT_PRIVATE, &made);
  curl_easy_setopt(made.handle, CURLOPT_WRITEDATA, &made.answer);
  curl_easy_setopt(
      made.handle, CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t one, std::size_t count, void* answer) {
        static_cast<std::string*>(answer)->append(bytes, one * count);
        return one * count;
      });
  return made;
}

void CurlCaller::begin(SessionPtr session) {
  Transfer& transfer = free_.empty() ? make_transfer() : *free_.back();
  if (!free_.empty()) free_.pop_back();
  transfer.session = std::move(session);
  transfer.answer.clear();
  const auto body = transfer.session->body();
  curl_easy_setopt(transfer.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(transfer.handle, CURLOPT_POSTFIELDS, body.data());
  prepare_(transfer.handle, body);
  check(curl_multi_add_handle(multi_, transfer.handle) == CURLM_OK, "a transfer cannot be begun");
}

void CurlCaller::act(curl_socket_t socket, int events) {
  int running = 0, left = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    check(message->data.result == CURLE_OK, curl_easy_strerror(message->data.result));
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    finish(*transfer);
  }
}

void CurlCaller::finish(Transfer& transfer) {
  curl_multi_remove_handle(multi_, transfer.handle);
  std::exchange(transfer.session, nullptr)->answer_with(transfer.answer);
  free_.push_back(&transfer);
}

/// A socket is watched for as long as its connection lives; that libcurl does not want to hear of it between two transfers
/// is of no interest, as nothing comes then.
void CurlCaller::watch(curl_socket_t socket, int what) {
  if (what == CURL_POLL_REMOVE) return;
  const auto [place, is_new] = sockets_.try_emplace(socket, io_, socket);
  if (is_new) place->second.read_always([this, socket] { act(socket, CURL_CSELECT_IN); });
  if ((what & CURL_POLL_OUT) != 0)
    place->second.write_once([this, socket] { act(socket, CURL_CSELECT_OUT); });
}

void CurlCaller::wait(long milliseconds) {
  if (milliseconds < 0) {
    timer_.cancel();
  } else if (milliseconds == 0) {
    begun_.ask();
  } else {
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    timer_.async_wait([this](boost::system::error_code failure) {
      if (!failure) act(CURL_SOCKET_TIMEOUT, 0);
    });
  }
}

}  // namespace cleat::bench
