#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "formats/gguf_test_writer.h"
#include "serving/pull.h"
#include "serving/scratch_folder_test.h"

namespace marquee::serving {

/// A small GGUF file that opens, with `weights` F32 values.
inline std::string tiny_model(std::size_t weights = 25'000) {
  formats::testing::GgufWriter writer;
  writer.string("general.license", "mit");
  std::string data(weights * 4, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 % 64);
  writer.tensors.push_back({"token_embd.weight", {weights}, 0, std::move(data)});
  return writer.bytes();
}

inline const std::string kModel = tiny_model();

class PullTest : public ::testing::Test {
 protected:
  PullTest() : store_(std::move(ModelStore::open(scratch_.path() / "data")).value()) {
    options_.retry_delay_ms = 1;
    options_.stall_timeout_ms = 1000;
  }

  base::Result<InstalledModel> pull(const std::string& source, const std::string& sha256 = "",
                                    const std::string& name = "tiny") {
    return serving::pull(store_, catalog_, {source, name, sha256}, options_);
  }
  /// Pulls what must fail, and checks that the store is as it was.
  base::Error pull_error(const std::string& source, const std::string& sha256 = "", const std::string& name = "tiny") {
    const auto before = store_.list()->models.size();
    const auto model = pull(source, sha256, name);
    EXPECT_FALSE(model) << "pulled " << source;
    EXPECT_EQ(store_.list()->models.size(), before);
    EXPECT_TRUE(store_.list()->broken.empty());
    return model ? base::Error{} : model.error();
  }
  [[nodiscard]] std::filesystem::path downloads(const std::string& name = "tiny") const {
    return store_.folder() / ".partial" / name / "downloads";
  }

  ScratchFolder scratch_;
  ModelStore store_;
  Catalog catalog_ = Catalog::empty();
  PullOptions options_;
};

}  // namespace marquee::serving
