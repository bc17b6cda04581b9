#include "common/aws/body_hashes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/deadlines.hpp"
#include "common/event_loop.hpp"
#include "common/on_loop.hpp"

namespace cleat::aws {
namespace {

constexpr std::uint64_t kNever = INT64_MAX;
constexpr std::size_t kPiece = BodyHashes::kPieceBytes;

class AwsBodyHashes : public ::testing::Test {
 protected:
  struct Told {
    std::string hash;
    cleat_status status = CLEAT_OK;
    bool is_retryable = false;
    std::string text;
  };
  AwsBodyHashes() { loop.start(); }
  ~AwsBodyHashes() override {
    on_loop([this] { hashes.close(); });
    loop.stop();
  }
  void on_loop(const std::function<void()>& task) {
    EXPECT_TRUE(common::run_and_wait(loop, {common::ns_after(std::chrono::seconds(30))}, task));
  }
  /// On the loop.
  void add(const std::string& body, std::uint64_t tag = 0, std::uint64_t deadline_ns = kNever) {
    hashes.add(body, tag, deadline_ns,
               [this](const std::string* hash, const common::ServiceFailure* failure) {
                 if (hash != nullptr) {
                   told.push_back({*hash, CLEAT_OK, false, {}});
                 } else {
                   told.push_back({{}, failure->status, failure->is_retryable, failure->text});
                 }
               });
  }
  /// So many turns of the loop later than now, all that was told by then.
  std::vector<Told> told_after(int turns) {
    for (int i = 0; i < turns; ++i)
      on_loop([] {});
    std::vector<Told> copy;
    on_loop([&] { copy = told; });
    return copy;
  }
  std::vector<Told> wait_for(std::size_t count) {
    std::vector<Told> copy;
    while (copy.size() < count)
      copy = told_after(1);
    return copy;
  }
  common::EventLoop loop;
  BodyHashes hashes{loop};
  std::vector<Told> told;  ///< of the loop's thread
};

TEST_F(AwsBodyHashes, AreThoseOfTheWholeBody) {
  const std::string text = "text", large(std::size_t{6} << 20U, 'x');
  on_loop([&] {
    add(text);
    add(large);
    add("");
  });
  const std::vector<Told> all = wait_for(3);
  EXPECT_EQ(all[0].hash, "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
  EXPECT_EQ(all[1].hash, "402ba9ffb08fc79f67c50082e044b521827e5f9fadeb159c8c16fa472bbc9ddf");
  EXPECT_EQ(all[2].hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(AwsBodyHashes, LeaveATurnToOthersBehindEachPiece) {
  const std::string body(20 * kPiece, 'x');
  int turns = 0;
  std::function<void()> other = [&] {
    if (!told.empty()) return;
    ++turns;
    loop.post(other);
  };
  on_loop([&] {
    add(body);
    add(body);
    other();
  });
  wait_for(2);
  EXPECT_GE(turns, 20);
}

TEST_F(AwsBodyHashes, EndWhenNobodyWaitsForThem) {
  const std::string body(100 * kPiece, 'x');
  on_loop([&] {
    for (const std::uint64_t tag : {1, 2, 3, 2})
      add(body, tag);
  });
  told_after(2);
  on_loop([&] {
    hashes.cancel(1);
    hashes.cancel(2);
    EXPECT_EQ(told.size(), 3U);
    hashes.close();
  });
  const std::vector<Told> all = wait_for(4);
  EXPECT_EQ(all[0].status, CLEAT_CANCELLED);
  EXPECT_EQ(all[0].text, "nobody waits for the answer any more");
  EXPECT_EQ(all[3].status, CLEAT_CANCELLED);
  EXPECT_TRUE(all[3].is_retryable);
  EXPECT_EQ(all[3].text, "the component stopped before the body was hashed");
}

TEST_F(AwsBodyHashes, EndByTheDeadline) {
  const std::string body(100 * kPiece, 'x');
  on_loop([&] {
    add(body, 1, 1);  // long ago
    add(body, 2, 1);
  });
  const std::vector<Told> all = wait_for(2);
  EXPECT_EQ(all[0].status, CLEAT_TIMEOUT);
  EXPECT_TRUE(all[0].is_retryable);
  EXPECT_EQ(all[1].text, "the body was not hashed within the time of the call");
}

TEST_F(AwsBodyHashes, LetSoManyWait) {
  const std::string body(2 * kPiece, 'x');
  on_loop([&] {
    for (int i = 0; i < 4096; ++i)
      add(body, 1);
    EXPECT_TRUE(told.empty());
    add(body);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].status, CLEAT_THROTTLED);
    EXPECT_TRUE(told[0].is_retryable);
    hashes.cancel(1);
    EXPECT_EQ(told.size(), 4097U);
  });
}

}  // namespace
}  // namespace cleat::aws
