#include "storagequeues_binding.hpp"

#include <memory>
#include <utility>

#include "common/deadlines.hpp"
#include "common/on_loop.hpp"
#include "message.hpp"

namespace cleat::storagequeues {
namespace {

/// Of an answer that is a success by its number only: a proxy's page, for one.
azure::Failure not_confirmed(const common::HttpResponse& answer) {
  azure::Failure out;
  out.status = CLEAT_REMOTE;
  out.http_status = answer.status;
  out.text = "Put Message: expected HTTP 201 with a MessageId, found HTTP " + std::to_string(answer.status) +
             (answer.status == 201 ? " without one" : "") +
             ": the message may have been put; is the endpoint a queue service?";
  const std::string id = common::header_of(answer, "x-ms-request-id");
  if (!id.empty()) out.text += " (request id " + id.substr(0, 300) + ")";
  return out;
}

}  // namespace

void StorageQueuesBinding::init(const Config& config) {
  config_ = parse_config(config);
  has_input_ = (config.raw().directions & CLEAT_IN) != 0;
}

void StorageQueuesBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.ca;
  // One for each put, each request about a message, a look into the queue, a ping and a token.
  options.max_connections = 150;
  curl_.emplace(std::move(options));
  azure::Place::Options place{"/" + config_.queue, {}, {}, "QueueAlreadyExists", "QueueNotFound",
                              "QueueBeingDeleted"};
  place.look.what = "Get Queue Metadata";
  place.look.query = {{"comp", "metadata"}};
  place.make.emplace();
  place.make->what = "Create Queue";
  place.make->method = "PUT";
  queue_.emplace(*curl_, config_.account, std::move(place),
                 [this](std::int32_t health, const std::string& why) { tell_health(health, why); });
  puts_.emplace(curl_->loop(), *queue_);
  if (has_input_) {
    receiver_.emplace(host_, curl_->loop(), *queue_, config_,
                      [this](const std::string& why) { complain(why); });
  }
  curl_->start();
  curl_->loop().post([this] { queue_->open(); });
}

void StorageQueuesBinding::tell_health(std::int32_t health, const std::string& why) {
  if (health == CLEAT_HEALTH_UP && !complaint_.empty())
    return health_.tell(CLEAT_HEALTH_DEGRADED, complaint_);
  health_.tell(health, why);
}

void StorageQueuesBinding::complain(const std::string& why) {
  if (why == complaint_) return;
  complaint_ = why;
  // It was an answer of 2xx that led here.
  tell_health(CLEAT_HEALTH_UP, "");
}

void StorageQueuesBinding::ping(Deadline deadline) {
  const auto ask = [this, at_ns = deadline.at_ns](const common::Answer& answer) {
    queue_->look(at_ns, [answer](const azure::Failure* failure) { answer(common::trouble_of(failure)); });
  };
  common::ask_and_wait(curl_->loop(), deadline, "the queue did not answer in time", ask);
}

void StorageQueuesBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "operation: expected create, found '" + std::string(request.operation()) + "'");
  auto out = std::make_shared<azure::ServiceRequest>(put_of(request, config_));
  out->deadline_ns = request.deadline().at_ns;
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<Call>(std::move(call));
  const bool is_posted = curl_->loop().post([this, out, held] {
    puts_->send(std::move(*out), [held](common::HttpResponse* answer, const azure::Failure* failure) {
      Call mine = std::move(*held);
      if (failure != nullptr) return common::fail(mine, *failure);
      auto metadata = put_metadata(*answer);
      if (!metadata) return common::fail(mine, not_confirmed(*answer));
      mine.complete({Buffer(), {}, std::move(*metadata)});
    });
  });
  if (!is_posted) held->fail(CLEAT_CANCELLED, "the component has stopped");
}

void StorageQueuesBinding::cancel(std::uint64_t call_id) {
  curl_->loop().post([this, call_id] { puts_->cancel(call_id); });
  curl_->cancel(call_id);
}

void StorageQueuesBinding::begin_input(const Window& window) {
  curl_->loop().post([this, window] { receiver_->begin(window); });
}

void StorageQueuesBinding::set_window(const Window& window) {
  curl_->loop().post([this, window] { receiver_->set_window(window); });
}

void StorageQueuesBinding::settle(Settlements settlements) {
  curl_->loop().post([this, items = common::copy_of(settlements)] { receiver_->settle(items); });
}

void StorageQueuesBinding::end_input(Deadline deadline) {
  if (!receiver_) return;
  if (!common::run_and_wait(curl_->loop(), deadline, [this] { receiver_->end(); }))
    throw Error(CLEAT_TIMEOUT, "reading did not end before the deadline");
}

void StorageQueuesBinding::stop(Deadline deadline) {
  if (receiver_) {
    common::run_and_wait(curl_->loop(), common::for_settling(deadline),
                         [this](std::function<void()> done) { receiver_->when_settled(std::move(done)); });
  }
  common::run_and_wait(curl_->loop(), deadline, [this] {
    if (receiver_) receiver_->close();
    puts_->close();
    queue_->close();
  });
  curl_->stop();
}

}  // namespace cleat::storagequeues
