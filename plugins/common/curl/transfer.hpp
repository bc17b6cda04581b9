#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/curl/loop.hpp"
#include "common/curl/pool.hpp"

namespace cleat::common {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// What TCP has sent and the far end does not confirm ends the connection after a while.
void set_user_timeout(int descriptor);

/// One transfer with all that libcurl refers to while it runs. Only on the loop's thread, once it has begun.
struct CurlLoop::Transfer {
  std::uint64_t id = 0, tag = 0;
  std::uint64_t deadline_ns = 0;
  EventLoop::TimerId timer = 0;
  bool is_mail = false;
  HttpRequest http;
  MailRequest mail;
  HttpDone http_done;
  MailDone mail_done;

  std::shared_ptr<Pool> pool;  ///< that `easy` is prepared for, or in
  Easy easy;                   ///< may come from another HTTP transfer of the same loop that ended well

  /// Fills the handle, makes it if there is none. False: libcurl refused something, reason() says what.
  bool prepare(const Options& options);
  /// Tells the caller, once; later calls do nothing.
  void answer(const TransferFailure* failure);

  /// The answer is a redirect that is to be followed.
  [[nodiscard]] bool is_sent_elsewhere() const;
  /// Makes the request the one that the redirect asks for, or says why not.
  std::optional<TransferFailure> go_elsewhere();

  [[nodiscard]] bool was_sent() const;
  /// The same of the address that is asked now.
  [[nodiscard]] bool is_on_its_way() const;
  /// libcurl takes an answer that ends in its headers for one without a body.
  [[nodiscard]] bool lacks_headers() const { return !is_mail && !is_head_whole_; }
  /// What libcurl wrote down, or `otherwise`.
  [[nodiscard]] std::string reason(const char* otherwise) const;
  [[nodiscard]] TransferFailure failure(TransferFailure::Kind kind, std::string text = {}) const;
  /// What a result of libcurl means.
  [[nodiscard]] TransferFailure failure_of(int code) const;

 private:
  static constexpr std::size_t kMostHeaderBytes = 256U << 10U;

  [[nodiscard]] TransferFailure::Kind kind_of(int code) const;
  /// What all transfers of a loop have in common.
  bool make_easy(const Options& options);
  bool prepare_http();
  bool prepare_mail();
  bool prepare_tls(const Options& options);
  bool take_reply(std::string_view line);
  static int on_request(void* self, char* far, char* near, int far_port, int near_port);
  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* text, std::size_t size, std::size_t count, void* self);
  static std::size_t on_mail(char* text, std::size_t size, std::size_t count, void* self);
  static std::size_t on_reply(char* text, std::size_t size, std::size_t count, void* self);
  [[nodiscard]] long bytes_sent() const;

  std::unique_ptr<curl_slist, FreeList> list_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  bool is_head_whole_ = false;  ///< the blank line behind the headers was there
  int attempts_ = 0;            ///< how often libcurl was about to send the request
  long sent_before_ = 0;        ///< bytes that had gone to a proxy by then
  int redirects_ = 0;
  bool was_carried_out_ = false;  ///< before a redirect, though it must not run twice
  std::size_t mail_sent_ = 0;
  bool has_reply_ = false;  ///< of the mail server
  std::string refusal_;     ///< its last reply of 4xx or 5xx; QUIT is answered after it
  long refusal_code_ = 0;
  enum class StartTls { unknown, offered, asked_for, agreed } start_tls_ = StartTls::unknown;
  bool is_too_large_ = false, is_tls_denied_ = false;
  bool is_answered_ = false;  ///< the caller was told, libcurl may not be through with it yet
};

}  // namespace cleat::common
