#include "http/app_channel.hpp"

#include <algorithm>

#include "http/paths.hpp"
#include "http/response.hpp"

namespace cleat::http {
namespace {

std::string last_part(const std::string& binding_type) {
  return binding_type.substr(binding_type.rfind('.') + 1);
}

std::string user_agent(const AppOptions& options) {
  return "cleat/" + options.version;
}

// What no event decides. The token is an operator's, so it may hold anything: only one that fits in a header
// is sent.
std::string fixed_head(const AppOptions& options) {
  const bool is_v6 = options.address.find(':') != std::string::npos;
  std::string head = "Host: " + (is_v6 ? '[' + options.address + ']' : options.address) + ':' +
                     std::to_string(options.port) + "\r\n";
  const bool legal = std::none_of(options.api_token.begin(), options.api_token.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!options.api_token.empty() && legal) head += "Dapr-Api-Token: " + options.api_token + "\r\n";
  return head;
}

}  // namespace

AppChannel::AppChannel(const AppChannelOptions& options, AppConnections& connections)
    : connections_(connections), handler_timeout_ns_(options.handler_timeout_ns) {
  const AppOptions& app = connections.options();
  const std::string target = route_target(options.route);
  const std::string fixed = fixed_head(app);
  target_.post_head = "POST " + target + " HTTP/1.1\r\n" + fixed;
  target_.options_head = "OPTIONS " + target + " HTTP/1.1\r\n" + fixed + "User-Agent: " + user_agent(app) +
                         "\r\nContent-Type: application/json\r\n\r\n";
  target_.batch_head = target_.post_head + "User-Agent: " + user_agent(app) +
                       "\r\nContent-Type: application/json\r\nCleat-Batch-Size: ";
  target_.headers.type = last_part(options.binding_type);
  target_.headers.user_agent = user_agent(app);
  target_.headers.content_type_from_source = options.content_type_from_source;
  target_.headers.strict_dapr = app.strict_dapr;
  target_.reads_answers = options.reads_answers;
}

void AppChannel::submit(AppCall::Cargo cargo, AnswerHandler& handler) {
  AppCall call;
  call.target = &target_;
  call.cargo = cargo;
  call.handler = &handler;
  call.timeout_ns = handler_timeout_ns_;
  connections_.submit(std::move(call));
}

void AppChannel::post(Event& event, AnswerHandler& handler) {
  submit(&event, handler);
}

void AppChannel::post(Batch& batch, AnswerHandler& handler) {
  submit(&batch, handler);
}

bool AppChannel::recall(Event& event) {
  return connections_.recall(&event);
}

bool AppChannel::recall(Batch& batch) {
  return connections_.recall(&batch);
}

bool AppChannel::is_sent(Event& event) const {
  return connections_.is_sent(&event);
}

bool AppChannel::is_sent(Batch& batch) const {
  return connections_.is_sent(&batch);
}

void AppChannel::abort(Event& event) {
  connections_.abort(&event);
}

void AppChannel::abort(Batch& batch) {
  connections_.abort(&batch);
}

void AppChannel::probe(std::uint64_t timeout_ns, UniqueFunction<void(const Answer&)> done) {
  AppCall call;
  call.target = &target_;
  call.on_probed = std::move(done);
  call.timeout_ns = timeout_ns;
  connections_.submit(std::move(call));
}

}  // namespace cleat::http
