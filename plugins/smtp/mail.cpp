#include "mail.hpp"

#include <cleat/values.hpp>

#include <algorithm>
#include <array>

#include "common/base64.hpp"
#include "common/text.hpp"

namespace cleat::smtp {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kEncodedLine = 76;
// Bytes per encoded word: with "Subject: " in front, and the rest of a character, its line has at most 76.
constexpr std::size_t kWordBytes = 36;
constexpr std::size_t kMostPlainHeader = 200;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Nothing but what RFC 5322 allows in a name without quotes; a dot is not.
bool is_phrase(std::string_view text) {
  constexpr std::string_view kMarks = " !#$%&'*+-/=?^_`{|}~";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string unquoted_name(std::string_view name) {
  name = common::trimmed(name);
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
  name = name.substr(1, name.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\\' && i + 1 < name.size()) ++i;
    out.push_back(name[i]);
  }
  return out;
}

std::string header_mailbox(const Mailbox& mailbox) {
  if (mailbox.name.empty()) return mailbox.address;
  const std::string plain = header_text(mailbox.name);
  const bool needs_quotes = plain == mailbox.name && !is_phrase(plain);
  return (needs_quotes ? quoted(plain) : plain) + " <" + mailbox.address + ">";
}

std::string header_mailboxes(const std::vector<Mailbox>& mailboxes) {
  std::string out;
  for (const Mailbox& each : mailboxes) {
    if (!out.empty()) out += ",\r\n ";
    out += header_mailbox(each);
  }
  return out;
}

std::string type_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kTypes{
      {{".pdf", "application/pdf"},
       {".txt", "text/plain; charset=utf-8"},
       {".csv", "text/csv; charset=utf-8"},
       {".html", "text/html; charset=utf-8"},
       {".json", "application/json"},
       {".xml", "application/xml"},
       {".zip", "application/zip"},
       {".gz", "application/gzip"},
       {".png", "image/png"},
       {".jpg", "image/jpeg"},
       {".gif", "image/gif"},
       {".ics", "text/calendar; charset=utf-8"}}};
  const std::size_t dot = name.rfind('.');
  const std::string extension =
      dot == std::string_view::npos ? std::string() : common::lower(name.substr(dot));
  const auto* const found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& each) { return each.first == extension; });
  return std::string(found != kTypes.end() ? found->second : "application/octet-stream");
}

void append_base64(std::string& out, std::string_view bytes) {
  const std::string encoded = common::base64(bytes);
  for (std::size_t at = 0; at < encoded.size(); at += kEncodedLine)
    out.append(encoded, at, kEncodedLine).append(kLineEnd);
}

void append_part(std::string& out, std::string_view type, std::string_view body, std::string_view more = {}) {
  out.append("Content-Type: ").append(type).append(kLineEnd);
  out.append(more);
  out.append("Content-Transfer-Encoding: base64\r\n\r\n");
  append_base64(out, body);
}

void append_body(std::string& out, const Mail& mail, const std::string& boundary) {
  if (mail.text.empty()) {
    append_part(out, "text/html; charset=utf-8", mail.html);
    return;
  }
  if (mail.html.empty()) {
    append_part(out, "text/plain; charset=utf-8", mail.text);
    return;
  }
  const std::string inner = boundary + "-alternative";
  out.append("Content-Type: multipart/alternative; boundary=\"").append(inner).append("\"\r\n\r\n");
  out.append("--").append(inner).append(kLineEnd);
  append_part(out, "text/plain; charset=utf-8", mail.text);
  out.append("--").append(inner).append(kLineEnd);
  append_part(out, "text/html; charset=utf-8", mail.html);
  out.append("--").append(inner).append("--\r\n");
}

/// A name in a parameter: RFC 2231, for what is more than plain text.
std::string file_name_parameter(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out = "filename*=UTF-8''";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '.' || c == '-' || c == '_';
    if (is_plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 0xFU]);
    }
  }
  return out;
}

}  // namespace

std::vector<Mailbox> parse_mailboxes(std::string_view field, std::string_view list) {
  if (list.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    throw Error(CLEAT_INVALID,
                std::string(field) + ": expected mail addresses with ';' between them, found a line end");
  }
  std::vector<Mailbox> out;
  for (const std::string_view each : common::split_list(list, ';')) {
    const std::size_t open = each.rfind('<');
    const bool is_closed = open != std::string_view::npos && each.back() == '>';
    const std::string_view address = open == std::string_view::npos
                                         ? each
                                         : each.substr(open + 1, each.size() - open - (is_closed ? 2 : 1));
    const std::size_t at = address.rfind('@');
    const bool has_odd = std::any_of(address.begin(), address.end(), [](char c) {
      return static_cast<unsigned char>(c) <= 0x20U || static_cast<unsigned char>(c) >= 0x7FU ||
             std::string_view("<>\"(),:;\\").find(c) != std::string_view::npos;
    });
    if (at == std::string_view::npos || at == 0 || at + 1 == address.size() || has_odd ||
        (open != std::string_view::npos && !is_closed)) {
      throw Error(
          CLEAT_INVALID,
          std::string(field) +
              ": expected addresses as name@example.com or Name <name@example.com> with ';' between them, "
              "found '" +
              std::string(each) + "'");
    }
    const std::string_view name = each.substr(0, open == std::string_view::npos ? 0 : open);
    out.push_back({unquoted_name(name), std::string(address)});
  }
  return out;
}

std::string header_text(std::string_view text) {
  // What looks like an encoded word would be read as one.
  if (text.size() <= kMostPlainHeader && is_printable(text) && text.find("=?") == std::string_view::npos)
    return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t length = std::min(kWordBytes, text.size());
    while (length < text.size() && is_continuation(text[length]))
      ++length;
    if (!out.empty()) out += "\r\n ";
    out.append("=?UTF-8?B?").append(common::base64(text.substr(0, length))).append("?=");
    text.remove_prefix(length);
  }
  return out;
}

std::string compose(const Mail& mail, const Stamp& stamp) {
  std::string out;
  const auto header = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append(kLineEnd);
  };
  header("From", header_mailbox(mail.from));
  if (!mail.to.empty()) header("To", header_mailboxes(mail.to));
  if (!mail.cc.empty()) header("Cc", header_mailboxes(mail.cc));
  header("Subject", header_text(mail.subject));
  header("Date", stamp.date);
  header("Message-ID", "<" + stamp.message_id + ">");
  header("X-Priority", std::to_string(mail.priority));
  header("MIME-Version", "1.0");
  if (mail.attachments.empty()) {
    append_body(out, mail, stamp.boundary);
    return out;
  }
  out.append("Content-Type: multipart/mixed; boundary=\"").append(stamp.boundary).append("\"\r\n\r\n");
  out.append("--").append(stamp.boundary).append(kLineEnd);
  append_body(out, mail, stamp.boundary);
  for (const Attachment& attachment : mail.attachments) {
    out.append("--").append(stamp.boundary).append(kLineEnd);
    append_part(out, type_of(attachment.name), attachment.bytes,
                "Content-Disposition: attachment; " + file_name_parameter(attachment.name) + "\r\n");
  }
  out.append("--").append(stamp.boundary).append("--\r\n");
  return out;
}

}  // namespace cleat::smtp
