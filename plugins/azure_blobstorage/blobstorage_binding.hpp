#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "blob_config.hpp"
#include "bulk.hpp"
#include "common/azure/place.hpp"
#include "common/curl/loop.hpp"
#include "common/told_health.hpp"

namespace cleat::blobstorage {

/// bindings.azure.blobstorage: one thread that owns the connections; files are read and written in the host's pool.
class BlobStorageBinding {
 public:
  explicit BlobStorageBinding(Host host) : host_(host) {}
  BlobStorageBinding(const BlobStorageBinding&) = delete;
  BlobStorageBinding& operator=(const BlobStorageBinding&) = delete;
  /// The thread ends before what it uses.
  ~BlobStorageBinding() {
    if (curl_) curl_->stop();
  }

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void stop(Deadline deadline);

 private:
  using Answered = std::function<Response(common::HttpResponse&)>;

  void create(const Request& request, Call&& call);
  void get(const Request& request, Call&& call);
  void remove(const Request& request, Call&& call);
  void list(const Request& request, Call&& call);
  void get_file(const Request& request, Call&& call, std::string path);
  void bulk(const Request& request, Call&& call, BulkRequest::Kind kind);
  void presign(const Request& request, Call&& call);
  /// Runs it on the loop with the call, which is an Error's if there is none any more.
  void begin(Call&& call, std::function<void(Call&& call)> task);
  /// Sends it for the call; `answered` makes the call's answer of the service's, and may throw Error.
  void ask(azure::ServiceRequest out, const Request& request, Call&& call, Answered answered);

  Host host_;
  BlobConfig config_;
  common::ToldHealth health_{host_};
  std::optional<common::CurlLoop> curl_;
  std::optional<azure::Place> container_;
  std::optional<common::FileWork> files_;
  std::optional<FileCalls> file_calls_;
};

}  // namespace cleat::blobstorage
