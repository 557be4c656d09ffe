#include "apps/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "serving/scratch_folder_test.h"

namespace marquee::apps {
namespace {

using base::ErrorCode;
using serving::ScratchFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An environment that a test writes.
Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

std::string error_of(const base::Result<LoadedSettings>& loaded) {
  return loaded ? "(no error)" : loaded.error().message;
}

TEST(Settings, DefaultsSayThatTheyAre) {
  const auto loaded = load_settings({}, environment_of({{"HOME", "/home/ada"}}));
  ASSERT_TRUE(loaded) << error_of(loaded);
  EXPECT_EQ(loaded->values.host, "127.0.0.1");
  EXPECT_EQ(loaded->values.port, 8080);
  EXPECT_EQ(loaded->values.data, "/home/ada/.local/share/marquee");
  EXPECT_FALSE(loaded->file);
  for (const SettingSpec& spec : setting_specs()) EXPECT_EQ(loaded->origins.at(spec.name), "default") << spec.name;
}

TEST(Settings, DataFollowsXdgUnlessItIsRelative) {
  auto data = [](std::map<std::string, std::string> variables) {
    return load_settings({}, environment_of(std::move(variables)))->values.data;
  };
  EXPECT_EQ(data({{"HOME", "/home/ada"}, {"XDG_DATA_HOME", "/srv/data"}}), "/srv/data/marquee");
  EXPECT_EQ(data({{"HOME", "/home/ada"}, {"XDG_DATA_HOME", "data"}}), "/home/ada/.local/share/marquee");
  EXPECT_EQ(data({}), "marquee-data");
}

TEST(Settings, FlagsOverEnvironmentOverFileOverDefaults) {
  const ScratchFolder folder;
  const auto file = folder.write("marquee.toml", "port = 1001\nmax_queue = 1001\nmax_sequences = 101\n");
  const Environment environment = environment_of({{"MARQUEE_PORT", "1002"}, {"MARQUEE_MAX_QUEUE", "1002"}});
  const auto loaded = load_settings({{"port", "1003"}}, environment, file);
  ASSERT_TRUE(loaded) << error_of(loaded);
  EXPECT_EQ(loaded->values.port, 1003);
  EXPECT_EQ(loaded->origins.at("port"), "flag --port");
  EXPECT_EQ(loaded->values.max_queue, 1002);
  EXPECT_EQ(loaded->origins.at("max_queue"), "environment MARQUEE_MAX_QUEUE");
  EXPECT_EQ(loaded->values.max_sequences, 101);
  EXPECT_EQ(loaded->origins.at("max_sequences"), file.string() + " line 3");
  EXPECT_EQ(loaded->values.io_threads, 1);
  EXPECT_EQ(loaded->origins.at("io_threads"), "default");
  EXPECT_EQ(loaded->file, file);
}

TEST(Settings, EverySettingCanBeGivenInEachWay) {
  for (const SettingSpec& spec : setting_specs()) {
    std::string text = "b";
    if (const auto* choice = std::get_if<SettingSpec::Text>(&spec.kind); choice && !choice->choices.empty()) {
      text = choice->choices.back();
    }
    if (const auto* integer = std::get_if<SettingSpec::Integer>(&spec.kind)) text = std::to_string(integer->maximum);
    if (std::holds_alternative<SettingSpec::Flag>(spec.kind)) text = "true";
    const auto by_flag = load_settings({{spec.name, text}}, environment_of({}));
    const auto by_variable = load_settings({}, environment_of({{spec.environment(), text}}));
    ASSERT_TRUE(by_flag) << spec.name << ": " << error_of(by_flag);
    ASSERT_TRUE(by_variable) << spec.name << ": " << error_of(by_variable);
    EXPECT_EQ(by_flag->origins.at(spec.name), "flag " + spec.flag());
    EXPECT_EQ(by_variable->origins.at(spec.name), "environment " + spec.environment());
  }
}

TEST(Settings, NamesBecomeFlagsAndVariables) {
  EXPECT_EQ(setting_spec("max_body").flag(), "--max-body");
  EXPECT_EQ(setting_spec("max_body").environment(), "MARQUEE_MAX_BODY");
  EXPECT_EQ(setting_spec("max_body").range(), "1KiB..1GiB");
  EXPECT_EQ(setting_spec("host").range(), "");
  std::set<std::string> names;
  for (const SettingSpec& spec : setting_specs()) EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
}

TEST(Settings, FindsTheFileByVariableAndInItsUsualPlace) {
  const ScratchFolder folder;
  const auto usual = folder.write("config/marquee/marquee.toml", "port = 1001\n");
  const auto other = folder.write("other.toml", "port = 1002\n");
  const std::string config_home = (folder.path() / "config").string();
  EXPECT_EQ(load_settings({}, environment_of({{"XDG_CONFIG_HOME", config_home}}))->file, usual);
  const auto named =
      load_settings({}, environment_of({{"XDG_CONFIG_HOME", config_home}, {"MARQUEE_CONFIG", other.string()}}));
  EXPECT_EQ(named->values.port, 1002);
  const auto missing = load_settings({}, environment_of({}), folder.path() / "none.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("none.toml"));
}

TEST(Settings, AFileThatIsNoTomlIsRefusedWithItsLine) {
  const ScratchFolder folder;
  const auto file = folder.write("m.toml", "port = 8080\n# fine\nhost = \"127.0.0.1\nmax_queue = 3\n");
  const auto loaded = load_settings({}, environment_of({}), file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(loaded.error().message, HasSubstr("m.toml line 3"));
  const auto folder_as_file = load_settings({}, environment_of({}), folder.path());
  EXPECT_FALSE(folder_as_file);
}

TEST(Settings, AnUnknownNameInTheFileIsRefusedWithTheNearest) {
  const ScratchFolder folder;
  const auto file = folder.write("m.toml", "\nmax_que = 3\n");
  const auto loaded = load_settings({}, environment_of({}), file);
  EXPECT_THAT(error_of(loaded),
              AllOf(HasSubstr("line 2"), HasSubstr("'max_que'"), HasSubstr("did you mean 'max_queue'?")));
}

TEST(Settings, WrongTypesInTheFileAreRefused) {
  const ScratchFolder folder;
  for (const char* line : {"port = \"8080\"", "port = 8080.0", "port = true", "host = 4", "insecure_http = \"yes\"",
                           "models = \"a\"", "models = [1]", "max_body = 1.5", "port = [1]", "host = {a = 1}"}) {
    const auto loaded = load_settings({}, environment_of({}), folder.write("m.toml", line));
    ASSERT_FALSE(loaded) << line;
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument) << line;
    EXPECT_THAT(loaded.error().message, HasSubstr("m.toml line 1")) << line;
  }
  const auto loaded =
      load_settings({}, environment_of({}), folder.write("m.toml", "max_body = \"2 MiB\"\nmodels = [\"a\", \"b\"]"));
  ASSERT_TRUE(loaded) << error_of(loaded);
  EXPECT_EQ(loaded->values.max_body, 2 << 20);
  EXPECT_THAT(loaded->values.models, ElementsAre("a", "b"));
}

TEST(Settings, NumbersOutsideTheirRangeAreRefusedWithRangeAndOrigin) {
  for (const SettingSpec& spec : setting_specs()) {
    const auto* integer = std::get_if<SettingSpec::Integer>(&spec.kind);
    if (integer == nullptr) continue;
    for (const std::string& text :
         {std::to_string(integer->minimum - 1), std::to_string(integer->maximum + 1),
          std::string("99999999999999999999"), std::string("1e3"), std::string(" 5"), std::string("")}) {
      const auto loaded = load_settings({}, environment_of({{spec.environment(), text}}));
      ASSERT_FALSE(loaded) << spec.name << " = '" << text << "'";
      EXPECT_THAT(loaded.error().message,
                  AllOf(HasSubstr(spec.name), HasSubstr(spec.range()), HasSubstr("environment " + spec.environment())));
      EXPECT_EQ(loaded.error().field, spec.name);
    }
  }
}

TEST(Settings, FlagsTakeTheUsualWordsForYesAndNo) {
  for (const char* yes : {"1", "true", "yes", "on"}) {
    EXPECT_TRUE(load_settings({}, environment_of({{"MARQUEE_LOG_JSON", yes}}))->values.log_json) << yes;
  }
  for (const char* no : {"0", "false", "no", "off"}) {
    EXPECT_FALSE(load_settings({}, environment_of({{"MARQUEE_LOG_JSON", no}}))->values.log_json) << no;
  }
  EXPECT_THAT(error_of(load_settings({}, environment_of({{"MARQUEE_LOG_JSON", "maybe"}}))),
              AllOf(HasSubstr("true or false"), HasSubstr("MARQUEE_LOG_JSON")));
}

TEST(Settings, ListsComeRepeatedOrWithCommas) {
  const auto repeated = load_settings({{"models", "a,b"}, {"models", "c"}}, environment_of({{"MARQUEE_MODELS", "x"}}));
  EXPECT_THAT(repeated->values.models, ElementsAre("a", "b", "c"));
  EXPECT_FALSE(load_settings({{"models", "a,,b"}}, environment_of({})));
  std::string many = "a";
  for (int i = 0; i < 64; ++i) many += ",a";
  EXPECT_FALSE(load_settings({{"models", many}}, environment_of({})));
  const auto last = load_settings({{"port", "1"}, {"port", "2"}}, environment_of({}));
  EXPECT_EQ(last->values.port, 2) << "the last of a repeated flag counts";
}

TEST(Settings, ALogLevelIsOneOfThese) {
  EXPECT_THAT(error_of(load_settings({}, environment_of({{"MARQUEE_LOG_LEVEL", "loud"}}))),
              AllOf(HasSubstr("one of trace, debug"), HasSubstr("'loud'"), HasSubstr("MARQUEE_LOG_LEVEL")));
  for (const char* wrong : {"", "debug, info", ",", "DEBUG"})
    EXPECT_FALSE(load_settings({{"log_level", wrong}}, environment_of({}))) << wrong;
}

TEST(Settings, LongTextsAndAnEmptyFolderAreRefused) {
  EXPECT_FALSE(load_settings({{"host", std::string(5'000, 'a')}}, environment_of({})));
  EXPECT_FALSE(load_settings({{"data", ""}}, environment_of({})));
}

TEST(Settings, WhatIsPrintedIsASettingsFile) {
  const ScratchFolder folder;
  const auto loaded = load_settings({{"models", "a,b"}, {"max_body", "3MiB"}, {"log_level", "debug"}},
                                    environment_of({{"MARQUEE_PORT", "9"}, {"HOME", "/h \"q\""}}));
  ASSERT_TRUE(loaded) << error_of(loaded);
  const std::string text = describe_settings(*loaded, false);
  EXPECT_THAT(text, HasSubstr("port = 9  # environment MARQUEE_PORT\n"));
  const auto again = load_settings({}, environment_of({}), folder.write("m.toml", text));
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ(again->values.data, loaded->values.data);
  EXPECT_THAT(again->values.models, ElementsAre("a", "b"));
  EXPECT_EQ(again->values.max_body, 3 << 20);
  EXPECT_EQ(again->values.log_level, "debug");
}

TEST(ParseBytes, TakesUnitsOfBothKinds) {
  EXPECT_EQ(parse_bytes("0"), 0);
  EXPECT_EQ(parse_bytes("1024"), 1024);
  EXPECT_EQ(parse_bytes("2k"), 2048);
  EXPECT_EQ(parse_bytes("2 KiB"), 2048);
  EXPECT_EQ(parse_bytes("512MiB"), 512LL << 20);
  EXPECT_EQ(parse_bytes("2 GB"), 2'000'000'000);
  for (const char* wrong : {"", "k", "-1", "1.5G", "1 TB", "1GiBB", "9223372036854775807KiB", "1 G B"}) {
    EXPECT_FALSE(parse_bytes(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace marquee::apps
