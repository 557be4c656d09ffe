// Pulling from addresses and from the Hugging Face hub, against a server that may misbehave.

#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "base/sha256.h"
#include "serving/http_server_test.h"
#include "serving/pull_fixture_test.h"

namespace marquee::serving {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST_F(PullTest, DownloadsVerifiesAndInstalls) {
  TestHttpServer server([](const auto& request) { return serve_file(request, kModel, "\"v1\""); });
  const auto url = server.url("/models/Tiny-1.gguf?download=true");
  const auto model = pull(url, base::sha256_hex(kModel), "");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "tiny-1");
  EXPECT_EQ(model->family, "llama");
  EXPECT_EQ(model->task, "text-generation");
  EXPECT_EQ(model->licence, "mit");
  EXPECT_EQ(model->source, url);
  EXPECT_TRUE(model->hash_known);
  EXPECT_EQ(read_all(model->path()), kModel);
  EXPECT_TRUE(fs::is_empty(store_.folder() / ".partial"));
}

TEST_F(PullTest, RecordsTheHashOfAnUnknownFile) {
  TestHttpServer server([](const auto& request) { return serve_file(request, kModel, "\"v1\""); });
  const auto model = pull(server.url("/m.gguf"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FALSE(model->hash_known);
  EXPECT_EQ(model->files[0].sha256, base::sha256_hex(kModel));
}

TEST_F(PullTest, RefusesAnotherHash) {
  TestHttpServer server([](const auto& request) { return serve_file(request, kModel, "\"v1\""); });
  const auto error = pull_error(server.url("/m.gguf"), base::sha256_hex("other"));
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(error.message, AllOf(HasSubstr(base::sha256_hex(kModel)), HasSubstr(base::sha256_hex("other"))));
  EXPECT_FALSE(fs::exists(downloads() / "model.gguf.partial")) << "the next pull would only verify the same bytes";
  EXPECT_TRUE(pull(server.url("/m.gguf"), base::sha256_hex(kModel)));
}

TEST_F(PullTest, RefusesWhatIsNoModelAndKeepsTheOld) {
  TestHttpServer server([](const auto& request) {
    return serve_file(request, request.path == "/m.gguf" ? kModel : "<html>Not a model</html>", "\"v1\"");
  });
  ASSERT_TRUE(pull(server.url("/m.gguf")));
  const auto error = pull_error(server.url("/page.gguf"));
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("not a GGUF file"));
  EXPECT_EQ(read_all(store_.find("tiny")->path()), kModel);
}

TEST_F(PullTest, GoesOnAfterABrokenConnection) {
  int calls = 0;
  TestHttpServer server([&](const auto& request) {
    auto reply = serve_file(request, kModel, "\"v1\"");
    if (++calls <= 2) reply.cut_after = 30'000;
    return reply;
  });
  const auto model = pull(server.url("/m.gguf"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(read_all(model->path()), kModel);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3);
  EXPECT_FALSE(requests[0].headers.contains("range"));
  EXPECT_EQ(requests[1].headers.at("range"), "bytes=30000-");
  EXPECT_EQ(requests[1].headers.at("if-range"), "\"v1\"");
  EXPECT_EQ(requests[2].headers.at("range"), "bytes=60000-");
}

TEST_F(PullTest, ALaterPullGoesOn) {
  bool broken = true;
  TestHttpServer server([&](const auto& request) {
    auto reply = serve_file(request, kModel, "\"v1\"");
    if (broken) reply.cut_after = 50'000;
    return reply;
  });
  options_.retries = 0;
  const auto error = pull_error(server.url("/m.gguf"));
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_THAT(error.message, HasSubstr(server.url("/m.gguf")));
  EXPECT_EQ(fs::file_size(downloads() / "model.gguf.partial"), 50'000);
  broken = false;
  const auto model = pull(server.url("/m.gguf"), base::sha256_hex(kModel));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(server.requests().back().headers.at("range"), "bytes=50000-");
}

TEST_F(PullTest, StartsAgainWhenTheFileChanged) {
  std::string content = kModel;
  std::string etag = "\"v1\"";
  bool broken = true;
  TestHttpServer server([&](const auto& request) {
    auto reply = serve_file(request, content, etag);
    if (broken) reply.cut_after = 50'000;
    return reply;
  });
  options_.retries = 0;
  pull_error(server.url("/m.gguf"));
  content = tiny_model(20'000);
  etag = "\"v2\"";
  broken = false;
  const auto model = pull(server.url("/m.gguf"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(read_all(model->path()), content);
}

TEST_F(PullTest, DoesNotGoOnWithAnotherAddressesBytes) {
  bool broken = true;
  TestHttpServer server([&](const auto& request) {
    auto reply = serve_file(request, kModel, "\"v1\"");
    if (broken) reply.cut_after = 50'000;
    return reply;
  });
  options_.retries = 0;
  pull_error(server.url("/a.gguf"));
  broken = false;
  ASSERT_TRUE(pull(server.url("/b.gguf")));
  EXPECT_FALSE(server.requests().back().headers.contains("range"));
}

TEST_F(PullTest, WithoutValidatorsOnlyAKnownHashIsResumed) {
  for (const bool known : {false, true}) {
    bool broken = true;
    TestHttpServer server([&](const auto& request) {
      auto reply = serve_file(request, kModel, "W/\"weak\"");
      if (broken) reply.cut_after = 50'000;
      return reply;
    });
    options_.retries = 0;
    const std::string name = known ? "known" : "unknown";
    const std::string hash = known ? base::sha256_hex(kModel) : "";
    pull_error(server.url("/m.gguf"), hash, name);
    broken = false;
    ASSERT_TRUE(pull(server.url("/m.gguf"), hash, name));
    EXPECT_EQ(server.requests().back().headers.contains("range"), known);
  }
}

TEST_F(PullTest, AServerWithoutRangesIsStartedAgain) {
  int calls = 0;
  TestHttpServer server([&](const auto&) {
    TestHttpReply reply;
    reply.headers = {"ETag: \"v1\""};
    reply.body = kModel;
    if (++calls == 1) reply.cut_after = 30'000;
    return reply;
  });
  const auto model = pull(server.url("/m.gguf"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(read_all(model->path()), kModel);
}

TEST_F(PullTest, RefusesAnotherRangeThanAskedFor) {
  int calls = 0;
  TestHttpServer server([&](const auto& request) {
    auto reply = serve_file(request, kModel, "\"v1\"");
    if (++calls == 1) reply.cut_after = 30'000;
    if (reply.status == 206) reply.headers.back() = "Content-Range: bytes 100-200/300";
    return reply;
  });
  EXPECT_THAT(pull_error(server.url("/m.gguf")).message, HasSubstr("another part of the file"));
}

TEST_F(PullTest, AWholePartialFileIsNotFetchedAgain) {
  TestHttpServer server([](const auto& request) { return serve_file(request, kModel, "\"v1\""); });
  std::atomic<bool> cancelled{false};
  options_.cancelled = &cancelled;
  options_.on_progress = [&](const PullProgress& progress) { cancelled = progress.stage == PullStage::kVerifying; };
  EXPECT_EQ(pull_error(server.url("/m.gguf")).code, ErrorCode::kCancelled);
  EXPECT_EQ(fs::file_size(downloads() / "model.gguf.partial"), kModel.size());
  options_.on_progress = nullptr;
  cancelled = false;
  ASSERT_TRUE(pull(server.url("/m.gguf")));
  EXPECT_EQ(server.requests().back().headers.at("range"), "bytes=" + std::to_string(kModel.size()) + "-");
}

TEST_F(PullTest, CancellingKeepsWhatCame) {
  TestHttpServer server([](const auto& request) {
    auto reply = serve_file(request, kModel, "\"v1\"");
    reply.stall_ms = request.headers.contains("range") ? 0 : 5000;
    return reply;
  });
  std::atomic<bool> cancelled{false};
  options_.cancelled = &cancelled;
  std::thread canceller([&] {
    while (server.requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    cancelled = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto error = pull_error(server.url("/m.gguf"));
  canceller.join();
  EXPECT_EQ(error.code, ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
}

TEST_F(PullTest, AStalledServerIsGivenUp) {
  options_.retries = 0;
  TestHttpServer server([](const auto& request) {
    auto reply = serve_file(request, kModel, "\"v1\"");
    reply.stall_ms = 10'000;
    return reply;
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(pull_error(server.url("/m.gguf")).code, ErrorCode::kIo);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(PullTest, NobodyListening) {
  std::string url;
  {
    TestHttpServer server([](const auto&) { return TestHttpReply{}; });
    url = server.url("/m.gguf");
  }
  options_.retries = 1;
  EXPECT_EQ(pull_error(url).code, ErrorCode::kIo);
}

TEST_F(PullTest, StatusesBecomeErrors) {
  int status = 0;
  int failures = 0;
  TestHttpServer server([&](const auto& request) {
    if (failures-- > 0) return TestHttpReply{.status = 503, .headers = {}, .body = "later"};
    if (status != 0) return TestHttpReply{.status = status, .headers = {}, .body = std::string(50'000, 'e')};
    return serve_file(request, kModel, "\"v1\"");
  });
  const std::vector<std::pair<int, ErrorCode>> statuses = {
      {404, ErrorCode::kNotFound}, {410, ErrorCode::kNotFound},         {401, ErrorCode::kPermissionDenied},
      {400, ErrorCode::kIo},       {403, ErrorCode::kPermissionDenied}, {500, ErrorCode::kIo}};
  for (const auto& [value, code] : statuses) {
    status = value;
    const auto error = pull_error(server.url("/m.gguf"));
    EXPECT_EQ(error.code, code) << value;
    EXPECT_THAT(error.message, HasSubstr(std::to_string(value)));
  }
  status = 0;
  failures = 2;
  EXPECT_TRUE(pull(server.url("/m.gguf"))) << "a server that is busy twice";
}

TEST_F(PullTest, FollowsRedirectsButNotInCircles) {
  TestHttpServer server([&](const auto& request) {
    const int step = request.path[1] - '0';
    if (request.path == "/loop") return TestHttpReply{.status = 302, .headers = {"Location: /loop"}, .body = ""};
    if (request.path == "/file")
      return TestHttpReply{.status = 302, .headers = {"Location: file:///etc/passwd"}, .body = ""};
    if (step > 0)
      return TestHttpReply{.status = 302, .headers = {"Location: /" + std::to_string(step - 1)}, .body = ""};
    return serve_file(request, kModel, "\"v1\"");
  });
  EXPECT_TRUE(pull(server.url("/5")));
  EXPECT_EQ(pull_error(server.url("/6"), "", "six").code, ErrorCode::kIo);
  EXPECT_EQ(pull_error(server.url("/loop"), "", "loop").code, ErrorCode::kIo);
  EXPECT_EQ(pull_error(server.url("/file"), "", "file").code, ErrorCode::kIo);
}

TEST_F(PullTest, RefusesFilesPastTheCap) {
  options_.max_file_bytes = 1000;
  for (const bool say_length : {true, false}) {
    TestHttpServer server([=](const auto& request) {
      auto reply = serve_file(request, kModel, "\"v1\"");
      reply.say_length = say_length;
      return reply;
    });
    const auto error = pull_error(server.url("/m.gguf"));
    EXPECT_EQ(error.code, ErrorCode::kTooLarge) << error.message;
    EXPECT_LE(fs::file_size(downloads() / "model.gguf.partial"), 1000);
  }
}

TEST_F(PullTest, RefusesWhatCannotFitOnTheDisk) {
  TestHttpServer server([](const auto&) {
    TestHttpReply reply;
    reply.headers = {"Content-Length: 900000000000000"};
    reply.body = "the first bytes";
    reply.say_length = false;
    return reply;
  });
  EXPECT_EQ(pull_error(server.url("/m.gguf")).code, ErrorCode::kTooLarge);
  options_.max_file_bytes = std::uint64_t{1} << 60;
  EXPECT_THAT(pull_error(server.url("/m.gguf")).message, HasSubstr("the disk is too full"));
}

TEST_F(PullTest, AWriteThatFailsLeavesTheStoreAsItWas) {
  TestHttpServer server([](const auto& request) { return serve_file(request, kModel, "\"v1\""); });
  ASSERT_TRUE(pull(server.url("/m.gguf")));
  auto* const old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ::getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit{60'000, old_limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto downloaded = pull(server.url("/m.gguf"));
  const auto source = scratch_.path() / "data/models/tiny/model.gguf";
  const auto copied = pull(source.string(), "", "copy");
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(downloaded);
  EXPECT_EQ(downloaded.error().code, ErrorCode::kIo);
  EXPECT_THAT(downloaded.error().message, HasSubstr("cannot write"));
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message, HasSubstr("cannot write"));
  EXPECT_EQ(read_all(store_.find("tiny")->path()), kModel);
  EXPECT_TRUE(pull(server.url("/m.gguf"))) << "and it goes on when there is room";
}

TEST_F(PullTest, AFullDiskIsSaidAndSurvived) {
  const auto mount_point = scratch_.path() / "tmpfs";
  fs::create_directory(mount_point);
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs leave to mount a tmpfs";
  {
    auto store = std::move(ModelStore::open(mount_point)).value();
    const std::string large = tiny_model(900'000);
    TestHttpServer server([&](const auto& request) {
      auto reply = serve_file(request, large, "\"v1\"");
      reply.say_length = request.path != "/unknown.gguf";
      return reply;
    });
    const auto known = serving::pull(store, catalog_, {server.url("/known.gguf"), "tiny", ""}, options_);
    ASSERT_FALSE(known);
    EXPECT_THAT(known.error().message, HasSubstr("the disk is too full"));
    const auto unknown = serving::pull(store, catalog_, {server.url("/unknown.gguf"), "tiny", ""}, options_);
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, AllOf(HasSubstr("No space left"), HasSubstr("free some disk space")));
    EXPECT_TRUE(store.list()->models.empty());
  }
  ::umount(mount_point.c_str());
}

TEST_F(PullTest, RefusesAddressesThatHideSomething) {
  for (const auto* url :
       {"http://user:secret@127.0.0.1/m.gguf", "http:///m.gguf", "http://h/\x1b[31m.gguf", "https://h/a b.gguf"}) {
    const auto error = pull_error(url);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << url;
    EXPECT_THAT(error.message, ::testing::Not(HasSubstr("secret")));
  }
  EXPECT_EQ(pull_error("ftp://127.0.0.1/m.gguf").code, ErrorCode::kNotFound);
  EXPECT_EQ(pull_error("file:///etc/passwd").code, ErrorCode::kNotFound);
  EXPECT_EQ(pull_error("no-such-model").code, ErrorCode::kNotFound);
  EXPECT_EQ(pull_error("http://h/m.gguf", "abc").code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(pull_error("http://h/m.gguf", "", "../up").code, ErrorCode::kInvalidArgument);
}

std::string hub_answer(const std::string& siblings) {
  return R"({"sha":"abc123","cardData":{"license":"apache-2.0"},"siblings":[)" + siblings + "]}";
}

TEST_F(PullTest, PullsFromTheHubAtACommit) {
  const std::string sibling = R"({"rfilename":"sub/m.gguf","size":)" + std::to_string(kModel.size()) +
                              R"(,"lfs":{"sha256":")" + base::sha256_hex(kModel) + R"("}})";
  TestHttpServer server([&](const auto& request) {
    if (request.path.starts_with("/api/")) return TestHttpReply{.headers = {}, .body = hub_answer(sibling)};
    return serve_file(request, kModel, "\"v1\"");
  });
  options_.huggingface_endpoint = server.url("");
  options_.huggingface_token = "hf_token";
  const auto model = pull("hf:owner/Some.Model@v2/sub/m.gguf", "", "");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "m");
  EXPECT_EQ(model->source, "hf:owner/Some.Model@abc123/sub/m.gguf");
  EXPECT_EQ(model->licence, "apache-2.0");
  EXPECT_TRUE(model->hash_known);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2);
  EXPECT_EQ(requests[0].path, "/api/models/owner/Some.Model/revision/v2?blobs=true");
  EXPECT_EQ(requests[1].path, "/owner/Some.Model/resolve/abc123/sub/m.gguf");
  EXPECT_EQ(requests[1].headers.at("authorization"), "Bearer hf_token");
}

TEST_F(PullTest, TheTokenStaysWithTheHub) {
  TestHttpServer elsewhere([](const auto& request) { return serve_file(request, kModel, "\"v1\""); });
  TestHttpServer server([&](const auto& request) {
    if (request.path.starts_with("/api/")) {
      return TestHttpReply{.headers = {}, .body = hub_answer(R"({"rfilename":"m.gguf"})")};
    }
    return TestHttpReply{.status = 302, .headers = {"Location: " + elsewhere.url("/store")}, .body = ""};
  });
  options_.huggingface_endpoint = server.url("");
  options_.huggingface_token = "hf_token";
  ASSERT_TRUE(pull("hf:owner/model/m.gguf"));
  ASSERT_EQ(elsewhere.requests().size(), 1);
  EXPECT_FALSE(elsewhere.requests()[0].headers.contains("authorization"));
}

TEST_F(PullTest, PullsAFolderFromTheHub) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::map<std::string, std::string> files = {
      {"config.json", R"({"model_type":"bert"})"},
      {"model.safetensors",
       formats::testing::ByteWriter().number<std::uint64_t>(header.size()).raw(header + "1234").bytes()},
      {"pytorch_model.bin", "never fetched"},
      {"modeling.py", "never fetched"}};
  std::string siblings;
  for (const auto& [name, text] : files) {
    siblings += (siblings.empty() ? "" : ",") + ("{\"rfilename\":\"" + name + "\"}");
  }
  TestHttpServer server([&](const auto& request) {
    if (request.path.starts_with("/api/")) return TestHttpReply{.headers = {}, .body = hub_answer(siblings)};
    return serve_file(request, files.at(request.path.substr(request.path.rfind('/') + 1)), "\"v1\"");
  });
  options_.huggingface_endpoint = server.url("");
  const auto model = pull("hf:owner/MiniLM", "", "");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "minilm");
  EXPECT_EQ(model->format, ModelFormat::kHuggingFace);
  EXPECT_EQ(model->task, "embedding");
  EXPECT_FALSE(model->hash_known);
  ASSERT_EQ(model->files.size(), 2);
  EXPECT_EQ(read_all(model->path() / "config.json"), files.at("config.json"));
}

TEST_F(PullTest, RefusesWhatTheHubSaysWrong) {
  std::string answer;
  TestHttpServer server([&](const auto& request) {
    if (request.path.starts_with("/api/")) return TestHttpReply{.headers = {}, .body = answer};
    return serve_file(request, kModel, "\"v1\"");
  });
  options_.huggingface_endpoint = server.url("");
  const std::vector<std::tuple<std::string, std::string, ErrorCode, std::string>> wrong = {
      {"hf:o/m", "<html>", ErrorCode::kCorrupt, "not valid JSON"},
      {"hf:o/m", "{}", ErrorCode::kCorrupt, "names no commit"},
      {"hf:o/m", R"({"sha":"../../x","siblings":[]})", ErrorCode::kCorrupt, "names no commit"},
      {"hf:o/m", R"({"sha":"a"})", ErrorCode::kCorrupt, "siblings"},
      {"hf:o/m", hub_answer(""), ErrorCode::kNotFound, "neither safetensors nor GGUF"},
      {"hf:o/m", hub_answer(R"({"rfilename":"../../m.gguf"})"), ErrorCode::kNotFound, "neither"},
      {"hf:o/m", hub_answer(R"({"rfilename":"pytorch_model.bin"})"), ErrorCode::kUnsupported, "save_pretrained"},
      {"hf:o/m", hub_answer(R"({"rfilename":"a.gguf"},{"rfilename":"b.gguf"})"), ErrorCode::kInvalidArgument,
       "hf:o/m/b.gguf"},
      {"hf:o/m/c.gguf", hub_answer(R"({"rfilename":"a.gguf"})"), ErrorCode::kNotFound, "has no file 'c.gguf'"},
      {"hf:o/m/a.onnx", hub_answer(R"({"rfilename":"a.onnx"})"), ErrorCode::kUnsupported, "only .gguf"},
      {"hf:o/m", hub_answer(R"({"rfilename":"a.gguf","size":5})"), ErrorCode::kCorrupt, "where 5 are expected"},
      {"hf:o/m", hub_answer(R"({"rfilename":"a.gguf","lfs":{"sha256":")" + std::string(64, 'b') + "\"}}"),
       ErrorCode::kCorrupt, "SHA-256"},
  };
  for (const auto& [source, text, code, message] : wrong) {
    answer = text;
    const auto error = pull_error(source);
    EXPECT_EQ(error.code, code) << text << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr(message)) << text;
  }
  for (const auto* source : {"hf:", "hf:owner", "hf:/m", "hf:o/", "hf:o/../x", "hf:o/m/../x.gguf", "hf:o/m@",
                             "hf:o/m@-x", "hf:o/m//x.gguf", "hf:o/m?x/y"}) {
    EXPECT_EQ(pull_error(source).code, ErrorCode::kInvalidArgument) << source;
  }
}

}  // namespace
}  // namespace marquee::serving
