#include "common/aws/signature.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/text.hpp"

namespace cleat::aws {
namespace {

// AWS's published test suite for Signature Version 4 (aws-sig-v4-test-suite).
const Keys kSuiteKeys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", kNeverExpires};
const Scope kSuite{"us-east-1", "service", 1440938160, false, false};  // 2015-08-30T12:36:00Z

std::string header_of(const common::HttpRequest& request, std::string_view name) {
  for (const common::HttpHeader& each : request.headers) {
    if (common::equal_ignoring_case(each.name, name)) return each.value;
  }
  return "(none)";
}

std::string signature_of(common::HttpRequest request, const Keys& keys = kSuiteKeys,
                         const Scope& scope = kSuite) {
  sign(request, keys, scope);
  const std::string all = header_of(request, "Authorization");
  return all.substr(all.find("Signature=") + 10);
}

common::HttpRequest request_of(const std::string& method, const std::string& path,
                               std::vector<common::HttpHeader> headers = {}, std::string_view body = {}) {
  common::HttpRequest request;
  request.method = method;
  request.url = "https://example.amazonaws.com" + path;
  request.headers = std::move(headers);
  request.body = body;
  request.has_body = !body.empty();
  return request;
}

TEST(AwsSignature, IsThatOfTheTestSuite) {
  EXPECT_EQ(signature_of(request_of("GET", "/")),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(signature_of(request_of("POST", "/")),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  EXPECT_EQ(signature_of(request_of("GET", "/?Param2=value2&Param1=value1")),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  EXPECT_EQ(signature_of(request_of("POST", "/?Param1=value1")),
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11");
  EXPECT_EQ(signature_of(request_of("GET", "/\xE1\x88\xB4")),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  EXPECT_EQ(
      signature_of(request_of("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded", false}},
                              "Param1=value1")),
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST(AwsSignature, SaysWhoSignedWhat) {
  common::HttpRequest request = request_of("GET", "/");
  sign(request, kSuiteKeys, kSuite);
  EXPECT_EQ(header_of(request, "X-Amz-Date"), "20150830T123600Z");
  EXPECT_EQ(header_of(request, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(header_of(request, "X-Amz-Security-Token"), "(none)");
  EXPECT_EQ(header_of(request, "Host"), "(none)");  // libcurl writes it
}

TEST(AwsSignature, TakesTheHashThatIsKnown) {
  Scope scope = kSuite;
  scope.is_hash_sent = true;
  common::HttpRequest given = request_of("PUT", "/", {}, "text"), own = given;
  sign(own, kSuiteKeys, scope);
  sign(given, kSuiteKeys, scope, "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
  EXPECT_EQ(header_of(given, "x-amz-content-sha256"), header_of(own, "x-amz-content-sha256"));
  EXPECT_EQ(header_of(given, "Authorization"), header_of(own, "Authorization"));
  common::HttpRequest other = request_of("PUT", "/", {}, "text");
  sign(other, kSuiteKeys, scope, std::string(64, '0'));
  EXPECT_EQ(header_of(other, "x-amz-content-sha256"), std::string(64, '0'));
  EXPECT_NE(header_of(other, "Authorization"), header_of(own, "Authorization"));
}

TEST(AwsSignature, CoversTheSessionToken) {
  Keys keys = kSuiteKeys;
  keys.token = "a-token";
  common::HttpRequest request = request_of("POST", "/");
  sign(request, keys, kSuite);
  EXPECT_EQ(header_of(request, "X-Amz-Security-Token"), "a-token");
  EXPECT_NE(header_of(request, "Authorization").find("SignedHeaders=host;x-amz-date;x-amz-security-token"),
            std::string::npos);
  EXPECT_TRUE(std::all_of(request.headers.begin(), request.headers.end(),
                          [](const common::HttpHeader& each) { return each.is_secret; }));
}

TEST(AwsSignature, LeavesOutThePortThatTheHeaderLeavesOut) {
  common::HttpRequest request = request_of("GET", "/");
  request.url = "https://example.amazonaws.com:443";
  EXPECT_EQ(signature_of(request), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

// The examples of the S3 API reference.
const Keys kS3Keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", kNeverExpires};
const Scope kS3{"us-east-1", "s3", 1369353600, true, true};  // 2013-05-24T00:00:00Z

TEST(AwsSignature, IsThatOfTheExamplesOfS3) {
  common::HttpRequest get = request_of("GET", "", {{"Range", "bytes=0-9", false}});
  get.url = "https://examplebucket.s3.amazonaws.com/test.txt";
  EXPECT_EQ(signature_of(get, kS3Keys, kS3),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  common::HttpRequest put = request_of("PUT", "",
                                       {{"Date", "Fri, 24 May 2013 00:00:00 GMT", false},
                                        {"x-amz-storage-class", "REDUCED_REDUNDANCY", false}},
                                       "Welcome to Amazon S3.");
  put.url = "https://examplebucket.s3.amazonaws.com/test%24file.text";
  EXPECT_EQ(signature_of(put, kS3Keys, kS3),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(AwsSignature, OfAQueryIsThatOfTheExamplesOfS3) {
  common::HttpRequest part = request_of("GET", "");
  part.url = "https://examplebucket.s3.amazonaws.com?lifecycle";
  EXPECT_EQ(signature_of(part, kS3Keys, kS3),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  common::HttpRequest list = request_of("GET", "");
  list.url = "https://examplebucket.s3.amazonaws.com?max-keys=2&prefix=J";
  EXPECT_EQ(signature_of(list, kS3Keys, kS3),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(AwsSignature, OfAnUrlIsThatOfTheExampleOfS3) {
  const std::string url =
      presigned("GET", "https://examplebucket.s3.amazonaws.com/test.txt", kS3Keys, kS3, 86400);
  EXPECT_NE(url.find("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
            std::string::npos)
      << url;
}

}  // namespace
}  // namespace cleat::aws
