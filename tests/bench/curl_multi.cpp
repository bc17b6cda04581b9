#include "curl_multi.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace cleat::bench {

void check_curl(bool is_well, const char* what) {
  if (is_well) return;
  std::fprintf(stderr, "libcurl: %s\n", what);
  std::exit(1);
}

CURL* new_handle(const std::string& url, std::string& answer) {
  CURL* const handle = curl_easy_init();
  check_curl(handle != nullptr, "no handle");
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(
      handle, CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t one, std::size_t count, void* text) {
        static_cast<std::string*>(text)->append(bytes, one * count);
        return one * count;
      });
  return handle;
}

CurlMulti::CurlMulti(boost::asio::io_context& io, Done done)
    : io_(io), done_(std::move(done)), multi_((curl_global_init(CURL_GLOBAL_DEFAULT), curl_multi_init())) {
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1024L);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_SOCKETFUNCTION, +[](CURL*, curl_socket_t socket, int what, void* self, void*) {
        static_cast<CurlMulti*>(self)->watch(socket, what);
        return 0;
      });
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_TIMERFUNCTION, +[](CURLM*, long milliseconds, void* self) {
        static_cast<CurlMulti*>(self)->wait(milliseconds);
        return 0;
      });
}

void CurlMulti::begin(CURL* handle) {
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, this);
  curl_easy_setopt(
      handle, CURLOPT_CLOSESOCKETFUNCTION, +[](void* self, curl_socket_t socket) {
        static_cast<CurlMulti*>(self)->forget(socket);
        return ::close(socket);
      });
  check_curl(curl_multi_add_handle(multi_, handle) == CURLM_OK, "a transfer cannot be begun");
}

void CurlMulti::act(curl_socket_t socket, int events) {
  int running = 0, left = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    check_curl(message->data.result == CURLE_OK, curl_easy_strerror(message->data.result));
    CURL* const handle = message->easy_handle;
    curl_multi_remove_handle(multi_, handle);
    done_(handle);
  }
}

/// The number of a socket that is closed is that of the next one.
void CurlMulti::forget(curl_socket_t socket) {
  if (sockets_.count(socket) == 0) return;
  const auto gone = std::make_shared<decltype(sockets_)::node_type>(sockets_.extract(socket));
  gone->mapped().release();
  boost::asio::post(io_, [gone] {});
}

/// A socket is watched for as long as its connection lives; that libcurl does not want to hear of it between two transfers
/// is of no interest, as nothing comes then.
void CurlMulti::watch(curl_socket_t socket, int what) {
  if (what == CURL_POLL_REMOVE) return;
  const auto [place, is_new] = sockets_.try_emplace(socket, io_, socket);
  if (is_new) place->second.read_always([this, socket] { act(socket, CURL_CSELECT_IN); });
  if ((what & CURL_POLL_OUT) != 0)
    place->second.write_once([this, socket] { act(socket, CURL_CSELECT_OUT); });
}

void CurlMulti::wait(long milliseconds) {
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
