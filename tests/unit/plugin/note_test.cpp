#include <elf.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <string>

#include "fake_files.hpp"
#include "plugin/manifest.hpp"

namespace cleat {
namespace {

namespace fs = std::filesystem;
using testing::fake;
using testing::read_bytes;
using testing::TempFolder;

class Note : public ::testing::Test {
 protected:
  /// The sentence for a file: its path, what was expected, and then what the caller looks for.
  void expect_rejected(const fs::path& file, std::string_view found, std::string_view advice) {
    const auto note = read_manifest_note(file);
    ASSERT_FALSE(note) << file;
    const std::string& text = note.error().text;
    EXPECT_EQ(text.find(file.native() + ": expected a plugin"), 0U) << text;
    EXPECT_NE(text.find("found " + std::string(found)), std::string::npos) << text;
    EXPECT_NE(text.find(advice), std::string::npos) << text;
  }

  /// The good plugin with one value in its ELF header changed.
  template <class T>
  fs::path patched(std::size_t offset, T value) {
    std::string bytes = good_;
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return folder_.write("patched.so", bytes);
  }

  Elf64_Ehdr header() const {
    Elf64_Ehdr header{};
    std::memcpy(&header, good_.data(), sizeof header);
    return header;
  }

  /// The good plugin without its section headers, which stand at the end.
  std::string without_sections() const {
    std::string bytes = good_;
    Elf64_Ehdr stripped = header();
    bytes.resize(stripped.e_shoff);
    stripped.e_shoff = 0;
    stripped.e_shnum = 0;
    stripped.e_shstrndx = 0;
    std::memcpy(bytes.data(), &stripped, sizeof stripped);
    return bytes;
  }

  /// Where the last byte ends that the loader maps.
  std::size_t mapped_end() const {
    std::size_t end = 0;
    for (std::size_t i = 0; i < header().e_phnum; ++i) {
      Elf64_Phdr segment{};
      std::memcpy(&segment, good_.data() + header().e_phoff + i * sizeof segment, sizeof segment);
      if (segment.p_type == PT_LOAD) end = std::max<std::size_t>(end, segment.p_offset + segment.p_filesz);
    }
    return end;
  }

  TempFolder folder_;
  const std::string good_ = read_bytes(fake("echo"));
};

TEST_F(Note, IsTheManifestFileByteForByte) {
  const auto note = read_manifest_note(fake("echo"));
  ASSERT_TRUE(note) << note.error().text;
  EXPECT_EQ(*note, read_bytes(fake("echo").parent_path() / "echo.manifest.json"));
}

TEST_F(Note, IsFoundWithoutSectionHeaders) {
  const auto note = read_manifest_note(folder_.write("stripped.so", without_sections()));
  ASSERT_TRUE(note) << note.error().text;
  EXPECT_EQ(*note, *read_manifest_note(fake("echo")));
}

TEST_F(Note, FollowsALinkToARegularFile) {
  fs::create_symlink(fake("echo"), folder_.path() / "link.so");
  EXPECT_TRUE(read_manifest_note(folder_.path() / "link.so"));
}

TEST_F(Note, RejectsWhatIsNoRegularFileAndNeverWaits) {
  fs::create_directory(folder_.path() / "folder.so");
  expect_rejected(folder_.path() / "folder.so", "a folder", "remove it");
  ASSERT_EQ(::mkfifo((folder_.path() / "fifo.so").c_str(), 0600), 0);
  expect_rejected(folder_.path() / "fifo.so", "a FIFO", "remove it");
  expect_rejected("/dev/null", "a device", "remove it");

  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listener, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (folder_.path() / "socket.so").native();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(listener);
  expect_rejected(path, "a socket", "remove it");
}

TEST_F(Note, RejectsLinksThatLeadNowhere) {
  fs::create_symlink("/nowhere/plugin.so", folder_.path() / "dangling.so");
  expect_rejected(folder_.path() / "dangling.so", "a dangling link to /nowhere/plugin.so", "remove the link");
  fs::create_symlink(folder_.path() / "round.so", folder_.path() / "round.so");
  expect_rejected(folder_.path() / "round.so", "a link that leads back to itself", "remove the link");
  expect_rejected(folder_.path() / "absent.so", "nothing", "check the path");
  expect_rejected(folder_.write("file", "x") / "below.so", "nothing", "check the path");
}

TEST_F(Note, RejectsAFileThatMayNotBeRead) {
  const fs::path file = folder_.write("closed.so", good_);
  fs::permissions(file, fs::perms::none);
  fs::permissions(folder_.path(), fs::perms::all);
  // The superuser reads whatever the permissions say, so the look is taken as somebody else.
  const uid_t me = ::geteuid();
  ASSERT_EQ(::seteuid(me == 0 ? 65534 : me), 0);
  expect_rejected(file, "that it cannot be read (Permission denied)", "let the host's user read the file");
  ASSERT_EQ(::seteuid(me), 0);
}

TEST_F(Note, RejectsFilesThatAreNoSharedObject) {
  expect_rejected(folder_.write("empty.so", ""), "an empty file", "copy it again");
  expect_rejected(folder_.write("text.so", "#!/bin/sh\necho hello, this is a script\n"),
                  "a file that is no shared object", "remove it");
  expect_rejected(folder_.write("one.so", "\x7f"), "a file that is no shared object", "remove it");
  expect_rejected(folder_.write("magic.so",
                                "\x7f"
                                "ELF"),
                  "a file that is cut short", "copy it again");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_type), ET_EXEC), "a program", "-shared");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_type), ET_REL), "an object file", "-shared");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_type), ET_CORE), "a core dump", "-shared");
}

TEST_F(Note, NamesTheOtherMachine) {
  const bool is_x86 = header().e_machine == EM_X86_64;
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_machine), is_x86 ? EM_AARCH64 : EM_X86_64),
                  is_x86 ? "one built for AArch64, while this host is x86-64" : "one built for x86-64",
                  "install");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_machine), 4711),
                  "one built for machine number 4711", "install");
  expect_rejected(patched<unsigned char>(EI_CLASS, ELFCLASS32), "one built for a 32-bit machine", "install");
  const bool is_little = header().e_ident[EI_DATA] == ELFDATA2LSB;
  expect_rejected(patched<unsigned char>(EI_DATA, is_little ? ELFDATA2MSB : ELFDATA2LSB),
                  is_little ? "one built for a big-endian machine" : "one built for a little-endian machine",
                  "install");
}

TEST_F(Note, RejectsASharedObjectWithoutOne) {
  expect_rejected(fake("no_note"), "a shared object without one", "CLEAT_MANIFEST_FILE");
}

TEST_F(Note, IsReadEvenIfItIsNoJson) {
  const auto note = read_manifest_note(fake("note_not_json"));
  ASSERT_TRUE(note) << note.error().text;
  EXPECT_FALSE(parse_manifest(*note));
}

class NoteContent : public Note {
 protected:
  /// Where the note of the good plugin begins.
  std::size_t note_at() const {
    const std::string owner("CLEAT\0\0\0", 8);
    const auto at = good_.find(owner + "{");
    EXPECT_NE(at, std::string::npos);
    return at - sizeof(Elf64_Nhdr);
  }
};

TEST_F(NoteContent, MayNotBeEmptyOrTooLong) {
  const std::size_t length = note_at() + offsetof(Elf64_Nhdr, n_descsz);
  expect_rejected(patched<std::uint32_t>(length, 0), "an empty manifest note", "manifest.json");
  expect_rejected(patched<std::uint32_t>(length, (1 << 20) + 1), "a manifest note of 1048577 bytes",
                  "may have 1048576");
  expect_rejected(patched<std::uint32_t>(length, 0xffffffff), "a manifest note of 4294967295 bytes",
                  "may have 1048576");
  expect_rejected(patched<std::uint32_t>(length, 1 << 20), "a file that is cut short", "copy it again");
}

TEST_F(NoteContent, OfAnotherOwnerOrTypeIsNotOurs) {
  expect_rejected(patched<char>(note_at() + sizeof(Elf64_Nhdr), 'B'), "a shared object without one",
                  "remove it");
  expect_rejected(patched<std::uint32_t>(note_at() + offsetof(Elf64_Nhdr, n_type), 1),
                  "a shared object without one", "remove it");
  expect_rejected(patched<std::uint32_t>(note_at() + offsetof(Elf64_Nhdr, n_namesz), 0xffffffff),
                  "a shared object without one", "remove it");
}

TEST_F(Note, RejectsHeadersThatLeadOutOfTheFile) {
  constexpr auto kFar = std::uint64_t{0} - 64;
  expect_rejected(patched<std::uint64_t>(offsetof(Elf64_Ehdr, e_phoff), kFar), "a file that is cut short",
                  "copy it again");
  expect_rejected(patched<std::uint64_t>(offsetof(Elf64_Ehdr, e_shoff), kFar), "a file that is cut short",
                  "copy it again");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_shnum), 0xffff), "a file that is cut short",
                  "copy it again");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_phentsize), 0),
                  "a shared object with damaged program headers", "copy or build it again");
  expect_rejected(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_shentsize), 1),
                  "a shared object with damaged section headers", "copy or build it again");
}

// Its own sections' names cannot be read then, but the program headers lead to the note.
TEST_F(Note, IsFoundWhateverTheSectionNamesAre) {
  EXPECT_TRUE(read_manifest_note(patched<std::uint16_t>(offsetof(Elf64_Ehdr, e_shstrndx), 0xfff0)));
}

TEST_F(Note, IsNeverReadFromAFileThatIsCutShort) {
  const fs::path file = folder_.write("cut.so", good_);
  // In steps that no alignment hides, then every length among the headers.
  for (std::size_t length = good_.size() - 1; length > 0; length -= length > 1024 ? 37 : 1) {
    fs::resize_file(file, length);
    const auto note = read_manifest_note(file);
    ASSERT_FALSE(note) << "cut to " << length << " of " << good_.size();
    ASSERT_NE(note.error().text.find(length < SELFMAG ? "no shared object" : "cut short"), std::string::npos)
        << "cut to " << length << ": " << note.error().text;
  }
}

TEST_F(Note, IsNotReadFromAFileThatTheLoaderCouldNotMapWhole) {
  const fs::path file = folder_.write("cut.so", without_sections());
  fs::resize_file(file, mapped_end());
  EXPECT_TRUE(read_manifest_note(file));
  for (std::size_t length = mapped_end() - 1; length > sizeof(Elf64_Ehdr);
       length -= std::min<std::size_t>(length, 53)) {
    fs::resize_file(file, length);
    const auto note = read_manifest_note(file);
    ASSERT_FALSE(note) << "cut to " << length;
    ASSERT_NE(note.error().text.find("cut short"), std::string::npos) << length << ": " << note.error().text;
  }
}

TEST_F(Note, SurvivesDamageAnywhereInTheHeaders) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Elf64_Ehdr elf = header();
  // The ELF header and program headers, the notes, and the section headers: all that the reader looks at.
  const std::size_t front = 4096 < good_.size() ? 4096 : good_.size();
  const std::size_t back = good_.size() - elf.e_shoff;
  const fs::path file = folder_.write("damaged.so", good_);
  std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, char byte) {
    bytes.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
  };
  int rejected = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t pick = random() % (front + back);
    const std::size_t at = pick < front ? pick : elf.e_shoff + (pick - front);
    put(at, static_cast<char>(random()));
    const auto note = read_manifest_note(file);
    put(at, good_[at]);
    if (note) {
      ASSERT_LE(note->size(), good_.size()) << "byte " << at;
    } else {
      ++rejected;
      ASSERT_EQ(note.error().text.find(file.native() + ": expected a plugin"), 0U) << "byte " << at;
    }
  }
  RecordProperty("rejected", rejected);
  EXPECT_GT(rejected, 0);
  EXPECT_LT(rejected, 2000);
}

}  // namespace
}  // namespace cleat
