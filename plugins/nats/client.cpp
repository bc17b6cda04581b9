#include "client.hpp"

#include <cstdlib>
#include <cstring>
#include <random>

namespace cleat::nats {
namespace {

cleat_status classify(natsStatus status) {
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_SECURE_CONNECTION_WANTED:
      return CLEAT_UNAUTHENTICATED;
    case NATS_NOT_PERMITTED:
      return CLEAT_DENIED;
    case NATS_MAX_PAYLOAD:
      return CLEAT_TOO_LARGE;
    case NATS_NOT_FOUND:
      return CLEAT_NOT_FOUND;
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT:
    case NATS_INVALID_QUEUE_NAME:
      return CLEAT_INVALID;
    case NATS_NO_SERVER_SUPPORT:
      return CLEAT_UNSUPPORTED;
    default:
      return CLEAT_UNAVAILABLE;
  }
}

}  // namespace

Failure failure_of(natsStatus status, const std::string& what) {
  natsStatus last = NATS_OK;
  const char* given = nats_GetLastError(&last);
  std::string words = given == nullptr ? "" : given;
  // Begins with the place in the library: "(conn.c:123): ".
  if (const std::size_t end = words.find("): ");
      !words.empty() && words[0] == '(' && end != std::string::npos)
    words.erase(0, end + 3);
  std::string text = what + ": " + natsStatus_GetText(status);
  // The library keeps the words of an older failure of this thread, too.
  if (!words.empty() && last == status && words != natsStatus_GetText(status)) text += " (" + words + ")";
  return {classify(status), text, status};
}

std::string_view subject_of(const Message& message) {
  return natsMsg_GetSubject(message.get());
}

std::string_view reply_of(const Message& message) {
  const char* reply = natsMsg_GetReply(message.get());
  return reply == nullptr ? std::string_view() : std::string_view(reply);
}

std::string_view data_of(const Message& message) {
  const int size = natsMsg_GetDataLength(message.get());
  return size <= 0 ? std::string_view()
                   : std::string_view(natsMsg_GetData(message.get()), static_cast<std::size_t>(size));
}

Headers headers_of(natsMsg* message) {
  Headers headers;
  const char** names = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(message, &names, &count) != NATS_OK) return headers;
  for (int i = 0; i < count; ++i) {
    const char** values = nullptr;
    int value_count = 0;
    if (natsMsgHeader_Values(message, names[i], &values, &value_count) != NATS_OK) continue;
    std::string joined;
    for (int j = 0; j < value_count; ++j)
      joined.append(j == 0 ? "" : ", ").append(values[j] == nullptr ? "" : values[j]);
    std::free(static_cast<void*>(values));
    headers.emplace_back(names[i], std::move(joined));
  }
  std::free(static_cast<void*>(names));
  return headers;
}

ServerStatus status_of(const Message& message) {
  if (natsMsg_GetDataLength(message.get()) > 0) return {};
  const char* value = nullptr;
  if (natsMsgHeader_Get(message.get(), "Status", &value) != NATS_OK || value == nullptr) return {};
  ServerStatus status{std::atoi(value), {}};
  if (natsMsgHeader_Get(message.get(), "Description", &value) == NATS_OK && value != nullptr)
    status.words = value;
  return status;
}

Message make_message(const std::string& subject, const std::string& reply, std::string_view data,
                     const Headers& headers) {
  natsMsg* made = nullptr;
  natsStatus status = natsMsg_Create(&made, subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                                     data.data(), static_cast<int>(data.size()));
  Message message(made);
  for (const auto& [name, value] : headers) {
    if (status == NATS_OK) status = natsMsgHeader_Add(message.get(), name.c_str(), value.c_str());
  }
  if (status != NATS_OK) throw Error(CLEAT_INTERNAL, failure_of(status, "the message cannot be made").text);
  return message;
}

std::string make_inbox(const std::string& prefix) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  std::string inbox = prefix + ".";
  for (int i = 0; i < 22; ++i)
    inbox += kLetters[letter(random)];
  return inbox;
}

std::size_t size_of(const Headers& headers) {
  if (headers.empty()) return 0;
  std::size_t size = std::strlen("NATS/1.0\r\n\r\n");
  for (const auto& [name, value] : headers)
    size += name.size() + std::strlen(": \r\n") + value.size();
  return size;
}

}  // namespace cleat::nats
