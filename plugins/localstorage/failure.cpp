#include "failure.hpp"

#include <cleat/values.hpp>

#include <cerrno>
#include <system_error>

namespace cleat::localstorage {
namespace {

cleat_status status_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return CLEAT_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
      return CLEAT_DENIED;
    case ENAMETOOLONG:
    case EILSEQ:  // a name that this file system cannot have
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENXIO:
    case EXDEV:
      return CLEAT_INVALID;
    case ENOTEMPTY:
    case EEXIST:
      return CLEAT_CONFLICT;
    case EFBIG:
      return CLEAT_TOO_LARGE;
    default:
      return CLEAT_UNAVAILABLE;
  }
}

}  // namespace

void fail(const std::string& what) {
  const int error = errno;
  const cleat_status status = status_of(error);
  throw Error(status, what + ": " + std::generic_category().message(error),
              status == CLEAT_UNAVAILABLE ? CLEAT_RETRYABLE : 0, error);
}

}  // namespace cleat::localstorage
