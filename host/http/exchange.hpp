#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "http/response.hpp"

namespace cleat::http {

/// One request that waits for its answer. Belongs to one io thread.
class Exchange : public boost::intrusive_ref_counter<Exchange, boost::thread_unsafe_counter> {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  /// Once per request, on the io thread, now or later. If the client has left meanwhile, the answer is
  /// dropped.
  virtual void respond(Response&& response) = 0;
  /// Whether the client still waits for the answer, as far as can be told without waiting. On the io thread, before
  /// respond().
  [[nodiscard]] virtual bool wanted() = 0;
};

using ExchangePtr = boost::intrusive_ptr<Exchange>;

}  // namespace cleat::http
