/* bindings.null, in plain C: takes every call and does nothing with it, so that what is left is the host's
 * own cost. */
#include <cleat/plugin.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A call that waits for its delay. Only such a call needs memory: one that is answered at once needs none. */
typedef struct delayed_call {
  struct null_binding* binding;
  const cleat_request* request; /* the host keeps it until the call is completed */
  cleat_call* call;             /* NULL: completed by stop() */
  struct delayed_call *previous, *next;
} delayed_call;

typedef struct null_binding {
  const cleat_host* host;
  uint64_t delay_ns;
  int respond;
  pthread_mutex_t mutex; /* the list: invoke() and posted tasks against stop() */
  delayed_call* waiting;
} null_binding;

static cleat_str str(const char* text) {
  cleat_str s = {text, strlen(text)};
  return s;
}

static cleat_status fail(cleat_error* error, cleat_status status, const char* text) {
  size_t len = strlen(text);
  if (error != NULL) {
    error->code = status;
    error->text_len = len < error->text_cap ? len : error->text_cap;
    if (error->text_len != 0) memcpy(error->text, text, error->text_len);
  }
  return status;
}

static void complete_failed(const null_binding* self, cleat_call* call, cleat_status status,
                            const char* text) {
  cleat_failure failure = {0};
  failure.struct_size = sizeof failure;
  failure.code = status;
  failure.text = str(text);
  self->host->complete(self->host, call, NULL, &failure);
}

static cleat_status null_create(const cleat_host* host, void** self, cleat_error* error) {
  null_binding* made = calloc(1, sizeof *made);
  if (made == NULL) return fail(error, CLEAT_INTERNAL, "out of memory");
  if (pthread_mutex_init(&made->mutex, NULL) != 0) {
    free(made);
    return fail(error, CLEAT_INTERNAL, "no mutex could be made");
  }
  made->host = host;
  *self = made;
  return CLEAT_OK;
}

static int is_digits(cleat_str text) {
  size_t i;
  for (i = 0; i < text.len; ++i) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') return 0;
  }
  return text.len > 0 && text.len < 19;
}

/* The host gives names as the manifest spells them, booleans as "true" or "false", durations in nanoseconds.
 */
static cleat_status null_init(void* self, const cleat_config* config, cleat_error* error) {
  null_binding* binding = self;
  size_t i, d;
  for (i = 0; i < config->metadata.count; ++i) {
    const cleat_kv* entry = &config->metadata.items[i];
    if (strcmp(entry->key.ptr, "respond") == 0) {
      binding->respond = entry->value.len == 4 && memcmp(entry->value.ptr, "true", 4) == 0;
    } else if (strcmp(entry->key.ptr, "delay") == 0) {
      if (!is_digits(entry->value)) {
        return fail(error, CLEAT_INVALID, "delay: expected a duration of zero or more, such as 10ms");
      }
      for (d = 0; d < entry->value.len; ++d) {
        binding->delay_ns = binding->delay_ns * 10 + (uint64_t)(entry->value.ptr[d] - '0');
      }
    }
  }
  return CLEAT_OK;
}

static cleat_status null_start(void* self, uint64_t deadline_ns, cleat_error* error) {
  (void)self, (void)deadline_ns, (void)error;
  return CLEAT_OK;
}

static cleat_status null_ping(void* self, uint64_t deadline_ns, cleat_error* error) {
  (void)self, (void)deadline_ns, (void)error;
  return CLEAT_OK;
}

static void free_echo(void* owner) {
  free(owner);
}

static void answer(const null_binding* self, const cleat_request* request, cleat_call* call) {
  cleat_response response = {0};
  void* copy;
  if (!self->respond) {
    self->host->complete(self->host, call, NULL, NULL);
    return;
  }
  response.struct_size = sizeof response;
  response.content_type = request->content_type;
  if (request->data_len != 0) {
    copy = malloc(request->data_len);
    if (copy == NULL) {
      complete_failed(self, call, CLEAT_THROTTLED, "no memory for the answer");
      return;
    }
    memcpy(copy, request->data, request->data_len);
    response.data.ptr = copy;
    response.data.len = request->data_len;
    response.data.release = free_echo;
    response.data.owner = copy;
  }
  self->host->complete(self->host, call, &response, NULL);
}

static void link_delayed(delayed_call* delayed) {
  null_binding* self = delayed->binding;
  delayed->next = self->waiting;
  if (delayed->next != NULL) delayed->next->previous = delayed;
  self->waiting = delayed;
}

static void unlink_delayed(delayed_call* delayed) {
  null_binding* self = delayed->binding;
  if (delayed->previous != NULL) delayed->previous->next = delayed->next;
  if (delayed->next != NULL) delayed->next->previous = delayed->previous;
  if (self->waiting == delayed) self->waiting = delayed->next;
}

static void answer_later(void* arg, int32_t cancelled) {
  delayed_call* delayed = arg;
  null_binding* self = delayed->binding;
  (void)cancelled; /* then stop() has completed the call */
  pthread_mutex_lock(&self->mutex);
  if (delayed->call != NULL) {
    unlink_delayed(delayed);
    answer(self, delayed->request, delayed->call);
  }
  pthread_mutex_unlock(&self->mutex);
  free(delayed);
}

static int knows(cleat_str operation) {
  static const char* const known[] = {"create", "get", "delete", "list"};
  size_t i;
  for (i = 0; i < sizeof known / sizeof known[0]; ++i) {
    if (operation.len == strlen(known[i]) && memcmp(operation.ptr, known[i], operation.len) == 0) return 1;
  }
  return 0;
}

static void invoke_delayed(null_binding* self, const cleat_request* request, cleat_call* call) {
  const uint64_t due_ns = self->host->now_ns(self->host) + self->delay_ns;
  delayed_call* delayed = calloc(1, sizeof *delayed);
  if (delayed == NULL) {
    complete_failed(self, call, CLEAT_THROTTLED, "no memory to hold the call");
    return;
  }
  delayed->binding = self;
  delayed->request = request;
  delayed->call = call;
  pthread_mutex_lock(&self->mutex); /* across post(): the task must not find itself half linked */
  if (self->host->post(self->host, answer_later, delayed, due_ns, 0) == CLEAT_OK) {
    link_delayed(delayed);
  } else {
    free(delayed);
    complete_failed(self, call, CLEAT_THROTTLED,
                    "as many calls wait for their delay as the host takes tasks");
  }
  pthread_mutex_unlock(&self->mutex);
}

static void null_invoke(void* self, const cleat_request* request, cleat_call* call) {
  null_binding* binding = self;
  if (!knows(request->operation)) {
    complete_failed(binding, call, CLEAT_UNSUPPORTED, "bindings.null offers create, get, delete and list");
  } else if (binding->delay_ns == 0) {
    answer(binding, request, call);
  } else {
    invoke_delayed(binding, request, call);
  }
}

/* Ends the delays early. The posted tasks still run, cancelled, and free what they were given. */
static cleat_status null_stop(void* self, uint64_t deadline_ns, cleat_error* error) {
  null_binding* binding = self;
  delayed_call* delayed;
  (void)deadline_ns, (void)error;
  pthread_mutex_lock(&binding->mutex);
  for (delayed = binding->waiting; delayed != NULL; delayed = delayed->next) {
    answer(binding, delayed->request, delayed->call);
    delayed->call = NULL;
  }
  binding->waiting = NULL;
  pthread_mutex_unlock(&binding->mutex);
  return CLEAT_OK;
}

static void null_close(void* self) {
  null_binding* binding = self;
  pthread_mutex_destroy(&binding->mutex);
  free(binding);
}

static const cleat_binding_type null_type = {
    .struct_size = sizeof(cleat_binding_type),
    .type = "bindings.null",
    .create = null_create,
    .init = null_init,
    .start = null_start,
    .ping = null_ping,
    .invoke = null_invoke,
    .stop = null_stop,
    .close = null_close,
};

static const cleat_binding_type* const null_types[] = {&null_type};

CLEAT_MANIFEST_FILE("manifest.json");

CLEAT_EXPORT const cleat_plugin* cleat_entry_v0(const cleat_host* host) {
  static cleat_plugin plugin = {
      .struct_size = sizeof(cleat_plugin),
      .abi_major = CLEAT_ABI_MAJOR,
      .abi_minor = CLEAT_ABI_MINOR,
      .type_count = 1,
      .types = null_types,
  };
  (void)host;
  plugin.manifest = cleat_manifest_begin;
  plugin.manifest_len = (size_t)(cleat_manifest_end - cleat_manifest_begin);
  return &plugin;
}
