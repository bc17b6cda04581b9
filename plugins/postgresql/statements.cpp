#include "statements.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include "common/json_array.hpp"
#include "values.hpp"

namespace cleat::postgresql {
namespace {

// More are refused: the server is slower than its callers.
constexpr std::uint32_t kMostCalls = 8192;

std::vector<std::optional<std::string>> parameters_of(const Request& request) {
  const auto text = request.metadata("params");
  if (!text || text->empty()) return {};
  std::vector<std::optional<std::string>> out;
  try {
    for (common::JsonElement& element : common::parse_json_array(*text)) {
      if (element.kind == common::JsonElement::Kind::null) {
        out.emplace_back(std::nullopt);
      } else if (element.value.find('\0') != std::string::npos) {
        throw std::invalid_argument("expected texts without a zero character, which PostgreSQL cannot hold");
      } else {
        out.emplace_back(std::move(element.value));
      }
    }
  } catch (const std::invalid_argument& error) {
    throw Error(CLEAT_INVALID,
                std::string("invalid metadata property params: failed to unserialize into an array: ") +
                    error.what());
  }
  return out;
}

}  // namespace

void Statements::invoke(const Request& request, Call&& call) {
  const std::string operation(request.operation());
  if (operation != "exec" && operation != "query" && operation != "close") {
    throw Error(CLEAT_UNSUPPORTED,
                "invalid operation type: " + operation + ". Expected exec, query, or close");
  }
  if (operation == "close") {
    is_closed_ = true;
    auto held = std::make_shared<Call>(std::move(call));
    loop_.post([this, held] {
      pool_.close();
      held->complete();
    });
    return;
  }
  if (is_closed_) throw Error(CLEAT_UNAVAILABLE, "component is closed");
  const auto sql = request.metadata("sql");
  if (!sql || sql->empty()) throw Error(CLEAT_INVALID, "required metadata not set: sql");
  if (sql->find('\0') != std::string_view::npos)
    throw Error(CLEAT_INVALID, "sql: expected a statement without a zero character");
  auto running = std::make_shared<Running>(Running{std::move(call)});
  running->is_query = operation == "query";
  running->operation = operation;
  running->sql = *sql;
  auto job = std::make_shared<Pool::Job>();
  // What is dropped with an exception here completes the call, so nothing that can fail comes after this.
  try {
    job->statement = {running->sql, parameters_of(request)};
  } catch (const Error& error) {
    running->call.fail(error.status, error.what());
    return;
  }
  job->deadline_ns = request.deadline().at_ns;
  if (out_.fetch_add(1) >= kMostCalls) {
    out_.fetch_sub(1);
    running->call.fail(CLEAT_THROTTLED,
                       std::to_string(kMostCalls) + " statements wait for PostgreSQL already",
                       CLEAT_RETRYABLE);
    return;
  }
  running->begun = std::chrono::system_clock::now();
  running->begun_at = std::chrono::steady_clock::now();
  running->job = job;
  job->row = [this, running](const Row& row) { take_row(running, row); };
  job->done = [this, running](const Finished& finished, const Error* trouble) {
    out_.fetch_sub(1);
    running->job.reset();
    finish(running, finished, trouble);
  };
  loop_.post([this, job] { pool_.run(job); });
}

void Statements::take_row(const RunningPtr& running, const Row& row) {
  if (!running->is_query || !running->job) return;
  std::string& out = running->rows;
  out += out.empty() ? "[[" : ",[";
  for (int column = 0; column < row.size(); ++column) {
    if (column > 0) out += ',';
    if (row.is_null(column)) {
      out += "null";
    } else {
      append_value(out, row.type(column), row.text(column));
    }
  }
  out += ']';
  if (config_.max_result_bytes == 0 || out.size() <= config_.max_result_bytes) return;
  // Not from within the row's own callback.
  loop_.before_sleep([this, job = running->job] {
    pool_.abandon(job, {CLEAT_TOO_LARGE, "the result is larger than maxResultSize, " +
                                             std::to_string(config_.max_result_bytes) +
                                             " bytes; ask for fewer rows with LIMIT"});
  });
}

void Statements::finish(const RunningPtr& running, const Finished& finished, const Error* trouble) {
  if (trouble != nullptr) {
    running->call.fail(trouble->status, trouble->what(), trouble->flags);
  } else if (!finished.error.empty()) {
    const SqlMeaning meaning = meaning_of_state(finished.state);
    running->call.fail(meaning.status,
                       "error executing query: " + finished.error + " (SQLSTATE " + finished.state + ")",
                       meaning.flags);
  } else {
    answer(running, finished.affected);
  }
}

void Statements::answer(const RunningPtr& running, const std::string& affected) {
  const auto took = std::chrono::steady_clock::now() - running->begun_at;
  Response response;
  response.metadata = {
      {"operation", running->operation},
      {"sql", running->sql},
      {"start-time", time_text(running->begun)},
      {"end-time",
       time_text(running->begun + std::chrono::duration_cast<std::chrono::system_clock::duration>(took))},
      {"duration", go_duration(took)}};
  if (running->is_query) {
    response.data = Buffer::of(running->rows.empty() ? std::string("[]") : running->rows + "]");
    response.content_type = "application/json";
  } else {
    response.metadata.emplace_back("rows-affected", affected.empty() ? "0" : affected);
  }
  running->call.complete(std::move(response));
}

}  // namespace cleat::postgresql
