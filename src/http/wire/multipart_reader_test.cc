#include "http/wire/multipart_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::http {
namespace {

using base::ErrorCode;
using base::Result;

/// Writes down what it hears.
class Recorder final : public MultipartSink {
 public:
  Result<void> on_field(const std::string& name, std::string value) override {
    log.push_back("field " + name + "=" + value);
    return {};
  }
  Result<void> on_file(const MultipartFile& file) override {
    log.push_back("file " + file.field + " " + file.filename + " " + file.content_type);
    content.emplace_back();
    return {};
  }
  Result<void> on_file_bytes(std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    content.back().append(bytes);
    ++pieces;
    return fail_at > 0 && content.back().size() >= fail_at ? base::io_error("the sink is full") : Result<void>{};
  }
  Result<void> on_file_end() override {
    log.push_back("end " + content.back());
    return {};
  }

  std::vector<std::string> log;
  std::vector<std::string> content;
  std::size_t fail_at = 0;
  int pieces = 0;
};

Result<void> read_in_pieces(std::string_view body, std::size_t piece, MultipartSink& sink, std::string_view boundary,
                            const MultipartLimits& limits = {}) {
  MultipartReader reader(boundary, sink, limits);
  for (std::size_t at = 0; at < body.size(); at += piece) MARQUEE_CHECK(reader.read(body.substr(at, piece)));
  return reader.finish();
}

std::string error_of(std::string_view body, const MultipartLimits& limits = {}, std::string_view boundary = "b") {
  Recorder sink;
  const auto whole = read_in_pieces(body, std::max<std::size_t>(body.size(), 1), sink, boundary, limits);
  Recorder byte_by_byte;
  const auto pieces = read_in_pieces(body, 1, byte_by_byte, boundary, limits);
  EXPECT_EQ(whole.has_value(), pieces.has_value());
  if (whole) return "(none)";
  EXPECT_EQ(whole.error().message, pieces.error().message);
  return whole.error().message;
}

std::string part(std::string_view headers, std::string_view content) {
  return "--b\r\n" + std::string(headers) + "\r\n\r\n" + std::string(content) + "\r\n";
}
std::string file_part(std::string_view content) {
  return part("Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"", content);
}

TEST(MultipartTest, BoundariesOfContentTypes) {
  const auto boundary = [](std::string_view type) {
    const auto found = multipart_boundary(type);
    return found ? *found : std::string("(error)");
  };
  EXPECT_EQ(boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary("Multipart/Form-Data;charset=utf-8 ; Boundary=\"a b'(c)\""), "a b'(c)");
  EXPECT_EQ(boundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"),
            "----WebKitFormBoundary7MA4YWxkTrZu0gW");
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(70, 'x')), std::string(70, 'x'));
  for (const std::string& wrong :
       {std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"\""), std::string("multipart/form-data; boundary=\"a"),
        std::string("multipart/form-data; boundary=\"a \""), std::string("multipart/form-data; boundary=a;boundary=b"),
        std::string("multipart/form-data boundary=a"), std::string("multipart/mixed; boundary=a"),
        std::string("application/json"), std::string(), "multipart/form-data; boundary=" + std::string(71, 'x'),
        std::string("multipart/form-data; boundary=a\"b"), std::string("multipart/form-data; boundary=\"a\\\"b\"")}) {
    EXPECT_EQ(boundary(wrong), "(error)") << wrong;
  }
}

TEST(MultipartTest, EveryCutGivesTheSame) {
  // Content that looks like a boundary for a while, at its beginning, middle and end.
  const std::string tricky = "\r\n--\r\n--boundar\r\r\n--bound\r\n-\n--boundary\r\n--boundarY\r";
  std::string body =
      "preamble\r\n--boundar\r\n--boundary  \t\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune";
  body +=
      "\r\n--boundary\r\nContent-Type: text/csv\r\nX-Other: 1\r\ncontent-disposition:form-data;name=file; "
      "filename=\"n\\\"a.csv\"\r\n\r\n";
  body += tricky +
          "\r\n--boundary\r\nContent-Disposition: form-data; "
          "name=\"empty\"\r\n\r\n\r\n--boundary--\r\nepilogue\r\n--boundary\r\n";
  const std::vector<std::string> expected{"field purpose=fine-tune", "file file n\"a.csv text/csv", "end " + tricky,
                                          "field empty="};
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    Recorder sink;
    MultipartReader reader("boundary", sink);
    ASSERT_TRUE(reader.read(std::string_view(body).substr(0, cut))) << cut;
    ASSERT_TRUE(reader.read(std::string_view(body).substr(cut))) << cut;
    ASSERT_TRUE(reader.finish()) << cut;
    ASSERT_EQ(sink.log, expected) << cut;
  }
  for (const std::size_t piece : {1, 2, 3, 5, 7, 11, 13}) {
    Recorder sink;
    ASSERT_TRUE(read_in_pieces(body, piece, sink, "boundary")) << piece;
    ASSERT_EQ(sink.log, expected) << piece;
  }
}

TEST(MultipartTest, ALargeFileComesInLargePieces) {
  std::string content;
  for (int i = 0; i < 50'000; ++i) content += "a line of a file\r\n";
  const std::string body = file_part(content) + "--b--";
  Recorder sink;
  ASSERT_TRUE(read_in_pieces(body, 65'536, sink, "b"));
  EXPECT_EQ(sink.content.at(0), content);
  EXPECT_LT(sink.pieces, 60) << "line ends do not cut it up";
}

TEST(MultipartTest, TheFirstBoundaryMayStandAtTheBeginning) {
  for (const char* before : {"", "\r\n", "x\r\n", "-\r\n", "--\r\n", "\r\r\n"}) {
    Recorder sink;
    ASSERT_TRUE(read_in_pieces(before + file_part("abc") + "--b--", 1, sink, "b")) << before;
    EXPECT_EQ(sink.content, std::vector<std::string>{"abc"});
  }
  Recorder sink;
  ASSERT_TRUE(read_in_pieces("x" + file_part("abc") + "--b--", 1, sink, "b"));
  EXPECT_TRUE(sink.log.empty()) << "not in the middle of a line";
}

TEST(MultipartTest, FileNames) {
  const auto name_of = [](std::string_view parameters) {
    Recorder sink;
    const auto read = read_in_pieces(
        part("Content-Disposition: form-data; name=file; " + std::string(parameters), "") + "--b--", 3, sink, "b");
    return read ? sink.log.at(0) : read.error().message;
  };
  EXPECT_EQ(name_of("filename=a.csv"), "file file a.csv ");
  EXPECT_EQ(name_of("filename=\"a;b=c.csv\""), "file file a;b=c.csv ");
  EXPECT_EQ(name_of("filename=\"C:\\dir\\a.csv\""), "file file C:\\dir\\a.csv ") << "as old browsers send it";
  EXPECT_EQ(name_of("filename=\"q\\\"\\\\.csv\""), "file file q\"\\.csv ");
  EXPECT_EQ(name_of("filename=\"\""), "file file  ");
  EXPECT_EQ(name_of("filename=\"na\xC3\xAFve.csv\""), "file file na\xC3\xAFve.csv ");
  EXPECT_EQ(name_of("filename*=utf-8''na%C3%AFve.csv; filename=\"nave.csv\""), "file file na\xC3\xAFve.csv ");
  for (const char* wrong : {"filename=\"a", "filename=", "filename=a; filename=b", "filename=\"\xFF\"",
                            "filename*=latin-1''a", "filename*=a", "filename*=utf-8''%zz", "filename*=utf-8''%ff", "=a",
                            "filename=\"a\" b", "a=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1"}) {
    EXPECT_TRUE(name_of(wrong).starts_with("malformed form: ")) << wrong << " gave " << name_of(wrong);
  }
}

TEST(MultipartTest, WhatIsMalformedIsSaid) {
  const auto expect = [](const std::string& body, std::string_view why) {
    EXPECT_NE(error_of(body).find(why), std::string::npos) << body << ": " << error_of(body);
  };
  expect("", "nowhere in it");
  expect("hello", "nowhere in it");
  expect("--c\r\n\r\n--c--", "nowhere in it");
  expect(std::string(5000, 'x'), "not in its first 1024 bytes");
  expect("--b", "ends before its last boundary");
  expect("--b\r\n", "ends before its last boundary (part 1)");
  expect(file_part("abc"), "ends before its last boundary (part 1)");
  expect(file_part("abc") + "--b-", "ends before its last boundary");
  expect(file_part("abc") + "--bc\r\n", "goes on with other text");
  expect("--b\rx", "a bare CR behind a boundary");
  expect("--b" + std::string(100, ' ') + "\r\n", "too many blanks");
  expect("--b\r\n\r\nx\r\n--b--", "it needs a header 'Content-Disposition");
  expect(part("Content-Type: text/plain", "x"), "it needs a header 'Content-Disposition");
  expect(part("Content-Disposition: attachment; name=a", "x"), "it needs a header 'Content-Disposition");
  expect(part("Content-Disposition: form-data; filename=a", "x"), "needs a name");
  expect(part("Content-Disposition: form-data; name=\"\"", "x"), "needs a name");
  expect(part("Content-Disposition: form-data; name=" + std::string(129, 'a'), "x"), "needs a name");
  expect(part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", "x"), "two Content");
  expect(part("Content-Disposition: form-data; name=a\r\n b", "x"), "a header without a name");
  expect(part("Content-Disposition: form-data; name=a\nX: b", "x"), "a control character");
  expect(part(std::string("X: a\0b", 6), "x"), "a control character");
  expect(part("nonsense", "x"), "a header without a name");
  expect(part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "x"), "Transfer-Encoding");
  expect(part("Content-Disposition: form-data; name=a", "\xFF") + "--b--", "is not UTF-8");
  expect(part("X: " + std::string(9000, 'a'), "x"), "more than 8192 bytes");
  expect("--b\r\nX: " + std::string(9000, 'a'), "more than 8192 bytes");
}

TEST(MultipartTest, Bounds) {
  const std::string field = part("Content-Disposition: form-data; name=a", "0123456789");
  EXPECT_EQ(error_of(field + field + "--b--", {.max_parts = 2}), "(none)");
  EXPECT_NE(error_of(field + field + "--b--", {.max_parts = 1}).find("more than 1 parts"), std::string::npos);
  EXPECT_EQ(error_of(field + "--b--", {.max_field_bytes = 10}), "(none)");
  EXPECT_NE(error_of(field + "--b--", {.max_field_bytes = 9}).find("'a' has more than 9 bytes"), std::string::npos);
  const std::string headers = part("X: 1\r\nY: 2\r\nContent-Disposition: form-data; name=a", "");
  EXPECT_EQ(error_of(headers + "--b--", {.max_part_headers = 3}), "(none)");
  EXPECT_NE(error_of(headers + "--b--", {.max_part_headers = 2}).find("more than 2 headers"), std::string::npos);
}

TEST(MultipartTest, TheSinksErrorEndsTheReading) {
  Recorder sink;
  sink.fail_at = 100;
  const auto read = read_in_pieces(file_part(std::string(1000, 'x')) + "--b--", 10, sink, "b");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIo);
  EXPECT_LE(sink.content.at(0).size(), 110U);
}

}  // namespace
}  // namespace marquee::http
