#include <array>

#include "plugin/ports.hpp"

namespace cleat {
namespace {

struct Status {
  std::string_view name;
  unsigned http, grpc;
};

// By the status's number.
constexpr std::array<Status, 15> kStatuses{{{"OK", 200, 0},
                                            {"INVALID", 400, 3},
                                            {"UNAUTHENTICATED", 502, 16},
                                            {"DENIED", 502, 7},
                                            {"NOT_FOUND", 404, 5},
                                            {"UNSUPPORTED", 400, 12},
                                            {"CONFLICT", 409, 10},
                                            {"TOO_LARGE", 413, 8},
                                            {"THROTTLED", 429, 8},
                                            {"CANCELLED", 500, 1},
                                            {"UNAVAILABLE", 503, 14},
                                            {"TIMEOUT", 504, 4},
                                            {"REMOTE", 502, 2},
                                            {"INTERNAL", 500, 13},
                                            {"AGAIN", 500, 13}}};

const Status& find(cleat_status status) {
  const bool known = status >= 0 && static_cast<std::size_t>(status) < kStatuses.size();
  return kStatuses[static_cast<std::size_t>(known ? status : CLEAT_INTERNAL)];
}

}  // namespace

std::string_view status_name(cleat_status status) {
  return find(status).name;
}

unsigned http_code_of(cleat_status status) {
  return find(status).http;
}

unsigned grpc_code_of(cleat_status status) {
  return find(status).grpc;
}

}  // namespace cleat
