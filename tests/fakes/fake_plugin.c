/* A plugin in plain C that keeps the contract, and its relatives that break one rule each: FAULT says which. The good one
 * answers every call with the call's own bytes and has an input that never delivers. */
#include <cleat/plugin.h>

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  GOOD,
  ENTRY_NULL,
  NULL_TYPES,
  NULL_FUNCTIONS,
  SHORT_STRUCT,
  SHORT_TYPE,
  MANIFEST_MISMATCH,
  WRONG_TABLE_ABI,
  OTHER_TYPES,
  LOAD_FAILS,
  CHANGES_PROCESS
};

CLEAT_MANIFEST_FILE(NAME ".manifest.json");

struct echo {
  const cleat_host* host;
};

static cleat_status create(const cleat_host* host, void** self, cleat_error* error) {
  struct echo* echo = malloc(sizeof *echo);
  if (echo == NULL) {
    error->code = CLEAT_INTERNAL;
    return CLEAT_INTERNAL;
  }
  echo->host = host;
  *self = echo;
  return CLEAT_OK;
}

static cleat_status init(void* self, const cleat_config* config, cleat_error* error) {
  (void)self, (void)config, (void)error;
  return CLEAT_OK;
}

static cleat_status until(void* self, uint64_t deadline_ns, cleat_error* error) {
  (void)self, (void)deadline_ns, (void)error;
  return CLEAT_OK;
}

static void invoke(void* self, const cleat_request* request, cleat_call* call) {
  const cleat_host* host = ((struct echo*)self)->host;
  char* copy = malloc(request->data_len + 1);
  cleat_failure failure = {.struct_size = sizeof failure, .code = CLEAT_INTERNAL};
  cleat_response response = {.struct_size = sizeof response};
  if (copy == NULL) {
    host->complete(host, call, NULL, &failure);
    return;
  }
  if (request->data_len > 0) memcpy(copy, request->data, request->data_len);
  response.data = (cleat_buf){.ptr = copy, .len = request->data_len, .release = free, .owner = copy};
  response.content_type = request->content_type;
  response.metadata = request->metadata;
  host->complete(host, call, &response, NULL);
}

static cleat_status begin_input(void* self, const cleat_window* window, cleat_error* error) {
  (void)self, (void)window, (void)error;
  return CLEAT_OK;
}

static void set_window(void* self, const cleat_window* window) {
  (void)self, (void)window;
}

static void settle(void* self, const cleat_settlement* const* items, uint32_t count) {
  (void)self, (void)items, (void)count;
}

static cleat_status load(const cleat_host* host, cleat_error* error) {
  static const char why[] = "the licence server of this fake is closed";
  (void)host;
  if (FAULT != LOAD_FAILS) return CLEAT_OK;
  error->code = CLEAT_UNAVAILABLE;
  error->text_len = sizeof why - 1 < error->text_cap ? sizeof why - 1 : error->text_cap;
  memcpy(error->text, why, error->text_len);
  return CLEAT_UNAVAILABLE;
}

static const cleat_binding_type good_type = {
    .struct_size = FAULT == SHORT_TYPE ? offsetof(cleat_binding_type, stop) : sizeof(cleat_binding_type),
    .type = FAULT == OTHER_TYPES ? "bindings.unheard-of" : "bindings." NAME,
    .create = create,
    .init = init,
    .start = until,
    .invoke = invoke,
    .begin_input = begin_input,
    .set_window = set_window,
    .settle = settle,
    .end_input = until,
    .stop = until,
    .close = free,
};
static const cleat_binding_type empty_type = {.struct_size = sizeof empty_type, .type = "bindings." NAME};
static const cleat_binding_type* const types[] = {FAULT == NULL_FUNCTIONS ? &empty_type : &good_type};

static cleat_plugin plugin = {
    .struct_size = FAULT == SHORT_STRUCT ? offsetof(cleat_plugin, types) : sizeof(cleat_plugin),
    .abi_major = FAULT == WRONG_TABLE_ABI ? 9 : CLEAT_ABI_MAJOR,
    .abi_minor = FAULT == WRONG_TABLE_ABI ? 9 : CLEAT_ABI_MINOR,
    .type_count = 1,
    .types = FAULT == NULL_TYPES ? NULL : types,
    .load = load,
};

static void ignore_signal(int number) {
  (void)number;
}

static void change_process(void) {
  signal(SIGUSR1, ignore_signal);
  umask(0);
  setlocale(LC_ALL, "C.UTF-8");
  if (chdir("/") != 0) abort();
}

static void say(const cleat_host* host, const char* text) {
  const cleat_str line = {text, strlen(text)};
  host->log(host, CLEAT_LOG_INFO, line, NULL);
}

/* For who wants to know whether a process takes down what it has. */
__attribute__((destructor)) static void say_the_end(void) {
  if (getenv("CLEAT_FAKE_SAYS_ITS_END") != NULL) fputs("this fake is taken down\n", stderr);
}

#ifdef UNRESOLVED
void cleat_fake_missing_function(void);
#endif

#ifdef NO_ENTRY
const cleat_plugin* cleat_entry_of_another_age(const cleat_host* host);
#define cleat_entry_v0 cleat_entry_of_another_age
#endif

const cleat_plugin* cleat_entry_v0(const cleat_host* host) {
#ifdef UNRESOLVED
  cleat_fake_missing_function();
#endif
  say(host, "the entry was called");
  if (FAULT == ENTRY_NULL) return NULL;
  if (FAULT == CHANGES_PROCESS) change_process();
  plugin.manifest = cleat_manifest_begin;
  plugin.manifest_len = (size_t)(cleat_manifest_end - cleat_manifest_begin);
  if (FAULT == MANIFEST_MISMATCH) --plugin.manifest_len;
  return &plugin;
}
