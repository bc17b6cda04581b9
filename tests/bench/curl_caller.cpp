#include "curl_caller.hpp"

#include <utility>

namespace cleat::bench {

CurlCaller::CurlCaller(std::string url, Prepare prepare)
    : url_(std::move(url)), prepare_(std::move(prepare)), curl_(io_, [this](CURL* handle) {
        Transfer* transfer = nullptr;
        curl_easy_getinfo(handle, CURLINFO_PRIVATE, &transfer);
        finish(*transfer);
      }) {
  serve(io_, [this](SessionPtr session) { begin(std::move(session)); });
}

CurlCaller::Transfer& CurlCaller::make_transfer() {
  Transfer& made = transfers_.emplace_back();
  made.handle = new_handle(url_, made.answer);
  curl_easy_setopt(made.handle, CURLOPT_PRIVATE, &made);
  curl_easy_setopt(made.handle, CURLOPT_FAILONERROR, 1L);
  return made;
}

void CurlCaller::begin(SessionPtr session) {
  Transfer& transfer = free_.empty() ? make_transfer() : *free_.back();
  if (!free_.empty()) free_.pop_back();
  transfer.session = std::move(session);
  transfer.answer.clear();
  const auto body = transfer.session->body();
  curl_easy_setopt(transfer.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(transfer.handle, CURLOPT_POSTFIELDS, body.data());
  prepare_(transfer.handle, body);
  curl_.begin(transfer.handle);
}

void CurlCaller::finish(Transfer& transfer) {
  std::exchange(transfer.session, nullptr)->answer_with(transfer.answer);
  free_.push_back(&transfer);
}

}  // namespace cleat::bench
