/* The layout of every struct of interface version 0.1 on a 64-bit machine. A line changes only with a new version: whoever
 * appends a member adds its line and the struct's new size. */
#include <cleat/plugin.h>

#include <assert.h>

#define MEMBER(type, member, offset, size)                                                  \
  static_assert(offsetof(type, member) == (offset) && sizeof(((type*)0)->member) == (size), \
                #type "." #member " has moved or has another size")

static_assert(CLEAT_ABI_MAJOR == 0 && CLEAT_ABI_MINOR == 1, "this is the layout of interface version 0.1");

static_assert(sizeof(cleat_str) == 16, "cleat_str has another size");
MEMBER(cleat_str, ptr, 0, 8);
MEMBER(cleat_str, len, 8, 8);

static_assert(sizeof(cleat_kv) == 32, "cleat_kv has another size");
MEMBER(cleat_kv, key, 0, 16);
MEMBER(cleat_kv, value, 16, 16);

static_assert(sizeof(cleat_map) == 16, "cleat_map has another size");
MEMBER(cleat_map, items, 0, 8);
MEMBER(cleat_map, count, 8, 8);

static_assert(sizeof(cleat_buf) == 32, "cleat_buf has another size");
MEMBER(cleat_buf, ptr, 0, 8);
MEMBER(cleat_buf, len, 8, 8);
MEMBER(cleat_buf, release, 16, 8);
MEMBER(cleat_buf, owner, 24, 8);

static_assert(sizeof(cleat_error) == 48, "cleat_error has another size");
MEMBER(cleat_error, struct_size, 0, 4);
MEMBER(cleat_error, code, 4, 4);
MEMBER(cleat_error, flags, 8, 4);
MEMBER(cleat_error, retry_after_ms, 12, 4);
MEMBER(cleat_error, native_code, 16, 8);
MEMBER(cleat_error, text, 24, 8);
MEMBER(cleat_error, text_cap, 32, 8);
MEMBER(cleat_error, text_len, 40, 8);

static_assert(sizeof(cleat_failure) == 40, "cleat_failure has another size");
MEMBER(cleat_failure, struct_size, 0, 4);
MEMBER(cleat_failure, code, 4, 4);
MEMBER(cleat_failure, flags, 8, 4);
MEMBER(cleat_failure, retry_after_ms, 12, 4);
MEMBER(cleat_failure, native_code, 16, 8);
MEMBER(cleat_failure, text, 24, 16);

static_assert(sizeof(cleat_request) == 144, "cleat_request has another size");
MEMBER(cleat_request, struct_size, 0, 4);
MEMBER(cleat_request, flags, 4, 4);
MEMBER(cleat_request, call_id, 8, 8);
MEMBER(cleat_request, deadline_ns, 16, 8);
MEMBER(cleat_request, operation, 24, 16);
MEMBER(cleat_request, content_type, 40, 16);
MEMBER(cleat_request, metadata, 56, 16);
MEMBER(cleat_request, data, 72, 8);
MEMBER(cleat_request, data_len, 80, 8);
MEMBER(cleat_request, traceparent, 88, 16);
MEMBER(cleat_request, tracestate, 104, 16);
MEMBER(cleat_request, baggage, 120, 16);
MEMBER(cleat_request, shard, 136, 4);
MEMBER(cleat_request, reserved0, 140, 4);

static_assert(sizeof(cleat_response) == 72, "cleat_response has another size");
MEMBER(cleat_response, struct_size, 0, 4);
MEMBER(cleat_response, flags, 4, 4);
MEMBER(cleat_response, data, 8, 32);
MEMBER(cleat_response, content_type, 40, 16);
MEMBER(cleat_response, metadata, 56, 16);

static_assert(sizeof(cleat_event) == 192, "cleat_event has another size");
MEMBER(cleat_event, struct_size, 0, 4);
MEMBER(cleat_event, flags, 4, 4);
MEMBER(cleat_event, id, 8, 8);
MEMBER(cleat_event, lane, 16, 8);
MEMBER(cleat_event, settle_by_ns, 24, 8);
MEMBER(cleat_event, first_seen_wall_ns, 32, 8);
MEMBER(cleat_event, delivery_count, 40, 4);
MEMBER(cleat_event, reserved0, 44, 4);
MEMBER(cleat_event, data, 48, 32);
MEMBER(cleat_event, content_type, 80, 16);
MEMBER(cleat_event, source_id, 96, 16);
MEMBER(cleat_event, key, 112, 16);
MEMBER(cleat_event, metadata, 128, 16);
MEMBER(cleat_event, traceparent, 144, 16);
MEMBER(cleat_event, tracestate, 160, 16);
MEMBER(cleat_event, baggage, 176, 16);

static_assert(sizeof(cleat_settlement) == 72, "cleat_settlement has another size");
MEMBER(cleat_settlement, struct_size, 0, 4);
MEMBER(cleat_settlement, verdict, 4, 4);
MEMBER(cleat_settlement, event_id, 8, 8);
MEMBER(cleat_settlement, requeue_after_ms, 16, 4);
MEMBER(cleat_settlement, flags, 20, 4);
MEMBER(cleat_settlement, reply, 24, 8);
MEMBER(cleat_settlement, reply_len, 32, 8);
MEMBER(cleat_settlement, reply_content_type, 40, 16);
MEMBER(cleat_settlement, reason, 56, 16);

static_assert(sizeof(cleat_window) == 24, "cleat_window has another size");
MEMBER(cleat_window, struct_size, 0, 4);
MEMBER(cleat_window, max_events, 4, 4);
MEMBER(cleat_window, max_bytes, 8, 8);
MEMBER(cleat_window, max_per_lane, 16, 4);
MEMBER(cleat_window, reserved0, 20, 4);

static_assert(sizeof(cleat_config) == 96, "cleat_config has another size");
MEMBER(cleat_config, struct_size, 0, 4);
MEMBER(cleat_config, flags, 4, 4);
MEMBER(cleat_config, directions, 8, 4);
MEMBER(cleat_config, shards, 12, 4);
MEMBER(cleat_config, component, 16, 16);
MEMBER(cleat_config, type, 32, 16);
MEMBER(cleat_config, version, 48, 16);
MEMBER(cleat_config, metadata, 64, 16);
MEMBER(cleat_config, facts, 80, 16);

static_assert(sizeof(cleat_host) == 104, "cleat_host has another size");
MEMBER(cleat_host, struct_size, 0, 4);
MEMBER(cleat_host, abi_major, 4, 2);
MEMBER(cleat_host, abi_minor, 6, 2);
MEMBER(cleat_host, name, 8, 8);
MEMBER(cleat_host, version, 16, 8);
MEMBER(cleat_host, impl, 24, 8);
MEMBER(cleat_host, get_extension, 32, 8);
MEMBER(cleat_host, log_enabled, 40, 8);
MEMBER(cleat_host, log, 48, 8);
MEMBER(cleat_host, now_ns, 56, 8);
MEMBER(cleat_host, post, 64, 8);
MEMBER(cleat_host, set_health, 72, 8);
MEMBER(cleat_host, complete, 80, 8);
MEMBER(cleat_host, deliver, 88, 8);
MEMBER(cleat_host, withdraw, 96, 8);

static_assert(sizeof(cleat_binding_type) == 120, "cleat_binding_type has another size");
MEMBER(cleat_binding_type, struct_size, 0, 4);
MEMBER(cleat_binding_type, flags, 4, 4);
MEMBER(cleat_binding_type, type, 8, 8);
MEMBER(cleat_binding_type, create, 16, 8);
MEMBER(cleat_binding_type, init, 24, 8);
MEMBER(cleat_binding_type, start, 32, 8);
MEMBER(cleat_binding_type, ping, 40, 8);
MEMBER(cleat_binding_type, invoke, 48, 8);
MEMBER(cleat_binding_type, cancel, 56, 8);
MEMBER(cleat_binding_type, begin_input, 64, 8);
MEMBER(cleat_binding_type, set_window, 72, 8);
MEMBER(cleat_binding_type, settle, 80, 8);
MEMBER(cleat_binding_type, end_input, 88, 8);
MEMBER(cleat_binding_type, stop, 96, 8);
MEMBER(cleat_binding_type, close, 104, 8);
MEMBER(cleat_binding_type, get_extension, 112, 8);

static_assert(sizeof(cleat_plugin) == 56, "cleat_plugin has another size");
MEMBER(cleat_plugin, struct_size, 0, 4);
MEMBER(cleat_plugin, abi_major, 4, 2);
MEMBER(cleat_plugin, abi_minor, 6, 2);
MEMBER(cleat_plugin, flags, 8, 4);
MEMBER(cleat_plugin, type_count, 12, 4);
MEMBER(cleat_plugin, manifest, 16, 8);
MEMBER(cleat_plugin, manifest_len, 24, 8);
MEMBER(cleat_plugin, types, 32, 8);
MEMBER(cleat_plugin, load, 40, 8);
MEMBER(cleat_plugin, unload, 48, 8);

/* All is said when this compiles. */
int main(void) {
  return 0;
}
