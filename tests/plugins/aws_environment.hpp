#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace cleat::testing {

/// As long as it lives AWS's library finds nothing of the machine that the test runs on: no variable, no file, no address.
class CleanAwsEnvironment {
 public:
  CleanAwsEnvironment() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleat-aws-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    for (char** each = environ; *each != nullptr; ++each) {
      const std::string line = *each;
      if (line.compare(0, 4, "AWS_") == 0 || line.compare(0, 4, "HTTP") == 0)
        names_.push_back(line.substr(0, line.find('=')));
    }
    for (const char* name : {"https_proxy", "http_proxy", "no_proxy", "NO_PROXY"})
      names_.emplace_back(name);
    for (const std::string& name : names_) {
      const char* value = ::getenv(name.c_str());
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name.c_str());
    }
    set("AWS_CONFIG_FILE", (folder_ / "config").string());
    set("AWS_SHARED_CREDENTIALS_FILE", (folder_ / "credentials").string());
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  CleanAwsEnvironment(const CleanAwsEnvironment&) = delete;
  CleanAwsEnvironment& operator=(const CleanAwsEnvironment&) = delete;
  ~CleanAwsEnvironment() {
    for (const auto& [name, value] : set_)
      ::unsetenv(name.c_str());
    for (const auto& [name, value] : before_)
      ::setenv(name.c_str(), value.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  void set(const std::string& name, const std::string& value) {
    set_[name] = value;
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  void unset(const std::string& name) { ::unsetenv(name.c_str()); }
  /// A file for AWS's library, "config" or "credentials", or another one. Its path.
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

 private:
  std::filesystem::path folder_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> before_, set_;
};

}  // namespace cleat::testing
