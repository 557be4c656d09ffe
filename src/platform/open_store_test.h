#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "store/database.h"

namespace marquee::platform {

/// A fixture with a database in a folder of its own.
class OpenStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquee_platform_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    open_store();
  }
  void TearDown() override {
    close_store();
    std::filesystem::remove_all(folder_);
  }
  void open_store() {
    close_store();
    auto database = store::Database::open(folder_ / "marquee.db");
    ASSERT_TRUE(database) << database.error().message;
    database_ = std::move(*database);
  }
  void close_store() { database_.reset(); }

  std::filesystem::path folder_;
  std::unique_ptr<store::Database> database_;
};

}  // namespace marquee::platform
