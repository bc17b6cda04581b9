#include "api/invoke_body.hpp"

#include <fmt/core.h>

#include <unordered_map>

#include "base/text.hpp"

namespace cleat {
namespace {

/// The pairs of one request. The last value of a name wins, at its first place; an index only once there are
/// many, so that a hostile body costs no square of its length.
class MetadataPairs {
 public:
  explicit MetadataPairs(Pairs& pairs) : pairs_(pairs) {}

  void set(std::string&& key, std::string&& value) {
    if (std::string* present = find(key)) {
      *present = std::move(value);
      return;
    }
    pairs_.emplace_back(std::move(key), std::move(value));
    if (pairs_.size() > kScanned) index_last();
  }

 private:
  static constexpr std::size_t kScanned = 16;

  std::string* find(const std::string& key) {
    if (pairs_.size() <= kScanned) {
      for (auto& [name, value] : pairs_) {
        if (name == key) return &value;
      }
      return nullptr;
    }
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &pairs_[found->second].second;
  }
  void index_last() {
    if (index_.empty()) {
      for (std::size_t i = 0; i < pairs_.size(); ++i)
        index_.emplace(pairs_[i].first, i);
    } else {
      index_.emplace(pairs_.back().first, pairs_.size() - 1);
    }
  }

  Pairs& pairs_;
  std::unordered_map<std::string, std::size_t> index_;
};

class BodyReader {
 public:
  BodyReader(json::Reader& reader, bool strict, OutputRequest& request)
      : reader_(reader), strict_(strict), request_(request), pairs_(request.metadata) {}

  Result<> read(std::string_view body) {
    auto members =
        reader_.read_object(body, strict_ ? json::Reader::Trailing::ignore : json::Reader::Trailing::error);
    if (!members) return members.error();
    json::Slice data, metadata;
    for (const json::Member& member : *members) {
      if (iequals(member.key, "operation")) {
        if (auto read = read_operation(member.value); !read) return read;
      } else if (iequals(member.key, "data")) {
        data = member.value;
      } else if (iequals(member.key, "metadata")) {
        metadata = member.value;
      }
    }
    if (data.kind == json::Kind::null) {
      request_.data = "null";
    } else {
      request_.data.reserve(data.raw.size());
      json::append_minified(request_.data, data.raw);
    }
    return read_metadata(metadata);
  }

 private:
  Result<> read_operation(const json::Slice& value) {
    if (value.kind == json::Kind::null) return {};
    if (value.kind != json::Kind::string) {
      return fail(fmt::format("expected a string as operation, found {}", json::name_of(value.kind)));
    }
    auto text = reader_.text_of(value);
    if (!text) return text.error();
    request_.operation = std::move(*text);
    return {};
  }

  Result<> read_metadata(const json::Slice& metadata) {
    if (metadata.kind == json::Kind::null) return {};
    if (metadata.kind == json::Kind::object) return read_pairs(metadata);
    if (metadata.kind == json::Kind::array && !strict_) return read_list(metadata);
    return fail(
        fmt::format("expected an object of strings as metadata, found {}", json::name_of(metadata.kind)));
  }

  Result<> read_pairs(const json::Slice& object) {
    auto members = reader_.members(object);
    if (!members) return members.error();
    for (json::Member& member : *members) {
      if (auto set = set_pair(std::move(member.key), member.value); !set) return set;
    }
    return {};
  }

  Result<> read_list(const json::Slice& list) {
    auto elements = reader_.elements(list);
    if (!elements) return elements.error();
    for (const json::Slice& element : *elements) {
      if (element.kind != json::Kind::object) {
        return fail(fmt::format("expected an object with a pair in the metadata list, found {}",
                                json::name_of(element.kind)));
      }
      auto members = reader_.members(element);
      if (!members) return members.error();
      if (auto read = read_list_entry(*members); !read) return read;
    }
    return {};
  }

  // {"name":n,"value":v} and {"key":k,"value":v}, in either order, are one pair; every other object is its
  // own pairs.
  Result<> read_list_entry(std::vector<json::Member>& members) {
    if (members.size() == 2) {
      const std::size_t value_at = members[0].key == "value" ? 0 : 1;
      const json::Member& name = members[1 - value_at];
      if (members[value_at].key == "value" && (name.key == "name" || name.key == "key")) {
        auto key = text_of(name.value, name.key);
        if (!key) return key.error();
        return set_pair(std::move(*key), members[value_at].value);
      }
    }
    for (json::Member& member : members) {
      if (auto set = set_pair(std::move(member.key), member.value); !set) return set;
    }
    return {};
  }

  Result<> set_pair(std::string&& key, const json::Slice& value) {
    auto text = text_of(value, key);
    if (!text) return text.error();
    pairs_.set(std::move(key), std::move(*text));
    return {};
  }

  // As daprd's decoder does, null is the empty string.
  Result<std::string> text_of(const json::Slice& value, std::string_view name) {
    switch (value.kind) {
      case json::Kind::string:
        return reader_.text_of(value);
      case json::Kind::null:
        return Result<std::string>(boost::system::in_place_value);
      default:
        return fail(
            fmt::format("expected a string as metadata \"{}\", found {}", name, json::name_of(value.kind)));
    }
  }

  json::Reader& reader_;
  const bool strict_;
  OutputRequest& request_;
  MetadataPairs pairs_;
};

}  // namespace

Result<> read_invoke_body(json::Reader& reader, std::string_view body, bool strict_dapr,
                          OutputRequest& request) {
  return BodyReader(reader, strict_dapr, request).read(body);
}

}  // namespace cleat
