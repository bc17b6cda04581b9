#include "common/azure/shared_key.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "common/base64.hpp"
#include "common/text.hpp"
#include "common/url.hpp"

namespace cleat::azure {
namespace {

/// Not strftime: names of days and months would be those of the process's locale.
std::tm broken_down(WallTime at) {
  const std::time_t seconds = at.time_since_epoch().count();
  std::tm out{};
  ::gmtime_r(&seconds, &out);
  return out;
}

std::string digits(int value, int width) {
  std::string out = std::to_string(value);
  while (static_cast<int>(out.size()) < width)
    out.insert(out.begin(), '0');
  return out;
}

std::string time_of(const std::tm& at) {
  return digits(at.tm_hour, 2) + ":" + digits(at.tm_min, 2) + ":" + digits(at.tm_sec, 2);
}

}  // namespace

std::string http_date(WallTime at) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm when = broken_down(at);
  return std::string(kDays.at(static_cast<std::size_t>(when.tm_wday))) + ", " + digits(when.tm_mday, 2) +
         " " + kMonths.at(static_cast<std::size_t>(when.tm_mon)) + " " + digits(when.tm_year + 1900, 4) +
         " " + time_of(when) + " GMT";
}

std::string iso_date(WallTime at) {
  const std::tm when = broken_down(at);
  return digits(when.tm_year + 1900, 4) + "-" + digits(when.tm_mon + 1, 2) + "-" + digits(when.tm_mday, 2) +
         "T" + time_of(when) + "Z";
}

std::optional<WallTime> from_http_date(const std::string& text) {
  std::tm when{};
  // Names of days and months are English: the host leaves the process's locale alone.
  if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &when) == nullptr) return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&when)));
}

std::string string_to_sign(std::string_view account, const Signed& request) {
  std::map<std::string, std::string> standard, ours;
  for (const common::HttpHeader& header : *request.headers) {
    const std::string name = common::lower(header.name);
    (name.compare(0, 5, "x-ms-") == 0 ? ours : standard)[name] = common::trimmed(header.value);
  }
  std::string out(request.method);
  for (const char* name : {"content-encoding", "content-language"})
    out += "\n" + standard[name];
  out += "\n" + (request.content_length == 0 ? "" : std::to_string(request.content_length));
  // The date is in x-ms-date.
  for (const char* name : {"content-md5", "content-type", "", "if-modified-since", "if-match",
                           "if-none-match", "if-unmodified-since", "range"})
    out += "\n" + (*name != '\0' ? standard[name] : "");
  out += "\n";
  for (const auto& [name, value] : ours)
    out += name + ":" + value + "\n";
  out.append("/").append(account).append(request.path);
  std::map<std::string, std::vector<std::string>> parameters;
  for (const auto& [name, value] : *request.query)
    parameters[common::lower(name)].push_back(value);
  for (auto& [name, values] : parameters) {
    std::sort(values.begin(), values.end());
    out += "\n" + name + ":";
    for (std::size_t i = 0; i < values.size(); ++i)
      out += (i == 0 ? "" : ",") + values[i];
  }
  return out;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  return common::base64({reinterpret_cast<const char*>(digest.data()), length});
}

std::string read_sas(std::string_view account, std::string_view key, std::string_view container,
                     std::string_view blob, WallTime until) {
  const std::string end = iso_date(until);
  std::string text = "r\n\n" + end + "\n/blob/";
  text.append(account).append("/").append(container).append("/").append(blob);
  // No policy, no address, any protocol, the version, a blob, no snapshot, no encryption scope, no headers.
  text.append("\n\n\n\n").append(kServiceVersion).append("\nb\n\n\n\n\n\n\n");
  return std::string("sv=") + kServiceVersion + "&se=" + common::url_encoded(end) +
         "&sr=b&sp=r&sig=" + common::url_encoded(hmac(key, text));
}

}  // namespace cleat::azure
