#pragma once

#include <curl/curl.h>

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "args.hpp"
#include "sha256.hpp"

namespace cleat::bench {

/// Requests to one account of Azure Storage, signed with its key (SharedKey) by OpenSSL.
class AzureSignature {
 public:
  struct Request {
    std::string_view method, path;    ///< of the path what is behind the account: "/orders/messages"
    std::size_t length = 0;           ///< of the body
    std::string_view content_type{};  ///< of the body
    std::string query{};              ///< "\nname:value" for each, by name
    std::string more{};               ///< "name:value\n" for each header from x-ms-a to x-ms-c that there is
  };

  /// --server is the port of the service, --account and --key, in base64, are the account's.
  explicit AzureSignature(const Args& args);

  [[nodiscard]] std::string url(std::string_view path) const { return url_ + std::string(path); }
  /// All headers but the length. The caller frees them.
  curl_slist* headers(const Request& request);

 private:
  void note_time();

  std::string account_, key_, url_;
  std::time_t at_ = 0;
  std::string date_{};
};

}  // namespace cleat::bench
