#include "cli/options.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace cleat {
namespace {

using Arguments = std::vector<const char*>;

std::variant<Options, Exit> parse(const Arguments& arguments) {
  Arguments all = {"cleat"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return parse_options(static_cast<int>(all.size()), all.data());
}

Options good(const Arguments& arguments) {
  auto parsed = parse(arguments);
  if (const Exit* exit = std::get_if<Exit>(&parsed)) {
    ADD_FAILURE() << exit->text;
    return {};
  }
  return std::get<Options>(std::move(parsed));
}

Exit bad(const Arguments& arguments) {
  auto parsed = parse(arguments);
  if (std::holds_alternative<Options>(parsed)) {
    ADD_FAILURE() << "accepted, which was not expected";
    return {};
  }
  return std::get<Exit>(std::move(parsed));
}

TEST(Options, HaveDefaults) {
  const Options options = good({});
  EXPECT_EQ(options.app_id, "cleat");
  EXPECT_EQ(options.app_port, 0);
  EXPECT_EQ(options.app_channel_address, "127.0.0.1");
  EXPECT_EQ(options.app_max_concurrency, -1);
  EXPECT_EQ(options.app_binding_options_timeout_ns, 3'000'000'000U);
  EXPECT_EQ(options.listen_addresses, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(options.http_port, 3500);
  EXPECT_EQ(options.max_body_size, 4 << 20);
  EXPECT_EQ(options.read_buffer_size, 4096);
  EXPECT_EQ(options.io_threads, 1U);
  EXPECT_EQ(options.graceful_shutdown_seconds, 5);
  EXPECT_FALSE(options.strict_dapr || options.log_as_json || options.wait);
  EXPECT_EQ(options.log_level, LogLevel::info);
  EXPECT_TRUE(options.notes.empty());
}

TEST(Options, TakeEveryFlagThatWorks) {
  const Options options = good({"--app-id",
                                "shop",
                                "-app-port",
                                "5000",
                                "--app-channel-address=app",
                                "-app-max-concurrency",
                                "-7",
                                "--app-binding-options-timeout=1.5s",
                                "--dapr-listen-addresses",
                                "127.0.0.1, ::1",
                                "--dapr-http-port=0",
                                "--max-body-size",
                                "16Mi",
                                "-read-buffer-size=8Ki",
                                "--resources-path",
                                "a,b",
                                "--resources-path=c",
                                "--components-path",
                                "old",
                                "--plugin-dir",
                                "p",
                                "--plugin-dir=q",
                                "--io-threads",
                                "2",
                                "--dapr-graceful-shutdown-seconds",
                                "0",
                                "--strict-dapr",
                                "--wait",
                                "--log-level",
                                "WARNING",
                                "--log-as-json=true"});
  EXPECT_EQ(options.app_id, "shop");
  EXPECT_EQ(options.app_port, 5000);
  EXPECT_EQ(options.app_channel_address, "app");
  EXPECT_EQ(options.app_max_concurrency, -7);
  EXPECT_EQ(options.app_binding_options_timeout_ns, 1'500'000'000U);
  EXPECT_EQ(options.listen_addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(options.http_port, 0);
  EXPECT_EQ(options.max_body_size, 16 << 20);
  EXPECT_EQ(options.read_buffer_size, 8192);
  EXPECT_EQ(options.resources_paths, (std::vector<std::filesystem::path>{"a", "b", "c"}));
  EXPECT_EQ(options.plugin_dirs, (std::vector<std::filesystem::path>{"p", "q"}));
  EXPECT_EQ(options.io_threads, 2U);
  EXPECT_EQ(options.graceful_shutdown_seconds, 0);
  EXPECT_TRUE(options.strict_dapr && options.log_as_json && options.wait);
  EXPECT_EQ(options.log_level, LogLevel::warn);
  EXPECT_TRUE(options.notes.empty());
}

TEST(Options, LastOneWins) {
  const Options options = good({"--app-id=a", "--app-id", "b", "--log-as-json", "--log-as-json=false"});
  EXPECT_EQ(options.app_id, "b");
  EXPECT_FALSE(options.log_as_json);
}

TEST(Options, AValueMayLookLikeAFlagOrHoldEqualsSigns) {
  EXPECT_EQ(good({"--app-id", "--odd"}).app_id, "--odd");
  EXPECT_EQ(good({"--plugin-dir=a=b"}).plugin_dirs.front(), "a=b");
}

TEST(Options, FallBackToComponentsPath) {
  const std::vector<std::filesystem::path> expected = {"./components", "more"};
  EXPECT_EQ(good({"--components-path", "./components", "--components-path=more"}).resources_paths, expected);
}

TEST(Options, TakeTheNamesOf2019) {
  const Options options = good({"--dapr-id", "shop", "--protocol", "http", "--max-concurrency", "3"});
  EXPECT_EQ(options.app_id, "shop");
  EXPECT_EQ(options.app_max_concurrency, 3);
  EXPECT_EQ(options.notes,
            (std::vector<std::string>{"--dapr-id is deprecated, use --app-id",
                                      "--protocol is deprecated, use --app-protocol",
                                      "--max-concurrency is deprecated, use --app-max-concurrency"}));
}

TEST(Options, TakeTheDeprecatedSizesUnlessTheNewOnesAreThere) {
  EXPECT_EQ(good({"--dapr-http-max-request-size", "8"}).max_body_size, 8 << 20);
  EXPECT_LT(good({"--dapr-http-max-request-size", "-1"}).max_body_size, 0);
  EXPECT_EQ(good({"--dapr-http-read-buffer-size=8"}).read_buffer_size, 8192);
  for (const Arguments& both : {Arguments{"--max-body-size=1Ki", "--dapr-http-max-request-size=8"},
                                Arguments{"--dapr-http-max-request-size=8", "--max-body-size=1Ki"}}) {
    EXPECT_EQ(good(both).max_body_size, 1024);
  }
  EXPECT_EQ(good({"--read-buffer-size=1Ki", "--dapr-http-read-buffer-size=8"}).read_buffer_size, 1024);
}

TEST(Options, NoteFlagsWithoutEffectOnce) {
  const Options options = good({"--config", "c.yaml", "--config=d.yaml", "--enable-metrics",
                                "--metrics-port=9091", "--app-protocol=grpc", "--mode", "kubernetes"});
  EXPECT_EQ(options.notes,
            (std::vector<std::string>{
                "--config has no effect yet", "--enable-metrics has no effect yet",
                "--metrics-port has no effect yet",
                "--app-protocol grpc has no effect yet: the application is called over plain HTTP/1.1",
                "--mode has no effect yet"}));
  EXPECT_TRUE(good({"--enable-mtls=false", "--mode=standalone", "--app-protocol=http",
                    "--sentry-address=", "--config", "", "--enable-metrics=false", "--metrics-port="})
                  .notes.empty());
}

TEST(Options, AcceptAllOfDaprsFlags) {
  for (const char* argument : {"--app-ssl",
                               "--dapr-grpc-port=50001",
                               "--dapr-internal-grpc-port=1",
                               "--dapr-internal-grpc-listen-address=x",
                               "--unix-domain-socket=/x",
                               "--dapr-public-port=1",
                               "--dapr-public-listen-address=x",
                               "--profile-port=7777",
                               "--enable-profiling",
                               "--config=x",
                               "--mode=standalone",
                               "--dapr-block-shutdown-duration=5s",
                               "--enable-app-health-check",
                               "--app-health-check-path=/healthz",
                               "--app-health-probe-interval=5",
                               "--app-health-probe-timeout=500",
                               "--app-health-threshold=3",
                               "--hot-reload-reconcile-interval=60s",
                               "--disable-init-endpoints=config,subscribe",
                               "--allowed-origins=*",
                               "--enable-api-logging",
                               "--enable-metrics",
                               "--metrics-port=9090",
                               "--metrics-listen-address=x",
                               "--log-file=x",
                               "--enable-mtls",
                               "--sentry-address=x",
                               "--control-plane-address=x",
                               "--control-plane-namespace=x",
                               "--control-plane-trust-domain=x",
                               "--placement-host-address=x",
                               "--scheduler-host-address=x",
                               "--actors-disseminate-timeout=x",
                               "--disable-builtin-k8s-secret-store"}) {
    EXPECT_EQ(good({argument}).app_id, "cleat") << argument;
    EXPECT_EQ(good({argument + 1}).app_id, "cleat") << argument;
  }
}

TEST(Options, AnswerAtOnce) {
  EXPECT_EQ(bad({"--version"}).text, "cleat " CLEAT_VERSION "\n");
  EXPECT_EQ(bad({"-version", "--nonsense"}).code, 0);
  for (const char* flag : {"--help", "-h"}) {
    const Exit help = bad({flag});
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.text.find("--app-binding-options-timeout"), std::string::npos);
    EXPECT_NE(help.text.find("The log:"), std::string::npos);
  }
}

TEST(Options, RefuseBadValuesInOneSentence) {
  struct Case {
    Arguments arguments;
    const char* text;
  };
  for (
      const Case& c : {
          Case{{"--app-prot", "5"}, "unknown flag --app-prot, did you mean --app-port?"},
          Case{{"-resource-path=x"}, "unknown flag --resource-path, did you mean --resources-path?"},
          Case{{"--zzzzzzzzzzzzzzzz"}, "unknown flag --zzzzzzzzzzzzzzzz, see --help"},
          Case{{"--"}, "unexpected argument \"--\": expected a flag such as --app-id, see --help"},
          Case{{"run"}, "unexpected argument \"run\": expected a flag such as --app-id, see --help"},
          Case{{"--log-as-json", "false"},
               "unexpected argument \"false\": a switch takes its value with '=', as in --log-as-json=false"},
          Case{{"--log-as-json=maybe"}, "--log-as-json: expected true or false, found \"maybe\""},
          Case{{"--app-port"}, "--app-port: expected a value, found the end of the command line"},
          Case{{"--app-port=65536"}, "--app-port: expected a port from 0 to 65535, found \"65536\""},
          Case{{"--dapr-http-port", "-1"}, "--dapr-http-port: expected a port from 0 to 65535, found \"-1\""},
          Case{{"--dapr-http-port="}, "--dapr-http-port: expected a port from 0 to 65535, found \"\""},
          Case{{"--app-id=a.b"}, "--app-id: expected a name without dots, found \"a.b\""},
          Case{{"--io-threads=0"}, "--io-threads: expected a whole number from 1 to 64, found \"0\""},
          Case{{"--io-threads=65"}, "--io-threads: expected a whole number from 1 to 64, found \"65\""},
          Case{{"--max-body-size=4MB"},
               "--max-body-size: expected a size such as 512, 4Mi, 1.5Gi or 100k, found \"4MB\""},
          Case{{"--read-buffer-size=0"}, "--read-buffer-size: expected more than 0, found \"0\""},
          Case{
              {"--app-binding-options-timeout=3"},
              "--app-binding-options-timeout: expected a duration such as 250ms, 1.5s or 1h30m, found \"3\""},
          Case{{"--app-binding-options-timeout=-3s"},
               "--app-binding-options-timeout: expected more than 0, found \"-3s\""},
          Case{{"--app-max-concurrency=x"},
               "--app-max-concurrency: expected a whole number from -2147483648 to 2147483647, found \"x\""},
          Case{
              {"--dapr-graceful-shutdown-seconds=-1"},
              "--dapr-graceful-shutdown-seconds: expected a whole number from 0 to 2147483647, found \"-1\""},
          Case{{"--log-level=loud"},
               "--log-level: expected debug, info, warn, error or fatal, found \"loud\""},
          Case{{"--app-protocol=tcp"},
               "--app-protocol: expected http, https, h2c, grpc or grpcs, found \"tcp\""},
          Case{{"--mode=cloud"}, "--mode: expected standalone or kubernetes, found \"cloud\""},
          Case{{"--metrics-port=many"}, "--metrics-port: expected a port from 0 to 65535, found \"many\""},
          Case{{"--plugin-dir="}, "--plugin-dir: expected a directory, found nothing"},
      }) {
    const Exit exit = bad(c.arguments);
    EXPECT_EQ(exit.code, 2) << c.text;
    EXPECT_EQ(exit.text, std::string("cleat: ") + c.text + "\n");
  }
}

TEST(Options, RefuseContradictions) {
  const Exit no_id = bad({"--strict-dapr"});
  EXPECT_EQ(no_id.code, 1);
  EXPECT_EQ(no_id.text,
            "cleat: --app-id: expected a name, found none; with --strict-dapr it is needed, as for daprd\n");
  const Exit same_port = bad({"--app-port=3500"});
  EXPECT_EQ(same_port.code, 1);
  EXPECT_EQ(same_port.text,
            "cleat: --app-port and --dapr-http-port are both 3500: the application and the host need a port "
            "each\n");
  EXPECT_EQ(good({"--app-port=0", "--dapr-http-port=0"}).http_port, 0);
  EXPECT_EQ(good({"--app-port="}).app_port, 0);
}

}  // namespace
}  // namespace cleat
