#include "session.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "common/event_loop.hpp"
#include "common/json_text.hpp"
#include "nkey.hpp"

namespace cleat::nats {
namespace {

constexpr std::int64_t kLastFlushMs = 500;

/// The library puts name, password and the like between the quotes of a JSON text as they are.
std::string quoted(const std::string& text) {
  const std::string json = common::json_string(text);
  return json.substr(1, json.size() - 2);
}

natsStatus copy_out(const std::string& text, char** out) {
  *out = ::strdup(text.c_str());
  return *out == nullptr ? NATS_NO_MEMORY : NATS_OK;
}

}  // namespace

/// Outlives the callbacks, which the library makes on threads of its own: the destructor of Session waits for `closed`,
/// after which there are none.
struct Session::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_closed = false;
  std::function<void()> closed;
  std::function<void(const std::string&)> complained;

  static void on_closed(natsConnection* /*connection*/, void* closure) {
    auto& self = *static_cast<Shared*>(closure);
    // Under the lock to its end: the destructor of Session frees this object as soon as it has the lock.
    const std::lock_guard lock(self.mutex);
    self.is_closed = true;
    if (self.closed) self.closed();
    self.changed.notify_all();
  }
  static void on_error(natsConnection* /*connection*/, natsSubscription* /*subscription*/, natsStatus status,
                       void* closure) {
    auto& self = *static_cast<Shared*>(closure);
    const char* words = nats_GetLastError(nullptr);
    const std::lock_guard lock(self.mutex);
    if (self.complained)
      self.complained(words != nullptr && *words != '\0' ? words : natsStatus_GetText(status));
  }
};

/// What the library asks for while it connects.
struct Session::Login {
  Credentials credentials;

  static natsStatus jwt(char** out, char** /*error*/, void* closure) {
    return copy_out(static_cast<Login*>(closure)->credentials.jwt, out);
  }
  static natsStatus sign(char** error, unsigned char** signature, int* length, const char* nonce,
                         void* closure) {
    const natsStatus status =
        nats_Sign(static_cast<Login*>(closure)->credentials.seed.c_str(), nonce, signature, length);
    if (status != NATS_OK) copy_out("the server's nonce cannot be signed", error);
    return status;
  }

  /// False: the file cannot be used, `failure` says why. Read at each connection, so that it may be renewed.
  bool read_file(const std::string& path, Failure& failure) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto found = parse_credentials(text);
    if (found)
      credentials = *std::move(found);
    else
      failure = {CLEAT_UNAUTHENTICATED,
                 "credentialsFile: expected a readable .creds file with a block NATS USER JWT and a block "
                 "USER NKEY SEED, found " +
                     std::string(text.empty() ? "nothing to read" : "something else") + " at " + path,
                 NATS_OK};
    return !credentials.jwt.empty();
  }

  natsStatus set(natsOptions* options, const ServerConfig& config) {
    if (!config.username.empty())
      return natsOptions_SetUserInfo(options, quoted(config.username).c_str(),
                                     quoted(config.password).c_str());
    if (!config.token.empty()) return natsOptions_SetToken(options, quoted(config.token).c_str());
    if (!config.nkey.empty()) return natsOptions_SetNKey(options, config.nkey.c_str(), sign, this);
    if (!credentials.jwt.empty())
      return natsOptions_SetUserCredentialsCallbacks(options, jwt, this, sign, this);
    return NATS_OK;
  }
};

/// The library's event loop: one thread that reads and writes when the socket is ready.
struct Session::Io {
  common::EventLoop loop;
  natsConnection* connection = nullptr;
  /// Ours, of the library's socket: the number stays good when the library has closed its own.
  int socket = -1;

  ~Io() {
    loop.stop();
    if (socket >= 0) ::close(socket);
  }
  void ready(std::uint32_t events) const {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) natsConnection_ProcessReadEvent(connection);
    if ((events & EPOLLOUT) != 0) natsConnection_ProcessWriteEvent(connection);
  }
  /// Ends the thread, also where the library waits for the rest of a TLS record that never comes.
  void stop() {
    if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
    loop.stop();
  }

  // What the library calls, on any thread and under its own locks.
  static natsStatus attach(void** user, void* loop, natsConnection* connection, natsSock socket) {
    auto& self = *static_cast<Io*>(loop);
    *user = loop;
    self.connection = connection;
    self.socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (self.socket < 0) return NATS_SYS_ERROR;
    self.loop.post([&self] {
      self.loop.add(self.socket, EPOLLIN, [&self](std::uint32_t events) { self.ready(events); });
    });
    return NATS_OK;
  }
  static natsStatus read(void* user, bool add) {
    auto& self = *static_cast<Io*>(user);
    if (!add) self.loop.post([&self] { self.loop.remove(self.socket); });
    return NATS_OK;
  }
  static natsStatus write(void* user, bool add) {
    auto& self = *static_cast<Io*>(user);
    const std::uint32_t events = add ? EPOLLIN | EPOLLOUT : EPOLLIN;
    self.loop.post([&self, events] { self.loop.change(self.socket, events); });
    return NATS_OK;
  }
  static natsStatus detach(void* /*user*/) { return NATS_OK; }
};

Session::Session()
    : login_(std::make_unique<Login>()), io_(std::make_unique<Io>()), shared_(std::make_unique<Shared>()) {}

std::unique_ptr<Session> Session::open(const ServerConfig& config, Failure& failure) {
  std::unique_ptr<Session> session(new Session);
  Login& login = *session->login_;
  if (!config.nkey_seed.empty()) login.credentials.seed = config.nkey_seed;
  if (!config.credentials.empty())
    login.credentials = parse_credentials(config.credentials).value_or(Credentials{});
  if (!config.credentials_file.empty() && !login.read_file(config.credentials_file, failure)) return nullptr;

  std::vector<const char*> urls;
  for (const std::string& url : config.urls)
    urls.push_back(url.c_str());
  natsOptions* made = nullptr;
  natsStatus status = natsOptions_Create(&made);
  const std::unique_ptr<natsOptions, NatsDelete> options(made);
  const auto set = [&](natsStatus one) { status = status == NATS_OK ? one : status; };
  Shared* shared = session->shared_.get();
  set(natsOptions_SetServers(made, urls.data(), static_cast<int>(urls.size())));
  set(natsOptions_SetName(made, quoted(config.client_name).c_str()));
  set(natsOptions_SetTimeout(made, config.connect_timeout.count()));
  // The library's own check closes the connection from a thread beside ours.
  set(natsOptions_SetPingInterval(made, 0));
  set(natsOptions_SetEventLoop(made, session->io_.get(), Io::attach, Io::read, Io::write, Io::detach));
  set(natsOptions_SetAllowReconnect(made, false));
  set(natsOptions_SetSendAsap(made, true));
  set(natsOptions_SetClosedCB(made, Shared::on_closed, shared));
  set(natsOptions_SetErrorHandler(made, Shared::on_error, shared));
  if (config.tls) set(natsOptions_SetSecure(made, true));
  if (config.skip_verify) set(natsOptions_SkipServerVerification(made, true));
  if (!config.pem.ca.empty()) set(natsOptions_SetCATrustedCertificates(made, config.pem.ca.c_str()));
  if (!config.pem.cert.empty())
    set(natsOptions_SetCertificatesChain(made, config.pem.cert.c_str(), config.pem.key.c_str()));
  if (!config.tls_server_name.empty())
    set(natsOptions_SetExpectedHostname(made, config.tls_server_name.c_str()));
  set(login.set(made, config));
  if (status == NATS_OK) status = natsConnection_Connect(&session->connection_, made);
  if (status == NATS_OK) {
    session->io_->loop.start();
    return session;
  }
  failure = failure_of(status, "NATS cannot be reached");
  return nullptr;
}

Session::~Session() {
  if (connection_ == nullptr) return;
  if (buffered() != 0) flush(kLastFlushMs);
  io_->stop();
  natsConnection_Close(connection_);
  {
    std::unique_lock lock(shared_->mutex);
    shared_->closed = nullptr;
    shared_->complained = nullptr;
    shared_->changed.wait(lock, [this] { return shared_->is_closed; });
  }
  natsConnection_Destroy(connection_);
}

void Session::watch(std::function<void()> closed, std::function<void(const std::string&)> complained) {
  const std::lock_guard lock(shared_->mutex);
  shared_->closed = std::move(closed);
  shared_->complained = std::move(complained);
  if (shared_->is_closed && shared_->closed) shared_->closed();
}

bool Session::has_refused() const {
  const char* words = nullptr;  // they change under the library's lock, which only it has
  return natsConnection_GetLastError(connection_, &words) == NATS_NOT_PERMITTED;
}

std::size_t Session::buffered() const {
  return static_cast<std::size_t>(std::max(natsConnection_Buffered(connection_), 0));
}

natsStatus Session::publish(const std::string& subject, const std::string& reply, std::string_view data) {
  if (reply.empty()) return publish(subject, data);
  return natsConnection_PublishRequest(connection_, subject.c_str(), reply.c_str(), data.data(),
                                       static_cast<int>(data.size()));
}

}  // namespace cleat::nats
