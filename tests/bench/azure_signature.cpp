#include "azure_signature.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace cleat::bench {
namespace {

std::string from_base64(const std::string& text) {
  std::string out(text.size(), '\0');
  const int size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) {
    std::fprintf(stderr, "--key is no base64\n");
    std::exit(2);
  }
  const std::size_t padding = text.size() - 1 - text.find_last_not_of('=');
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

std::string base64(const Digest& digest) {
  std::array<unsigned char, 45> out{};
  const int size = ::EVP_EncodeBlock(out.data(), digest.data(), static_cast<int>(digest.size()));
  return {reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(size)};
}

/// Appends each "name:value\n" of `lines` as a header.
curl_slist* append_lines(curl_slist* list, std::string_view lines) {
  for (std::size_t end = 0; (end = lines.find('\n')) != std::string_view::npos; lines.remove_prefix(end + 1))
    list = ::curl_slist_append(list, std::string(lines.substr(0, end)).c_str());
  return list;
}

}  // namespace

AzureSignature::AzureSignature(const Args& args)
    : account_(args.text("account")),
      key_(from_base64(args.text("key"))),
      url_("http://127.0.0.1:" + args.text("server") + "/" + account_) {}

void AzureSignature::note_time() {
  const std::time_t now = std::time(nullptr);
  if (now == at_) return;
  at_ = now;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  date_.assign(text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
}

curl_slist* AzureSignature::headers(const Request& request) {
  note_time();
  const std::string own = request.more + "x-ms-date:" + date_ + "\nx-ms-version:2021-12-02\n";
  std::string text(request.method);
  text.append("\n\n\n")
      .append(request.length == 0 ? "" : std::to_string(request.length))
      .append("\n\n")
      .append(request.content_type)
      .append("\n\n\n\n\n\n\n")
      .append(own)
      .append("/")
      .append(account_)
      .append("/")  // the path of an emulator begins with the account
      .append(account_)
      .append(request.path)
      .append(request.query);
  // Without these libcurl would ask first whether it may send, and name a type of its own.
  curl_slist* list = ::curl_slist_append(nullptr, "Expect:");
  list = ::curl_slist_append(
      list, ("Content-Type:" + (request.content_type.empty() ? "" : " " + std::string(request.content_type)))
                .c_str());
  list = append_lines(list, own);
  return ::curl_slist_append(
      list, ("Authorization: SharedKey " + account_ + ":" + base64(hmac(key_, text))).c_str());
}

}  // namespace cleat::bench
