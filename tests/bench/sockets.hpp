#pragma once

#include <cstdint>
#include <string_view>

namespace cleat::bench {

/// Every failure here ends the program with a sentence: a bench that goes on after an error measures
/// something else.
[[noreturn]] void give_up(std::string_view what);

/// A listening socket on a free loopback port; the port is printed as "listening on 127.0.0.1:<port>".
int listen_on_loopback();
/// A connected socket that does not block and does not wait for more to send.
int connect_to_loopback(std::uint16_t port);
void make_nonblocking(int socket);
/// Sends all of it; what is sent here is far smaller than a socket's buffer.
void send_all(int socket, std::string_view bytes);

}  // namespace cleat::bench
