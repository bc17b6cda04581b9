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
  transfer.body.clear();
  const std::string_view came = transfer.session->body();
  transfer.headers = prepare_(transfer.handle, came, transfer.body);
  const std::string_view body = transfer.body.empty() ? came : transfer.body;
  if (transfer.headers != nullptr) curl_easy_setopt(transfer.handle, CURLOPT_HTTPHEADER, transfer.headers);
  curl_easy_setopt(transfer.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(transfer.handle, CURLOPT_POSTFIELDS, body.data());
  curl_.begin(transfer.handle);
}

void CurlCaller::finish(Transfer& transfer) {
  curl_slist_free_all(std::exchange(transfer.headers, nullptr));
  std::exchange(transfer.session, nullptr)->answer_with(transfer.answer);
  free_.push_back(&transfer);
}

}  // namespace cleat::bench
