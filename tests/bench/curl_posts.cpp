#include "curl_posts.hpp"

#include <utility>

namespace cleat::bench {

void CurlPosts::send(const std::string& url, curl_slist* headers, std::string body, Done done) {
  if (free_.empty()) {
    Request& made = requests_.emplace_back();
    made.handle = new_handle(url, made.answer);
    curl_easy_setopt(made.handle, CURLOPT_PRIVATE, &made);
    free_.push_back(&made);
  }
  Request& request = *free_.back();
  free_.pop_back();
  request.body = std::move(body);
  request.answer.clear();
  request.done = std::move(done);
  request.headers = headers;
  curl_easy_setopt(request.handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(request.handle, CURLOPT_HTTPHEADER, request.headers);
  curl_easy_setopt(request.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  curl_easy_setopt(request.handle, CURLOPT_POSTFIELDS, request.body.data());
  multi_.begin(request.handle);
}

void CurlPosts::finished(CURL* handle) {
  Request* request = nullptr;
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &request);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(std::exchange(request->headers, nullptr));
  check_curl(status == 200, request->answer.c_str());
  std::exchange(request->done, nullptr)(request->answer);
  free_.push_back(request);
}

std::string next_string(const std::string& json, std::string_view name, std::size_t& at) {
  std::string out;
  const std::string wanted = std::string("\"").append(name).append("\":\"");
  const std::size_t key = json.find(wanted, at);
  if (key == std::string::npos) return out;
  for (at = key + wanted.size(); at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
    out += json[at];
  }
  return out;
}

}  // namespace cleat::bench
