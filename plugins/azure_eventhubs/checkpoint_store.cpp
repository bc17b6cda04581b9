#include "checkpoint_store.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "common/curl/answer.hpp"
#include "common/url.hpp"

namespace cleat::eventhubs {
namespace {

constexpr std::uint64_t kWithinNs = 30'000'000'000;
/// An older answer could say that there is no checkpoint although one has been written since.
constexpr std::chrono::seconds kGoodFor{30};

common::CurlLoop::Options options_of(const CheckpointPlace& place) {
  common::CurlLoop::Options out;
  out.ca = place.ca;
  return out;
}

}  // namespace

CheckpointStore::CheckpointStore(Host host, const CheckpointPlace& place)
    : host_(host), place_(place), curl_(options_of(place)), client_(curl_, place.account) {
  curl_.start();
}

void CheckpointStore::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_stopped_, true)) return;
  }
  changed_.notify_all();
  curl_.loop().post([this] { client_.close(); });
  curl_.stop();
}

std::map<kafka::PartitionKey, kafka::FirstStart> CheckpointStore::starts(
    const std::vector<kafka::PartitionKey>& partitions, Clock::time_point end) {
  std::unique_lock lock(mutex_);
  for (const auto& [hub, partition] : partitions) {
    Entry& entry = entries_[partition];
    if (entry.is_asking || entry.good_until > Clock::now() || is_stopped_) continue;
    entry.is_asking = true;
    curl_.loop().post([this, number = partition] { ask(number); });
  }
  changed_.wait_until(lock, end, [&] {
    return is_stopped_ || std::none_of(partitions.begin(), partitions.end(),
                                       [&](const auto& one) { return entries_[one.second].is_asking; });
  });
  std::map<kafka::PartitionKey, kafka::FirstStart> out;
  for (const auto& key : partitions) {
    const Entry& entry = entries_[key.second];
    kafka::FirstStart start = entry.start;
    if (entry.is_asking && start.failure.empty())
      start = {std::nullopt, "the storage account has not answered yet"};
    // Who was never asked has not said that there is none.
    if (is_stopped_ && entry.good_until <= Clock::now()) start = {std::nullopt, "the component stops"};
    out[key] = std::move(start);
  }
  return out;
}

void CheckpointStore::ask(std::int32_t partition) {
  azure::ServiceRequest request;
  request.what = "checkpoint of partition " + std::to_string(partition) + ": Get Blob Properties";
  request.method = "HEAD";
  request.path = "/" + common::encoded_path(place_.container, false) + "/" +
                 common::encoded_path(place_.folder + std::to_string(partition), true);
  request.may_run_twice = true;
  request.deadline_ns = host_.now_ns() + kWithinNs;
  client_.send(std::move(request),
               [this, partition](const common::HttpResponse* answer, const azure::Failure* failure) {
                 answered(partition, answer, failure);
               });
}

void CheckpointStore::answered(std::int32_t partition, const common::HttpResponse* answer,
                               const azure::Failure* failure) {
  kafka::FirstStart start = start_of(place_.folder + std::to_string(partition), answer, failure);
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[partition];
    entry.is_asking = false;
    if (start.failure.empty()) entry.back_off.reset();
    entry.good_until =
        Clock::now() + (start.failure.empty() ? std::chrono::milliseconds(kGoodFor) : entry.back_off.next());
    entry.start = std::move(start);
  }
  changed_.notify_all();
}

/// A store that does not answer, or answers strangely, says nothing about where to begin; one that has no such blob does.
kafka::FirstStart CheckpointStore::start_of(const std::string& blob, const common::HttpResponse* answer,
                                            const azure::Failure* failure) {
  if (failure != nullptr && failure->code == "ContainerNotFound" && !std::exchange(was_missing_, true)) {
    host_.log(CLEAT_LOG_WARN, "there is no container '" + place_.container +
                                  "' in the storage account, so there are no checkpoints: reading begins at "
                                  "initialOffset");
  }
  if (failure != nullptr && (failure->code == "BlobNotFound" || failure->code == "ContainerNotFound"))
    return {};
  if (failure != nullptr) return {std::nullopt, failure->text};
  const std::string text = common::header_of(*answer, "x-ms-meta-sequencenumber");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 ||
      number == std::numeric_limits<std::int64_t>::max()) {
    return {std::nullopt, "the checkpoint '" + blob +
                              "': expected a number as metadata sequencenumber, found '" + text +
                              "'. Delete the blob, or leave the storage fields out, for reading to begin at "
                              "initialOffset"};
  }
  return {number + 1, ""};
}

}  // namespace cleat::eventhubs
