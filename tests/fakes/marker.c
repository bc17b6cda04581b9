/* No plugin, but code that runs as soon as the file is opened: it leaves a file, so that a test can tell that it was not.
 * Its note, if any, is no manifest. */
#include <cleat/plugin.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef NOTE
CLEAT_MANIFEST_FILE(NOTE);
#endif

__attribute__((constructor)) static void leave_marker(void) {
  const char* path = getenv("CLEAT_FAKE_MARKER");
  const int fd = path == NULL ? -1 : open(path, O_CREAT | O_WRONLY, 0600);
  if (fd >= 0) close(fd);
}

const cleat_plugin* cleat_entry_v0(const cleat_host* host) {
  (void)host;
  return NULL;
}
