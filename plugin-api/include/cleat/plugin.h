/* SPDX-License-Identifier: Apache-2.0
 *
 * cleat/plugin.h: the interface between the host and a plugin. C11; needs <stddef.h> and <stdint.h> only.
 *
 * Thread tags, one on every function:
 *   [loader]   once per loaded file, alone.
 *   [control]  calls of one instance never overlap; may block until the deadline given.
 *   [hot]      must return at once. Only invoke() may block, if the type declares "blocking": then it runs in the
 *              component's pool. settle(), set_window() and posted tasks of one instance never overlap each other.
 *              With "serial" in the manifest no two [hot] functions of an instance overlap (the cancel() of a
 *              blocking type excepted).
 *   [any]      host function: every thread, never blocks, never calls back into the plugin on this stack.
 *
 * No exception, longjmp or thread cancellation crosses, in either direction. Times are CLOCK_MONOTONIC nanoseconds
 * unless named wall; 0 means none. Text is UTF-8. reserved* and unnamed flag bits are written as 0.
 *
 * Life of an instance:
 *
 *   (none) -create-> CREATED -init-> CONFIGURED -start-> RUNNING <-begin_input / end_input-> READING
 *   any of these -stop-> STOPPED -close-> (none)
 *   failed init or start, or CLEAT_CHECK_ONLY: close at once, without stop
 *   a call past its deadline: STUCK; never closed, its file stays loaded, what it holds stays valid for ever
 *
 * The full contract with its reasons is in plugin-api/README.md. */
#ifndef CLEAT_PLUGIN_H
#define CLEAT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_ABI_MAJOR 0u /* 0 until the freeze: until then the minor must match exactly */
#define CLEAT_ABI_MINOR 1u
#define CLEAT_EXPORT __attribute__((visibility("default")))

/* Growth. A struct that opens with struct_size may gain members at its END in a minor release. Who fills it stores
 * its own sizeof; who reads a member asks first. Every appended member means "not given" when it is zero. */
#define CLEAT_HAS(type, ptr, member) (offsetof(type, member) + sizeof((ptr)->member) <= (ptr)->struct_size)
#define CLEAT_CAN(type, ptr, function) (CLEAT_HAS(type, ptr, function) && (ptr)->function != NULL)

/* The four value types never change within a major. */

/* Borrowed text; one that comes from the host is also NUL-ended (not counted in len). */
typedef struct cleat_str {
  const char* ptr;
  size_t len;
} cleat_str;

typedef struct cleat_kv {
  cleat_str key, value;
} cleat_kv;

typedef struct cleat_map {
  const cleat_kv* items;
  size_t count;
} cleat_map;

/* Owned bytes. Whoever holds them last calls release(owner) once, on any thread. release must not block and must not
 * call the host. release == NULL: static data, nothing to do. */
typedef struct cleat_buf {
  const void* ptr;
  size_t len;
  void (*release)(void* owner);
  void* owner;
} cleat_buf;

typedef int32_t cleat_status; /* stable numbers; an unknown one means CLEAT_INTERNAL */
enum {
  CLEAT_OK = 0,
  CLEAT_INVALID = 1,         /* the caller's input is wrong: another attempt cannot help */
  CLEAT_UNAUTHENTICATED = 2, /* the far end does not know us */
  CLEAT_DENIED = 3,          /* the far end knows us and refuses */
  CLEAT_NOT_FOUND = 4,
  CLEAT_UNSUPPORTED = 5, /* operation or feature that this plugin does not offer */
  CLEAT_CONFLICT = 6,
  CLEAT_TOO_LARGE = 7,
  CLEAT_THROTTLED = 8, /* a bound was reached, here or there */
  CLEAT_CANCELLED = 9,
  CLEAT_UNAVAILABLE = 10, /* the far end cannot be reached */
  CLEAT_TIMEOUT = 11,
  CLEAT_REMOTE = 12,   /* the far end answered with an error of its own */
  CLEAT_INTERNAL = 13, /* a defect of the plugin or of the host */
  CLEAT_AGAIN = 14     /* deliver() and post() only: a bound is reached, try again when told */
};

#define CLEAT_RETRYABLE 1u /* flag: the same call may succeed later */

/* Out-parameter of [control] functions: filled by the callee, text into the caller's buffer (cut at text_cap; text_len
 * is what was written). Valid during the call only. */
typedef struct cleat_error {
  uint32_t struct_size;
  cleat_status code;
  uint32_t flags, retry_after_ms;
  int64_t native_code; /* the client library's own number */
  char* text;
  size_t text_cap, text_len;
} cleat_error;

/* In-parameter of complete(): why a call failed. Borrowed until complete() returns. */
typedef struct cleat_failure {
  uint32_t struct_size;
  cleat_status code;
  uint32_t flags, retry_after_ms;
  int64_t native_code;
  cleat_str text;
} cleat_failure;

typedef struct cleat_call cleat_call; /* a token, spent by complete(); not to be dereferenced */

/* Host to plugin. It and everything reachable from it stays valid until the call is completed, so that a client
 * library may send straight from the host's buffer. */
typedef struct cleat_request {
  uint32_t struct_size, flags;
  uint64_t call_id;     /* names the call in cancel(); never reused */
  uint64_t deadline_ns; /* the caller has its answer by then, whatever the plugin does */
  cleat_str operation, content_type;
  cleat_map metadata;
  const void* data;
  size_t data_len;
  cleat_str traceparent, tracestate, baggage;
  uint32_t shard, reserved0; /* io thread of the call, 0..shards-1: for resources kept per thread */
} cleat_request;

/* Plugin to host, read before complete() returns; data moves to the host. */
typedef struct cleat_response {
  uint32_t struct_size, flags;
  cleat_buf data;
  cleat_str content_type;
  cleat_map metadata;
} cleat_response;

/* Plugin to host, read before deliver() returns. data moves to the host if the event is accepted and stays the
 * plugin's if it is not. */
typedef struct cleat_event {
  uint32_t struct_size, flags;
  uint64_t id;                 /* the plugin's number; never reused by this instance */
  uint64_t lane;               /* the source's own unit of order; never reused once closed; 0: none */
  uint64_t settle_by_ns;       /* no attempt begins after this instant: settled ABANDON instead */
  uint64_t first_seen_wall_ns; /* 0: the source cannot say */
  uint32_t delivery_count;     /* how often the source gave it out, this time included; 0: cannot say */
  uint32_t reserved0;
  cleat_buf data;
  cleat_str content_type;
  cleat_str source_id; /* the source's own stable name: "topic/3@42", a message id */
  cleat_str key;       /* ordering key inside the lane, if the source has one */
  cleat_map metadata;
  cleat_str traceparent, tracestate, baggage;
} cleat_event;

enum {
  CLEAT_ACK = 0,     /* done: never again */
  CLEAT_REQUEUE = 1, /* give it back to the source, which offers it again after requeue_after_ms */
  CLEAT_REJECT = 2,  /* the source's own dead letter; only where the manifest says broker_dead_letter */
  CLEAT_ABANDON = 3  /* not processed: we are stopping, or the plugin withdrew it */
};

#define CLEAT_MAY_STILL_RUN \
  1u /* with ABANDON: the application may still work on it; do not make it visible early */

/* Host to plugin, borrowed until settle() returns. */
typedef struct cleat_settlement {
  uint32_t struct_size;
  int32_t verdict; /* an unknown one is to be treated as CLEAT_REQUEUE */
  uint64_t event_id;
  uint32_t requeue_after_ms, flags;
  const void* reply; /* the application's answer, for sources that send one back */
  size_t reply_len;
  cleat_str reply_content_type, reason;
} cleat_settlement;

/* Most that may be delivered and not yet settled. The totals are enforced by deliver(); max_per_lane is kept by the
 * plugin, which knows its lanes, so that one blocked lane cannot fill the window. */
typedef struct cleat_window {
  uint32_t struct_size, max_events; /* 0: pause */
  uint64_t max_bytes;               /* 0: no limit */
  uint32_t max_per_lane, reserved0; /* 0: no limit; not for lane 0 */
} cleat_window;

enum { CLEAT_BY_LANE = 0, CLEAT_BY_EVENT = 1 };

#define CLEAT_CHECK_ONLY 1u /* cleat_config.flags: close() comes next, no side effects wanted */
#define CLEAT_IN 1u
#define CLEAT_OUT 2u

/* Host to plugin, borrowed until init() returns. Checked and defaulted against the manifest. */
typedef struct cleat_config {
  uint32_t struct_size, flags;
  uint32_t directions, shards; /* CLEAT_IN | CLEAT_OUT that are in use; number of io threads */
  cleat_str component, type, version;
  cleat_map metadata; /* names in the manifest's spelling */
  cleat_map facts;    /* "app-id", "namespace", "pod-name", "host-id" (stable per replica), "strict-dapr" */
} cleat_config;

/* What the host gives: one table per instance, so that logs and metrics are labelled. */
typedef struct cleat_host cleat_host;

/* Runs exactly once: on the home io thread (output only: io thread 0), or with CLEAT_POST_BLOCKING in the pool, where it
 * may overlap everything. What has not run when stop() is called runs with cancelled = 1 after stop() returned, before
 * close(). */
typedef void (*cleat_task)(void* arg, int32_t cancelled);

struct cleat_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  const char *name, *version; /* the host's */
  void* impl;

  /* [any] A table named "<owner>.<name>/<rev>", or NULL. The table lives as long as this one. */
  const void* (*get_extension)(const cleat_host*, const char* id);

  /* [any] Non-zero if a message of this level would be written. */
  int32_t (*log_enabled)(const cleat_host*, int32_t level);

  /* [any] Writes one line, labelled with the component. fields may be NULL. Both are copied. Never a payload, never a
   * secret. When the log cannot keep up, the oldest lines are dropped and counted. */
  void (*log)(const cleat_host*, int32_t level, cleat_str message, const cleat_map* fields);

  /* [any] CLOCK_MONOTONIC nanoseconds. */
  uint64_t (*now_ns)(const cleat_host*);

  /* [any] Runs task(arg) later, not before not_before_ns (0: as soon as may be). CLEAT_AGAIN: 1,024 tasks are waiting,
   * nothing was taken. CLEAT_CANCELLED: stop() was called, nothing was taken. Otherwise the task runs exactly once. */
  cleat_status (*post)(const cleat_host*, cleat_task task, void* arg, uint64_t not_before_ns, uint32_t flags);

  /* [any] How the far end is, with one sentence for people. Copied. */
  void (*set_health)(const cleat_host*, int32_t state, cleat_str why);

  /* [any] Ends a call, exactly once, also from inside invoke(). failure == NULL is success. response == NULL is "no
   * body". Both may be given. The response's data moves to the host, everything else is copied. */
  void (*complete)(const cleat_host*, cleat_call*, cleat_response*, const cleat_failure*);

  /* [any] Hands over events in order; the first *accepted of them move to the host, the others stay the plugin's.
   * CLEAT_OK: all accepted. CLEAT_AGAIN: the window is full; at least one settle() or set_window() follows, perhaps
   * before this function returned, so hold across deliver() the lock that those two take. Depends only on this
   * instance's last window and its unsettled events; with nothing unsettled and max_events > 0 one event of any size is
   * accepted. CLEAT_CANCELLED: end_input() has returned or was never preceded by begin_input(). CLEAT_INVALID: an event
   * breaks the contract (the log says how). */
  cleat_status (*deliver)(const cleat_host*, cleat_event* const* events, uint32_t count, uint32_t* accepted);

  /* [any] The plugin lost its right to these events (partition revoked, lease gone, channel closed). What has not
   * started is settled ABANDON and never started; what runs settles when it ends. Unknown and settled ids are ignored.
   * Lane 0 cannot be withdrawn. Withdrawing one event of a non-zero lane closes that lane. ids is copied. */
  void (*withdraw)(const cleat_host*, int32_t by, const uint64_t* ids, uint32_t count);
};

enum { CLEAT_LOG_TRACE, CLEAT_LOG_DEBUG, CLEAT_LOG_INFO, CLEAT_LOG_WARN, CLEAT_LOG_ERROR };
/* STALLED: connected, but it reads no further until something that is out is settled. */
enum {
  CLEAT_HEALTH_UNKNOWN,
  CLEAT_HEALTH_UP,
  CLEAT_HEALTH_DEGRADED,
  CLEAT_HEALTH_DOWN,
  CLEAT_HEALTH_STALLED
};

#define CLEAT_POST_BLOCKING 1u /* post(): run in the pool, the task may block */

/* What the plugin gives: one table per binding type.
 *
 * invoke() and cancel() begin only after start() returned CLEAT_OK and never after stop() was called. set_window() comes
 * only between the return of begin_input() and the call of end_input(). settle() may overlap begin_input() and
 * end_input(). Every accepted event is settled, and the last settle() has returned, before stop() is called.
 * A type that offers output has invoke; a type that offers input has begin_input, set_window, settle and end_input. */
typedef struct cleat_binding_type {
  uint32_t struct_size, flags;
  const char* type; /* "bindings.kafka", as in the manifest */

  /* [control] Makes an instance. The host table outlives it. */
  cleat_status (*create)(const cleat_host*, void** self, cleat_error*);

  /* [control] Parses and checks the configuration. No network, no thread. */
  cleat_status (*init)(void* self, const cleat_config*, cleat_error*);

  /* [control] Sets the client up. A client that reconnects by itself returns CLEAT_OK at once and reports with
   * set_health(). CLEAT_UNAVAILABLE: the host tries a new instance later, with back-off. */
  cleat_status (*start)(void* self, uint64_t deadline_ns, cleat_error*);

  /* [control] Optional. Asks the far end whether it answers, for a person who wants to know now; CLEAT_OK, or why not. */
  cleat_status (*ping)(void* self, uint64_t deadline_ns, cleat_error*);

  /* [hot] Output. Begins one call, which ends with exactly one complete(). Owns nothing of the request. */
  void (*invoke)(void* self, const cleat_request*, cleat_call*);

  /* [hot] Output, optional. Advice: the answer to this call is no longer wanted; it is still completed. Unknown and
   * completed ids are ignored. */
  void (*cancel)(void* self, uint64_t call_id);

  /* [control] Input. Begin to deliver. May be called again after end_input(). */
  cleat_status (*begin_input)(void* self, const cleat_window*, cleat_error*);

  /* [hot] Input. A new window; stored by the host before this call. */
  void (*set_window)(void* self, const cleat_window*);

  /* [hot] Input. Exactly one settlement per accepted event, in any order, also within a lane. */
  void (*settle)(void* self, const cleat_settlement* const* items, uint32_t count);

  /* [control] Input. Deliver nothing more once this returned. Session, polling and the settling of what is out go on. */
  cleat_status (*end_input)(void* self, uint64_t deadline_ns, cleat_error*);

  /* [control] Completes every call, cancelled ones too, leaves the far end, joins its threads. Silent afterwards. */
  cleat_status (*stop)(void* self, uint64_t deadline_ns, cleat_error*);

  /* [control] Frees the instance. */
  void (*close)(void* self);

  /* [any] Optional. As the host's get_extension. */
  const void* (*get_extension)(void* self, const char* id);
} cleat_binding_type;

typedef struct cleat_plugin {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  uint32_t flags, type_count;
  const char* manifest; /* the same bytes as the note */
  size_t manifest_len;
  const cleat_binding_type* const* types;
  cleat_status (*load)(const cleat_host*, cleat_error*); /* [loader] optional, once */
  void (*unload)(void);                                  /* [loader] optional, once */
} cleat_plugin;

/* [loader] The only exported symbol. Pure and quick: no thread, no I/O. The table lives while the file is loaded. The host
 * table given here only logs and tells the time. */
CLEAT_EXPORT const cleat_plugin* cleat_entry_v0(const cleat_host* host);

/* Puts the file (looked up like an #include, also by the assembler) into an ELF note that can be read without dlopen(),
 * and names its bytes. The build must name the file as a dependency: the compiler does not see it. */
#define CLEAT_MANIFEST_FILE(path)                       \
  __asm__(                                              \
      ".pushsection .note.cleat.manifest,\"a\",@note\n" \
      ".balign 4\n"                                     \
      ".long 6, 772f-771f, 0x434c5401\n"                \
      ".asciz \"CLEAT\"\n"                              \
      ".balign 4\n"                                     \
      ".hidden cleat_manifest_begin\n"                  \
      ".globl cleat_manifest_begin\n"                   \
      "cleat_manifest_begin:\n"                         \
      "771: .incbin \"" path                            \
      "\"\n"                                            \
      "772:\n"                                          \
      ".hidden cleat_manifest_end\n"                    \
      ".globl cleat_manifest_end\n"                     \
      "cleat_manifest_end:\n"                           \
      ".balign 4\n"                                     \
      ".popsection\n");                                 \
  extern const char cleat_manifest_begin[], cleat_manifest_end[]

#ifdef __cplusplus
}
#endif
#endif
