// Floor of a call over HTTP: each body is POSTed, and what the far end answers is the answer.
#include "args.hpp"
#include "curl_caller.hpp"

int main(int argc, char** argv) {
  const cleat::bench::Args args(argc, argv);
  curl_slist* const headers =
      curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/json"), "Expect:");
  cleat::bench::CurlCaller("http://127.0.0.1:" + args.text("port") + args.text("path", "/"),
                           [headers](CURL* handle, std::string_view, std::string&) -> curl_slist* {
                             curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
                             return nullptr;
                           })
      .run();
}
