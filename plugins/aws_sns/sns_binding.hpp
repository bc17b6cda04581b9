#pragma once

#include <cleat/plugin.hpp>

#include <optional>
#include <string>

#include "common/aws/client.hpp"
#include "common/curl/far_end.hpp"
#include "common/curl/loop.hpp"
#include "common/told_health.hpp"
#include "publication.hpp"

namespace cleat::sns {

/// bindings.aws.sns: one thread that owns the connections; each call is one request.
class SnsBinding {
 public:
  explicit SnsBinding(Host host) : host_(host) {}
  SnsBinding(const SnsBinding&) = delete;
  SnsBinding& operator=(const SnsBinding&) = delete;
  /// The thread ends before what it works with.
  ~SnsBinding() {
    if (curl_) curl_->stop();
  }

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void stop(Deadline deadline);

 private:
  void look(std::uint64_t deadline_ns, common::FarEnd::Answer done);
  void published(Call&& call, const common::HttpResponse& answer);
  void failed(Call&& call, const aws::Failure& failure);

  Host host_;
  SnsConfig config_;
  aws::Settings settings_;
  common::ToldHealth health_{host_};
  std::optional<common::CurlLoop> curl_;
  std::optional<common::FarEnd> far_end_;
  std::optional<aws::Client> client_;
};

}  // namespace cleat::sns
