#include "sns_binding.hpp"

#include <memory>
#include <utility>

#include "common/on_loop.hpp"
#include "common/url.hpp"

namespace cleat::sns {
namespace {

aws::ServiceRequest request_of(std::string what, std::string form) {
  aws::ServiceRequest out;
  out.what = std::move(what);
  out.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8", false}};
  out.body = std::move(form);
  return out;
}

/// Of an answer that is a success by its number only: a proxy's page, for one.
aws::Failure not_confirmed(const common::HttpResponse& answer, bool is_once) {
  aws::Failure out;
  out.is_retryable = is_once;
  out.http_status = answer.status;
  out.text =
      "SNS Publish: the answer has no MessageId: the message may have been published; is the endpoint SNS?";
  const std::string id = aws::request_id_of(answer);
  if (!id.empty()) out.text += " (request id " + id + ")";
  return out;
}

/// What is wrong with one message says nothing of the topic.
common::FarEnd::Says judge(const common::ServiceFailure& failure) {
  switch (failure.status) {
    case CLEAT_INVALID:
    case CLEAT_TOO_LARGE:
      return common::FarEnd::Says::nothing;
    case CLEAT_THROTTLED:
      return common::FarEnd::Says::is_slow;
    default:
      return common::FarEnd::Says::is_wrong;
  }
}

}  // namespace

void SnsBinding::init(const Config& config) {
  config_.topic_arn = config.text("topicArn");
  config_.group = config.text("messageGroupId");
  const aws::Arn arn = aws::parse_arn(config_.topic_arn);
  if (arn.service != "sns")
    throw Error(CLEAT_INVALID,
                "topicArn: expected arn:aws:sns:REGION:ACCOUNT:NAME, found '" + config_.topic_arn + "'");
  settings_ = aws::parse_settings(config, "sns", arn.region);
}

void SnsBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = settings_.ca;
  curl_.emplace(std::move(options));
  client_.emplace(*curl_, settings_, "sns");
  const auto ask = [this](std::uint64_t deadline_ns, const common::FarEnd::Answer& done) {
    look(deadline_ns, done);
  };
  const auto tell = [this](std::int32_t health, const std::string& why) { health_.tell(health, why); };
  far_end_.emplace(curl_->loop(), common::FarEnd::Ways{ask, judge, tell});
  curl_->start();
}

void SnsBinding::invoke(const Request& request, Call&& call) {
  Publication publication = publication_of(request, config_);
  aws::ServiceRequest out = request_of("SNS Publish", std::move(publication.form));
  out.may_run_twice = publication.is_once;
  out.tag = request.id();
  out.deadline_ns = request.deadline().at_ns != 0 ? request.deadline().at_ns : INT64_MAX;
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<std::pair<aws::ServiceRequest, Call>>(std::move(out), std::move(call));
  const bool is_taken = curl_->loop().post([this, held] {
    const bool is_once = held->first.may_run_twice;
    client_->send(std::move(held->first),
                  [this, held, is_once](const common::HttpResponse* answer, const aws::Failure* failure) {
                    if (failure != nullptr) return failed(std::move(held->second), *failure);
                    if (aws::xml_text(answer->body, "MessageId").empty())
                      return failed(std::move(held->second), not_confirmed(*answer, is_once));
                    published(std::move(held->second), *answer);
                  });
  });
  if (!is_taken) held->second.fail(CLEAT_CANCELLED, "the component has stopped", CLEAT_RETRYABLE);
}

void SnsBinding::published(Call&& call, const common::HttpResponse& answer) {
  Call mine = std::move(call);
  far_end_->note(nullptr);
  Response response;
  for (const char* name : {"MessageId", "SequenceNumber"}) {
    if (std::string value = aws::xml_text(answer.body, name); !value.empty())
      response.metadata.emplace_back(name, std::move(value));
  }
  mine.complete(std::move(response));
}

void SnsBinding::failed(Call&& call, const aws::Failure& failure) {
  Call mine = std::move(call);
  far_end_->note(&failure);
  common::fail(mine, failure);
}

void SnsBinding::cancel(std::uint64_t call_id) {
  client_->cancel(call_id);
}

void SnsBinding::look(std::uint64_t deadline_ns, common::FarEnd::Answer done) {
  aws::ServiceRequest out =
      request_of("SNS GetTopicAttributes", "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=" +
                                               common::url_encoded(config_.topic_arn));
  out.may_run_twice = true;
  out.deadline_ns = deadline_ns;
  client_->send(std::move(out), [done = std::move(done)](const common::HttpResponse* answer,
                                                         const aws::Failure* failure) {
    if (failure != nullptr || answer->body.find("<GetTopicAttributesResult") != std::string::npos)
      return done(failure);
    common::ServiceFailure strange;
    strange.http_status = answer->status;
    strange.text = "SNS GetTopicAttributes: the answer has no attributes; is the endpoint SNS?";
    done(&strange);
  });
}

void SnsBinding::ping(Deadline deadline) {
  const auto ask = [this, at_ns = deadline.at_ns](const common::Answer& answer) {
    look(at_ns, [answer](const common::ServiceFailure* failure) { answer(common::trouble_of(failure)); });
  };
  common::ask_and_wait(curl_->loop(), deadline, "SNS did not answer in time", ask);
}

void SnsBinding::stop(Deadline deadline) {
  common::run_and_wait(curl_->loop(), deadline, [this] {
    far_end_->close();
    client_->close();
  });
  curl_->stop();
}

}  // namespace cleat::sns
