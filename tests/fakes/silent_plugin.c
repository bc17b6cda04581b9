/* An input that promises a sign of life and breaks the promise: each instance delivers one event, "silent/1", and is never heard
 * of again. Its far end can be one that is not reached at some of its starts. */
#define _POSIX_C_SOURCE 200809L /* clock_nanosleep() */
#include <cleat/plugin.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

CLEAT_MANIFEST_FILE("silent_plugin.manifest.json");

/* Of the process. One control thread at a time uses them: the tests have one component of this type. */
static long starts, failures;

struct silent {
  const cleat_host* host;
  long unreachable;
  int later, slow;
};

static cleat_status create(const cleat_host* host, void** self, cleat_error* error) {
  struct silent* silent = calloc(1, sizeof *silent);
  if (silent == NULL) return error->code = CLEAT_INTERNAL;
  silent->host = host;
  *self = silent;
  return CLEAT_OK;
}

static int is(cleat_str text, const char* word) {
  return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static cleat_status init(void* self, const cleat_config* config, cleat_error* error) {
  struct silent* silent = self;
  (void)error;
  for (uint32_t i = 0; i < config->metadata.count; ++i) {
    const cleat_kv* entry = &config->metadata.items[i];
    if (is(entry->key, "unreachable")) silent->unreachable = strtol(entry->value.ptr, NULL, 10);
    if (is(entry->key, "later")) silent->later = is(entry->value, "true");
    if (is(entry->key, "slow")) silent->slow = is(entry->value, "true");
  }
  return CLEAT_OK;
}

static cleat_status start(void* self, uint64_t deadline_ns, cleat_error* error) {
  static const char why[] = "the far end of this fake is away";
  const struct silent* silent = self;
  const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                    .tv_nsec = (long)(deadline_ns % 1000000000)};
  if (silent->slow) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
  if (++starts <= silent->later || failures >= silent->unreachable) return CLEAT_OK;
  ++failures;
  error->text_len = sizeof why - 1 < error->text_cap ? sizeof why - 1 : error->text_cap;
  memcpy(error->text, why, error->text_len);
  return error->code = CLEAT_UNAVAILABLE;
}

static cleat_status begin_input(void* self, const cleat_window* window, cleat_error* error) {
  static const char id[] = "silent/1";
  const struct silent* silent = self;
  cleat_event event = {.struct_size = sizeof event, .id = 1, .source_id = {id, sizeof id - 1}};
  cleat_event* const events[] = {&event};
  uint32_t accepted = 0;
  (void)window, (void)error;
  silent->host->deliver(silent->host, events, 1, &accepted);
  return CLEAT_OK;
}

static void set_window(void* self, const cleat_window* window) {
  (void)self, (void)window;
}

static void settle(void* self, const cleat_settlement* const* items, uint32_t count) {
  (void)self, (void)items, (void)count;
}

static cleat_status until(void* self, uint64_t deadline_ns, cleat_error* error) {
  (void)self, (void)deadline_ns, (void)error;
  return CLEAT_OK;
}

static const cleat_binding_type type = {
    .struct_size = sizeof type,
    .type = "bindings.silent",
    .create = create,
    .init = init,
    .start = start,
    .begin_input = begin_input,
    .set_window = set_window,
    .settle = settle,
    .end_input = until,
    .stop = until,
    .close = free,
};
static const cleat_binding_type* const types[] = {&type};
static cleat_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = CLEAT_ABI_MAJOR,
    .abi_minor = CLEAT_ABI_MINOR,
    .type_count = 1,
    .types = types,
};

const cleat_plugin* cleat_entry_v0(const cleat_host* host) {
  (void)host;
  plugin.manifest = cleat_manifest_begin;
  plugin.manifest_len = (size_t)(cleat_manifest_end - cleat_manifest_begin);
  return &plugin;
}
