#pragma once

#include <curl/curl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "common/curl_loop.hpp"

namespace cleat::common {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// One transfer with all that libcurl refers to while it runs.
struct CurlLoop::Transfer {
  std::uint64_t id = 0;
  std::uint64_t deadline_ns = 0;
  bool is_mail = false;
  HttpRequest http;
  MailRequest mail;
  HttpDone http_done;
  MailDone mail_done;

  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> list;
  std::array<char, CURL_ERROR_SIZE> error{};
  HttpResponse response;
  std::size_t mail_sent = 0;
  bool is_too_large = false;
  bool is_answered = false;  ///< `done` was called, libcurl is not through with it yet
  int descriptor = -1;       ///< of a mail's connection, which is its own
  EventLoop::TimerId timer = 0;

  /// Fills the handle. False: libcurl refused something, `error` says what.
  bool prepare(const Options& options, bool fresh);
  /// What a result of libcurl means.
  [[nodiscard]] TransferFailure failure_of(CURLcode code) const;
  void answer(const TransferFailure* failure);

 private:
  bool prepare_http();
  bool prepare_mail();
  bool prepare_tls(const Options& options);
  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* text, std::size_t size, std::size_t count, void* self);
  static std::size_t on_mail(char* text, std::size_t size, std::size_t count, void* self);
};

}  // namespace cleat::common
