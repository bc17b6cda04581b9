#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::smtp {

/// "Name <a@b.c>", without the quotes that a name may have been given in.
struct Mailbox {
  std::string name;
  std::string address;
};

struct Attachment {
  std::string name;
  std::string bytes;
};

/// All that one mail is made of. Nothing of it is kept for the next one.
struct Mail {
  Mailbox from;
  std::vector<Mailbox> to, cc, bcc;
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

/// A list with ';' between its entries, and in none of them. Throws Error(CLEAT_INVALID) that names
/// the field for an entry that is no address, and for what could begin a header of its own.
std::vector<Mailbox> parse_mailboxes(std::string_view field, std::string_view list);

/// The mail as RFC 5322 and MIME want it, with CRLF at each line's end. BCC is in no header.
std::string compose(const Mail& mail, const Stamp& stamp);

/// Text for a header: as it is if it is short, printable and ASCII, otherwise in encoded words of UTF-8 (RFC 2047).
std::string header_text(std::string_view text);

}  // namespace cleat::smtp
