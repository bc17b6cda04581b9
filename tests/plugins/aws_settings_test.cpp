#include "common/aws/settings.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "plugins/aws_environment.hpp"
#include "plugins/fake_host.hpp"

namespace cleat::aws {
namespace {

using testing::Pairs;

class AwsSettings : public ::testing::Test {
 protected:
  /// What parse_settings() makes of it, or its error in `error`.
  std::optional<Settings> parse(const Pairs& metadata, const std::string& named = {},
                                std::string_view scheme = {}) {
    const testing::MapOf map(metadata);
    cleat_config raw{};
    raw.struct_size = sizeof raw;
    raw.metadata = map.map();
    try {
      return parse_settings(Config(raw), "sqs", named, scheme);
    } catch (const Error& caught) {
      error = caught.what();
      return std::nullopt;
    }
  }
  testing::CleanAwsEnvironment environment;
  std::string error;
};

TEST_F(AwsSettings, TakeTheRegionFromTheFieldTheNameTheEnvironmentOrTheProfile) {
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(error, "region: expected one, as eu-west-1, here, in AWS_REGION, or in the profile; found none");
  environment.write("config", "[profile x]\nregion = eu-north-1\n[default]\nregion = eu-south-1\n");
  EXPECT_EQ(parse({})->region, "eu-south-1");
  environment.set("AWS_PROFILE", "x");
  EXPECT_EQ(parse({})->region, "eu-north-1");
  environment.set("AWS_DEFAULT_REGION", "eu-west-2");
  EXPECT_EQ(parse({})->region, "eu-west-2");
  environment.set("AWS_REGION", "eu-west-3");
  EXPECT_EQ(parse({})->region, "eu-west-3");
  EXPECT_EQ(parse({}, "ap-south-1")->region, "ap-south-1");
  EXPECT_EQ(parse({{"region", "us-west-2"}}, "ap-south-1")->region, "us-west-2");
  EXPECT_EQ(parse({{"region", "US west"}}), std::nullopt);
}

TEST_F(AwsSettings, KnowTheAddressOfTheService) {
  EXPECT_EQ(parse({{"region", "eu-west-1"}})->endpoint, "https://sqs.eu-west-1.amazonaws.com");
  EXPECT_EQ(parse({{"region", "cn-north-1"}})->endpoint, "https://sqs.cn-north-1.amazonaws.com.cn");
  environment.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  EXPECT_EQ(parse({{"region", "eu-west-1"}})->endpoint, "http://127.0.0.1:1");
  environment.set("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:2/");
  EXPECT_EQ(parse({{"region", "eu-west-1"}})->endpoint, "http://127.0.0.1:2");
  EXPECT_EQ(parse({{"region", "eu-west-1"}, {"endpoint", "http://127.0.0.1:3"}})->endpoint,
            "http://127.0.0.1:3");
}

TEST_F(AwsSettings, GiveASchemeToAnEndpointWithoutOneWhereThatIsMeant) {
  const Pairs bare{{"region", "eu-west-1"}, {"endpoint", "localhost:9000"}};
  EXPECT_EQ(parse(bare), std::nullopt);
  EXPECT_EQ(parse(bare, {}, "http://")->endpoint, "http://localhost:9000");
  EXPECT_EQ(parse({{"region", "eu-west-1"}, {"endpoint", "https://minio"}}, {}, "http://")->endpoint,
            "https://minio");
}

TEST_F(AwsSettings, RefuseWithoutRepeatingSecrets) {
  for (const Pairs& bad :
       {Pairs{{"accessKey", "planted"}}, Pairs{{"secretKey", "planted"}}, Pairs{{"sessionToken", "planted"}},
        Pairs{{"endpoint", "planted"}}, Pairs{{"endpoint", "http://planted:planted@host"}},
        Pairs{{"accessKey", "a"}, {"secretKey", "planted\n"}}}) {
    Pairs metadata = bad;
    metadata.emplace_back("region", "eu-west-1");
    EXPECT_EQ(parse(metadata), std::nullopt);
    EXPECT_EQ(error.find("planted"), std::string::npos) << error;
  }
  EXPECT_EQ(parse({{"region", "eu-west-1"}, {"assumeRoleArn", "role"}}), std::nullopt);
  EXPECT_EQ(parse({{"region", "eu-west-1"}, {"trustAnchorArn", "arn"}}), std::nullopt);
  EXPECT_EQ(parse({{"region", "eu-west-1"}, {"caCert", "no PEM"}}), std::nullopt);
}

TEST_F(AwsSettings, ReadArns) {
  const Arn arn = parse_arn("arn:aws:sqs:eu-west-1:123456789012:orders");
  EXPECT_EQ(arn.service, "sqs");
  EXPECT_EQ(arn.region, "eu-west-1");
  EXPECT_EQ(arn.account, "123456789012");
  EXPECT_EQ(arn.resource, "orders");
  EXPECT_EQ(parse_arn("arn:aws:iam::1:role/a:b").resource, "role/a:b");
  EXPECT_EQ(parse_arn("orders").service, "");
  EXPECT_EQ(parse_arn("arn:aws:sqs:eu-west-1:1:").service, "");
}

}  // namespace
}  // namespace cleat::aws
