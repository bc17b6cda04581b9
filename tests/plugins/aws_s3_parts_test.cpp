#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "listing.hpp"
#include "object.hpp"
#include "plugins/aws_environment.hpp"
#include "plugins/fake_host.hpp"
#include "s3_config.hpp"

namespace cleat::s3 {
namespace {

using testing::Pairs;

class S3Parts : public ::testing::Test {
 protected:
  std::optional<S3Config> parse(Pairs metadata) {
    metadata.emplace_back("region", "eu-west-1");
    const testing::MapOf map(metadata);
    cleat_config raw{};
    raw.struct_size = sizeof raw;
    raw.metadata = map.map();
    try {
      return parse_config(Config(raw));
    } catch (const Error& caught) {
      error = caught.what();
      return std::nullopt;
    }
  }
  std::string location(const Pairs& metadata) {
    const auto config = parse(metadata);
    return config ? location_of(*config, "a/b c") : error;
  }
  testing::CleanAwsEnvironment environment;
  std::string error;
};

TEST_F(S3Parts, TheBucketIsPartOfTheHostWhereThatCanBe) {
  EXPECT_EQ(location({{"bucket", "box"}}), "https://box.s3.eu-west-1.amazonaws.com/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"forcePathStyle", "true"}}),
            "https://s3.eu-west-1.amazonaws.com/box/a/b%20c");
  EXPECT_EQ(location({{"bucket", "my.box"}}), "https://s3.eu-west-1.amazonaws.com/my.box/a/b%20c");
  EXPECT_EQ(location({{"bucket", "Box_1"}}), "https://s3.eu-west-1.amazonaws.com/Box_1/a/b%20c");
  EXPECT_EQ(location({{"bucket", "my.box"}, {"endpoint", "http://store:9000"}}),
            "http://my.box.store:9000/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "http://127.0.0.1:9000"}}),
            "http://127.0.0.1:9000/box/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "https://[::1]:9000/"}}),
            "https://[::1]:9000/box/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "https://gate/s3"}}), "https://box.gate/s3/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "https://gate/s3"}, {"forcePathStyle", "true"}}),
            "https://gate/s3/box/a/b%20c");
}

TEST_F(S3Parts, AnEndpointWithoutASchemeGetsOne) {
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "store:9000"}}), "https://box.store:9000/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "store:9000"}, {"disableSSL", "true"}}),
            "http://box.store:9000/a/b%20c");
  EXPECT_EQ(location({{"bucket", "box"}, {"endpoint", "https://store"}, {"disableSSL", "true"}}),
            "https://box.store/a/b%20c");
}

TEST_F(S3Parts, FieldsThatCannotBeAreRefused) {
  EXPECT_EQ(location({}), "bucket: expected the name of one, found none");
  EXPECT_NE(location({{"bucket", "a/b"}}).find("bucket: expected letters"), std::string::npos);
  EXPECT_NE(location({{"bucket", "arn:aws:s3:eu-west-1:1:accesspoint/x"}}).find("ARNs are not served"),
            std::string::npos);
  EXPECT_NE(location({{"bucket", "box"}, {"partSize", "1024"}}).find("partSize: expected 5Mi"),
            std::string::npos);
  EXPECT_NE(location({{"bucket", "box"}, {"presignTTL", "8h x"}}).find("presignTTL"), std::string::npos);
  EXPECT_NE(location({{"bucket", "box"}, {"fileFolder", "here"}}).find("fileFolder"), std::string::npos);
}

TEST_F(S3Parts, AFolderIsTheSameWithASlashBehindIt) {
  EXPECT_EQ(parse({{"bucket", "box"}, {"fileFolder", "/data//"}})->files.folder, "/data");
  EXPECT_EQ(parse({{"bucket", "box"}, {"fileFolder", "/"}})->files.folder, "/");
}

TEST(S3Object, TagsAreThoseOfTheHeader) {
  EXPECT_EQ(tagging_of("a=1, b c = d&e ,x="), "a=1&b%20c=d%26e&x=");
  for (const char* bad : {"a", "=1", "a=1,b"})
    EXPECT_THROW(tagging_of(bad), Error) << bad;
}

TEST(S3Object, AnAddressIsSignedForSevenDaysAtMost) {
  EXPECT_EQ(parse_presign_ttl("15m").count(), 900);
  EXPECT_EQ(parse_presign_ttl("168h").count(), 604800);
  EXPECT_EQ(parse_presign_ttl("1ms").count(), 1);
  for (const char* bad : {"168h1s", "0s", "-1m", "soon"})
    EXPECT_THROW(parse_presign_ttl(bad), Error) << bad;
}

TEST(S3Listing, HasTheNamesOfAwssClient) {
  const Response response = answer_of_list(
      "<?xml version=\"1.0\"?><ListBucketResult "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>box</Name>"
      "<Prefix>a%2F</Prefix><Marker></Marker><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType>"
      "<IsTruncated>true</IsTruncated><Contents><Key>a%2F1+%01%2B</Key>"
      "<LastModified>2009-10-12T17:50:30.120Z</LastModified><ETag>&quot;e&quot;</ETag><Size>5</Size>"
      "<Owner><ID>id</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>"
      "<CommonPrefixes><Prefix>a%2Fb%2F</Prefix></CommonPrefixes></ListBucketResult>");
  EXPECT_EQ(
      response.data.view(),
      R"({"CommonPrefixes":[{"Prefix":"a/b/"}],"Contents":[{"ChecksumAlgorithm":null,"ETag":"\"e\"","Key":"a/1 \u0001+",)"
      R"("LastModified":"2009-10-12T17:50:30.12Z","Owner":{"DisplayName":null,"ID":"id"},"RestoreStatus":null,"Size":5,)"
      R"("StorageClass":"STANDARD"}],"Delimiter":null,"EncodingType":null,"IsTruncated":true,"Marker":"","MaxKeys":2,)"
      R"("Name":"box","NextMarker":null,"Prefix":"a/","RequestCharged":null})");
  EXPECT_THROW(answer_of_list("<html/>"), Error);
}

TEST(S3Listing, AsksForWhatTheDataSays) {
  EXPECT_EQ(list_query(R"({"Prefix":"p/","maxresults":7,"delimiter":"/"})"),
            (Query{{"encoding-type", "url"}, {"max-keys", "7"}, {"delimiter", "/"}, {"prefix", "p/"}}));
  EXPECT_EQ(list_query("null"), (Query{{"encoding-type", "url"}, {"max-keys", "1000"}}));
  for (const char* bad : {"[]", "{", R"({"maxResults":-1})", R"({"maxResults":1.5})", R"({"prefix":1})"})
    EXPECT_THROW(list_query(bad), Error) << bad;
}

}  // namespace
}  // namespace cleat::s3
