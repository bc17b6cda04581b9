#include "plugin/manifest.hpp"

#include <elf.h>
#include <fmt/core.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "plugin/regular_file.hpp"

// The shape of an ELF file and of its notes is that of <elf.h> and elf(5). Every number in the file is taken
// for hostile.
namespace cleat {
namespace {

constexpr std::string_view kSection{".note.cleat.manifest", 21};  // with its NUL, as it stands in the file
constexpr std::string_view kOwner{"CLEAT", 6};                    // with its NUL, which a note counts
constexpr std::uint32_t kNoteType = 0x434c5401;
constexpr std::uint64_t kMaxManifestBytes = 1 << 20;
// A linker writes a handful of notes; the bound keeps a hostile file from costing time.
constexpr int kMaxNotes = 4096;

#if defined(__x86_64__)
constexpr std::uint16_t kHostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kHostMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t kHostMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr std::uint16_t kHostMachine = EM_PPC64;
#elif defined(__s390x__)
constexpr std::uint16_t kHostMachine = EM_S390;
#else
#error "name the ELF machine of this host here"
#endif
constexpr unsigned char kHostEndian = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
static_assert(sizeof(void*) == 8, "the interface and this reader know 64-bit files only");

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "PowerPC64";
    case EM_S390:
      return "s390x";
    default:
      return fmt::format("machine number {}", machine);
  }
}

Error cut_short(std::string_view part, std::uint64_t size) {
  return fail(
      fmt::format("a file that is cut short (its {} lies beyond its {} bytes): copy it again", part, size));
}

Error built_for(std::string_view other) {
  return fail(fmt::format("one built for {}, while this host is {}: install the plugin's build for {}", other,
                          machine_name(kHostMachine), machine_name(kHostMachine)));
}

std::string_view file_kind(std::uint16_t type) {
  switch (type) {
    case ET_REL:
      return "an object file";
    case ET_EXEC:
      return "a program";
    case ET_CORE:
      return "a core dump";
    default:
      return "an ELF file of an unknown kind";
  }
}

Result<Elf64_Ehdr> read_header(const RegularFile& file) {
  if (file.size() == 0) return fail("an empty file: copy it again");
  std::array<unsigned char, EI_NIDENT> ident{};
  const bool has_ident = file.read(0, ident.data(), ident.size());
  if (!has_ident || std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0) {
    std::array<char, SELFMAG> start{};
    if (file.size() >= SELFMAG && file.read(0, start.data(), SELFMAG) &&
        std::memcmp(start.data(), ELFMAG, SELFMAG) == 0) {
      return cut_short("header", file.size());
    }
    return fail("a file that is no shared object at all (text or data): remove it from the plugin directory");
  }
  if (ident[EI_CLASS] != ELFCLASS64) return built_for("a 32-bit machine");
  if (ident[EI_DATA] != kHostEndian) {
    return built_for(ident[EI_DATA] == ELFDATA2MSB ? "a big-endian machine" : "a little-endian machine");
  }
  Elf64_Ehdr header{};
  if (!file.read(0, &header, sizeof header)) return cut_short("header", file.size());
  if (header.e_machine != kHostMachine) return built_for(machine_name(header.e_machine));
  if (header.e_type != ET_DYN) {
    return fail(fmt::format("{}: link the plugin with -shared", file_kind(header.e_type)));
  }
  return header;
}

/// The section and program header tables, each entry read when it is asked for.
class Tables {
 public:
  Tables(const RegularFile& file, const Elf64_Ehdr& header) : file_(file), header_(header) {}

  /// Whatever the headers promise must be in the file: the loader would map it without asking.
  Result<> check() {
    if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0) {
      return fail("a shared object with damaged program headers: copy or build it again");
    }
    if (!file_.has(header_.e_phoff, std::uint64_t{header_.e_phnum} * sizeof(Elf64_Phdr))) {
      return cut_short("table of program headers", file_.size());
    }
    for (std::uint32_t i = 0; i < header_.e_phnum; ++i) {
      const Elf64_Phdr segment = program(i);
      const bool mapped = segment.p_type == PT_LOAD || segment.p_type == PT_NOTE;
      if (mapped && !file_.has(segment.p_offset, segment.p_filesz)) return cut_short("content", file_.size());
    }
    // Section headers may be stripped away, and an extended count (e_shnum 0) is not read: PT_NOTE is enough
    // then.
    if (header_.e_shoff == 0 || header_.e_shnum == 0) return {};
    if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
      return fail("a shared object with damaged section headers: copy or build it again");
    }
    if (!file_.has(header_.e_shoff, std::uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr))) {
      return cut_short("table of sections", file_.size());
    }
    sections_ = header_.e_shnum;
    return {};
  }

  [[nodiscard]] std::uint32_t programs() const { return header_.e_phnum; }
  [[nodiscard]] Elf64_Phdr program(std::uint32_t i) const { return entry<Elf64_Phdr>(header_.e_phoff, i); }
  [[nodiscard]] std::uint32_t sections() const { return sections_; }
  [[nodiscard]] Elf64_Shdr section(std::uint32_t i) const { return entry<Elf64_Shdr>(header_.e_shoff, i); }

  [[nodiscard]] bool is_manifest_section(const Elf64_Shdr& section) const {
    if (section.sh_type != SHT_NOTE || header_.e_shstrndx >= sections_) return false;
    const Elf64_Shdr names = this->section(header_.e_shstrndx);
    std::array<char, kSection.size()> name{};
    return section.sh_name < names.sh_size && names.sh_offset <= file_.size() &&
           file_.read(names.sh_offset + section.sh_name, name.data(), name.size()) &&
           std::string_view(name.data(), name.size()) == kSection;
  }

 private:
  template <class T>
  [[nodiscard]] T entry(std::uint64_t table, std::uint32_t i) const {
    T value{};
    // Within the table that check() found in the file; should it shrink meanwhile, a zero entry says nothing.
    if (!file_.read(table + std::uint64_t{i} * sizeof(T), &value, sizeof value)) return T{};
    return value;
  }

  const RegularFile& file_;
  const Elf64_Ehdr header_;
  std::uint32_t sections_ = 0;
};

struct Range {
  std::uint64_t offset, bytes, align;
};

constexpr std::uint64_t padded(std::uint64_t bytes, std::uint64_t align) {
  return (bytes + align - 1) / align * align;
}

using Found = std::optional<std::string>;

/// The content of the manifest note among the notes of a range, if it is there. `budget` counts notes looked
/// at.
Result<Found> find_note(const RegularFile& file, Range range, int& budget) {
  // Lengths are 32 bits and offsets lie inside the file, so no sum below can wrap.
  const std::uint64_t align = range.align == 8 ? 8 : 4;
  if (!file.has(range.offset, range.bytes)) return cut_short("notes", file.size());
  std::uint64_t at = range.offset;
  const std::uint64_t end = range.offset + range.bytes;
  Elf64_Nhdr note{};
  while (end - at >= sizeof note && budget-- > 0 && file.read(at, &note, sizeof note)) {
    const std::uint64_t owner = at + sizeof note;
    const std::uint64_t content = at + padded(sizeof note + note.n_namesz, align);
    const std::uint64_t next = content + padded(note.n_descsz, align);
    std::array<char, kOwner.size()> name{};
    const bool ours = note.n_type == kNoteType && note.n_namesz == kOwner.size() &&
                      file.read(owner, name.data(), name.size()) &&
                      std::string_view(name.data(), name.size()) == kOwner;
    if (ours) {
      if (note.n_descsz == 0) return fail("an empty manifest note: build it with a manifest.json");
      if (note.n_descsz > kMaxManifestBytes) {
        return fail(fmt::format("a manifest note of {} bytes: a manifest may have {}", note.n_descsz,
                                kMaxManifestBytes));
      }
      std::string text(note.n_descsz, '\0');
      if (content > end || note.n_descsz > end - content || !file.read(content, text.data(), text.size())) {
        return cut_short("manifest note", file.size());
      }
      return Found(std::move(text));
    }
    if (next > end) break;
    at = next;
  }
  return Found();
}

Result<Found> find_manifest(const RegularFile& file) {
  const auto header = read_header(file);
  if (!header) return header.error();
  Tables tables(file, *header);
  if (const auto whole = tables.check(); !whole) return whole.error();

  int budget = kMaxNotes;
  for (std::uint32_t i = 0; i < tables.sections(); ++i) {
    const Elf64_Shdr section = tables.section(i);
    if (!tables.is_manifest_section(section)) continue;
    auto text = find_note(file, {section.sh_offset, section.sh_size, section.sh_addralign}, budget);
    if (!text || text->has_value()) return text;
  }
  for (std::uint32_t i = 0; i < tables.programs(); ++i) {
    const Elf64_Phdr segment = tables.program(i);
    if (segment.p_type != PT_NOTE) continue;
    auto text = find_note(file, {segment.p_offset, segment.p_filesz, segment.p_align}, budget);
    if (!text || text->has_value()) return text;
  }
  return fail(
      "a shared object without one: if it is a cleat plugin, build it with CLEAT_MANIFEST_FILE, "
      "otherwise remove it from the plugin directory");
}

}  // namespace

Result<std::string> read_manifest_note(const std::filesystem::path& file) {
  auto opened = RegularFile::open(file);
  auto text = opened ? find_manifest(*opened) : Result<Found>(opened.error());
  if (text) return Result<std::string>(boost::system::in_place_value, std::move(**text));
  return fail(fmt::format("{}: expected a plugin (a shared object for {} with a manifest note), found {}",
                          file.native(), machine_name(kHostMachine), text.error().text));
}

}  // namespace cleat
