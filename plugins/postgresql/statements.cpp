#include "statements.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/json_value.hpp"
#include "values.hpp"

namespace cleat::postgresql {
namespace {

// More are refused: the server is slower than its callers.
constexpr std::uint32_t kMostCalls = 8192;
// PostgreSQL's own bound.
constexpr std::size_t kMostParameters = 65'535;

/// The parameters of a call. The text that they were read from stays here: what is an array there is one for PostgreSQL
/// too, where it wants one, and JSON everywhere else.
struct Parsed {
  std::string text;
  common::JsonValue array;
};

[[noreturn]] void refuse_params(const std::string& why) {
  throw Error(CLEAT_INVALID, "invalid metadata property params: failed to unserialize into an array: " + why);
}

std::shared_ptr<const Parsed> parse_params(const Request& request) {
  const auto parsed = std::make_shared<Parsed>();
  parsed->text = request.metadata("params").value_or("");
  if (parsed->text.empty()) return parsed;
  try {
    parsed->array = common::parse_json(parsed->text);
  } catch (const std::invalid_argument& error) {
    refuse_params(error.what());
  }
  const common::JsonValue& array = parsed->array;
  if (array.kind != common::JsonValue::Kind::array && array.kind != common::JsonValue::Kind::null)
    refuse_params("expected an array like [1, \"a\"], found " + std::string(array.raw.substr(0, 1)) + "...");
  if (array.items.size() > kMostParameters)
    refuse_params("expected at most 65535 elements, found " + std::to_string(array.items.size()));
  return parsed;
}

/// As a text, in it or in what it holds; its JSON has none.
bool has_zero(const common::JsonValue& value) {
  return value.text.find('\0') != std::string::npos ||
         std::any_of(value.items.begin(), value.items.end(), has_zero);
}

Statement statement_of(std::string_view sql, bool is_query, const std::shared_ptr<const Parsed>& params) {
  Statement out;
  out.sql = sql;
  bool has_arrays = false;
  for (const common::JsonValue& item : params->array.items) {
    if (has_zero(item))
      refuse_params("expected texts without a zero character, which PostgreSQL cannot hold");
    out.parameters.push_back(parameter_text(item, 0));
    has_arrays = has_arrays || item.kind == common::JsonValue::Kind::array;
  }
  out.is_script = !is_query && out.parameters.empty();
  if (has_arrays) {
    out.fit = [params](Statement::Values& parameters, const std::vector<std::uint32_t>& types) {
      for (std::size_t i = 0; i < parameters.size() && i < types.size(); ++i)
        parameters[i] = parameter_text(params->array.items[i], types[i]);
    };
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
  if (request.raw().metadata.count == 0) throw Error(CLEAT_INVALID, "metadata required");
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
    job->statement = statement_of(running->sql, running->is_query, parse_params(request));
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
  std::string& out = running->rows;
  const std::uint64_t most = config_.max_result_bytes;
  if (!running->is_query || !running->job || (most != 0 && out.size() > most)) return;
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
  if (most == 0 || out.size() <= most) return;
  // Not from within the row's own callback.
  loop_.before_sleep([this, job = running->job, most] {
    pool_.abandon(job, {CLEAT_TOO_LARGE, "the result is larger than maxResultSize, " + std::to_string(most) +
                                             " bytes; ask for fewer rows with LIMIT"});
  });
}

void Statements::finish(const RunningPtr& running, const Finished& finished, const Error* trouble) {
  Call& call = running->call;
  if (trouble != nullptr) {
    call.fail(trouble->status, trouble->what(), trouble->flags);
  } else if (!finished.state.empty()) {
    const SqlMeaning meaning = meaning_of_state(finished.state);
    const bool may_stay =
        !finished.has_committed && meaning.flags != 0 && finished.was_sent && may_commit_inside(running->sql);
    call.fail(meaning.status,
              "error executing query: " + finished.error + " (SQLSTATE " + finished.state + ")" +
                  (finished.has_committed ? "; what came before its COMMIT stays"
                   : may_stay             ? "; what it had committed until then stays"
                                          : ""),
              finished.has_committed || may_stay ? 0 : meaning.flags);
  } else if (finished.is_lost && !finished.was_sent) {
    call.fail(CLEAT_UNAVAILABLE, "the connection to PostgreSQL ended before the statement was sent",
              CLEAT_RETRYABLE);
  } else if (finished.is_lost) {
    call.fail(CLEAT_UNAVAILABLE,
              "the connection to PostgreSQL ended; the statement may have been carried out");
  } else if (finished.is_left_open) {
    call.fail(
        CLEAT_INVALID,
        "error executing query: the statement began a transaction and did not end it, so it was rolled back; "
        "send BEGIN and COMMIT in one call");
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
