#include "apps/usage_error.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marquee::apps {
namespace {

/// What is said about a wrong command line of a program with `serve --port N` and `key create|list`.
std::string said_about(const std::vector<const char*>& words) {
  CLI::App app("a program", "marquee");
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve");
  int port = 0;
  serve->add_option("--port", port);
  CLI::App* key = app.add_subcommand("key");
  key->require_subcommand(1);
  key->add_subcommand("create");
  key->add_subcommand("list")->add_option("id")->required();
  std::vector<const char*> arguments = {"marquee"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& error) {
    return describe_usage_error(app, error);
  }
  return "(understood)";
}

TEST(UsageError, AnUnknownCommandNamesTheNearest) {
  EXPECT_EQ(said_about({"serv"}), "there is no command 'serv'; did you mean 'marquee serve'? (see marquee --help)");
  EXPECT_EQ(said_about({"key", "crate"}),
            "there is no command 'crate'; did you mean 'marquee key create'? (see marquee key --help)");
  EXPECT_EQ(said_about({"xyzzy"}), "there is no command 'xyzzy' (see marquee --help)");
}

TEST(UsageError, AnUnknownFlagNamesTheNearest) {
  EXPECT_EQ(said_about({"serve", "--prot=1"}),
            "there is no flag --prot; did you mean --port? (see marquee serve --help)");
}

TEST(UsageError, WhatIsMissingOrTooMuchIsSaid) {
  EXPECT_EQ(said_about({"key"}), "a command is needed (see marquee key --help)");
  EXPECT_EQ(said_about({"serve", "extra"}), "'extra' is one argument too many (see marquee serve --help)");
  EXPECT_EQ(said_about({"serve", "--port"}), "--port needs a value (see marquee serve --help)");
  EXPECT_EQ(said_about({"key", "list"}), "id is required (see marquee key list --help)");
  EXPECT_EQ(said_about({"serve", "--port", "1"}), "(understood)");
}

}  // namespace
}  // namespace marquee::apps
