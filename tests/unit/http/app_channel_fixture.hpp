#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "http/app_channel.hpp"
#include "loop_thread.hpp"
#include "make_event.hpp"
#include "raw_socket.hpp"

namespace cleat::testing {

/// What an answer said, kept beyond its handler.
struct Kept {
  Outcome outcome = Outcome::answered;
  unsigned status = 0;
  std::string body, content_type, retry_after, error;
};

inline Kept keep(const Answer& a) {
  return {a.outcome,
          a.status,
          std::string(a.body),
          std::string(a.content_type),
          std::string(a.retry_after),
          std::string(a.error)};
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// An application played by the test on a raw socket, and a channel to it on a loop of its own.
class AppChannelTest : public ::testing::Test, public AnswerHandler {
 protected:
  ~AppChannelTest() override {
    loop_.run([this] {
      channel_.reset();
      connections_.reset();
    });
  }
  void start() {
    options_.port = application_.port();
    options_.version = "1";
    loop_.run([this] {
      connections_ = std::make_unique<http::AppConnections>(options_, loop_.loop());
      channel_ = std::make_unique<http::AppChannel>(channel_options_, *connections_);
    });
  }
  Event& post(EventText text = {.data = "{}"}) {
    events_.push_back(make_event(text));
    Event& event = *events_.back();
    loop_.run([&] {
      const std::size_t before = given_;
      channel_->post(event, *this);
      EXPECT_EQ(given_, before) << "answered on the caller's stack";
    });
    return event;
  }
  Batch& post_batch(const std::vector<EventText>& texts) {
    Batch& batch = *batches_.emplace_back(std::make_unique<Batch>());
    for (const EventText& text : texts)
      batch.events.push_back(events_.emplace_back(make_event(text)).get());
    loop_.run([&] { channel_->post(batch, *this); });
    return batch;
  }
  void on_batch_answer(Batch& batch, const Answer& answer,
                       std::span<const std::optional<Verdict>> verdicts) override {
    const std::lock_guard lock(mutex_);
    answered_batch_ = &batch;
    verdicts_.assign(verdicts.begin(), verdicts.end());
    answers_.push_back(keep(answer));
    came_.notify_all();
  }
  void on_answer(Event& event, const Answer& answer) override {
    ++given_;
    if (and_then_ != nullptr) channel_->post(*std::exchange(and_then_, nullptr), *this);
    const std::lock_guard lock(mutex_);
    answers_.push_back(keep(answer));
    answered_events_.push_back(&event);
    came_.notify_all();
  }
  /// Waits for the answer number `index`, from 0.
  Kept answer(std::size_t index) {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, std::chrono::seconds(30), [&] { return answers_.size() > index; })) {
      ADD_FAILURE() << "no answer " << index;
      return {};
    }
    return answers_[index];
  }
  Kept probe(std::uint64_t timeout_ns, const std::function<void()>& play) {
    std::promise<Kept> told;
    loop_.run(
        [&] { channel_->probe(timeout_ns, [&](const Answer& answer) { told.set_value(keep(answer)); }); });
    play();
    return told.get_future().get();
  }

  RawListener application_;
  LoopThread loop_;
  http::AppOptions options_;
  http::AppChannelOptions channel_options_{"orders", "bindings.kafka", false, 0};
  std::unique_ptr<http::AppConnections> connections_;
  std::unique_ptr<http::AppChannel> channel_;
  std::vector<EventPtr> events_;
  std::vector<std::unique_ptr<Batch>> batches_;
  Batch* answered_batch_ = nullptr;
  std::vector<std::optional<Verdict>> verdicts_;
  Event* and_then_ = nullptr;  ///< posted from inside the next answer
  std::size_t given_ = 0;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Kept> answers_;
  std::vector<Event*> answered_events_;
};

}  // namespace cleat::testing
