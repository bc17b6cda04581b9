#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::smtp {

struct Attachment {
  std::string name;
  std::string bytes;
};

/// All that one mail is made of. Nothing of it is kept for the next one.
struct Mail {
  std::string from;
  std::vector<std::string> to, cc, bcc;
  std::string subject;
  int priority = 3;  ///< 1 (highest) to 5
  std::string html, text;
  std::vector<Attachment> attachments;
};

/// What a mail is stamped with.
struct Stamp {
  std::string date;        ///< RFC 5322
  std::string message_id;  ///< without angle brackets
  std::string boundary;    ///< text that is in no part
};

/// The addresses of a list with ';' between them. Throws Error(CLEAT_INVALID) that names the field for one with a line
/// end, or without '@'.
std::vector<std::string> parse_addresses(std::string_view field, std::string_view list);

/// What stands between angle brackets, or all of it: the address that a server is told.
std::string envelope_address(std::string_view address);

/// The mail as RFC 5322 and MIME want it, with CRLF at each line's end. BCC is in no header.
std::string compose(const Mail& mail, const Stamp& stamp);

/// Text for a header: as it is if it is ASCII, otherwise in encoded words of UTF-8 (RFC 2047).
std::string header_text(std::string_view text);

}  // namespace cleat::smtp
