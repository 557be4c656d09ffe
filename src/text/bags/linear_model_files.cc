// A linear model as files: linear_model.json has what it is, linear_model.safetensors its numbers.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "formats/small_file.h"
#include "text/bags/linear_model.h"
#include "text/bags/tensor_file.h"
#include "text/config_reader.h"

namespace marquee::text::bags {

using base::Result;
namespace json = base::json;

namespace {

constexpr const char* kModelFormat = "marquee-linear-model-1";
constexpr const char* kModelJson = "linear_model.json";
constexpr const char* kModelTensors = "linear_model.safetensors";
constexpr std::size_t kMaxModelJson = 4096;
constexpr std::array<std::string_view, 4> kLinks = {"softmax", "binary", "labels", "margin"};

Result<Link> read_link(const ConfigReader& reader) {
  MARQUEE_ASSIGN(const std::string name, reader.text_or("link", ""));
  const auto found = std::find(kLinks.begin(), kLinks.end(), name);
  if (found == kLinks.end()) return reader.corrupt("link", "must be softmax, binary, labels or margin");
  return static_cast<Link>(found - kLinks.begin());
}

/// Whether a link has that many scores for that many classes.
bool fits(Link link, std::uint32_t classes, std::uint32_t outputs) {
  switch (link) {
    case Link::kSoftmax: return outputs == classes && classes >= 2;
    case Link::kBinary: return outputs == 1 && classes == 2;
    case Link::kLabels: return outputs == classes;
    case Link::kMargin: return outputs == (classes == 2 ? 1 : classes) && classes >= 2;
  }
  return false;
}

Result<LinearModel> read_model_json(const std::filesystem::path& path) {
  MARQUEE_CHECK(formats::refuse_symlink(path));
  MARQUEE_ASSIGN(const std::string text, formats::read_small_file(path, kMaxModelJson));
  MARQUEE_ASSIGN(const json::value value, formats::parse_json_file(text, path));
  if (!value.is_object()) return base::corrupt(path.string() + ": is not a JSON object");
  const ConfigReader reader(value.get_object(), path.string());
  MARQUEE_ASSIGN(const std::string format, reader.text_or("format", ""));
  if (format != kModelFormat) {
    return base::unsupported(path.string() + ": 'format' is not " + kModelFormat + "; train the model again");
  }
  LinearModel model;
  MARQUEE_ASSIGN(model.link, read_link(reader));
  MARQUEE_ASSIGN(const std::int32_t classes, reader.integer("classes", {1.0, LinearModel::kMaxClasses}));
  MARQUEE_ASSIGN(const std::int32_t outputs, reader.integer("outputs", {1.0, LinearModel::kMaxClasses}));
  MARQUEE_ASSIGN(const std::int32_t features, reader.integer("features", {1.0, 2147483647.0}));
  MARQUEE_ASSIGN(model.temperature, reader.number("temperature", {1e-6, 1e6}));
  model.classes = static_cast<std::uint32_t>(classes);
  model.outputs = static_cast<std::uint32_t>(outputs);
  model.features = static_cast<std::uint32_t>(features);
  if (!fits(model.link, model.classes, model.outputs)) {
    return reader.corrupt("outputs", "does not go with 'link' and 'classes'");
  }
  return model;
}

template <typename Number>
Result<std::vector<Number>> read_numbers(const TensorFile& file, std::string_view name, std::size_t count) {
  MARQUEE_ASSIGN(auto numbers, file.read<Number>(name));
  if (numbers.size() != count) {
    return file.corrupt(
        name, "has " + std::to_string(numbers.size()) + " numbers; linear_model.json says " + std::to_string(count));
  }
  for (const Number number : numbers) {
    if (!std::isfinite(number)) return file.corrupt(name, "holds something that is not a finite number");
  }
  return numbers;
}

}  // namespace

Result<void> LinearModel::save(const std::filesystem::path& folder) const {
  json::object object;
  object["format"] = kModelFormat;
  object["link"] = kLinks[static_cast<std::size_t>(link)];
  object["classes"] = classes;
  object["outputs"] = outputs;
  object["features"] = features;
  object["temperature"] = temperature;
  MARQUEE_CHECK(write_text_file(folder / kModelJson, json::serialize(object) + "\n"));
  const TensorToWrite tensors[] = {TensorToWrite::of<double>("bias", bias),
                                   TensorToWrite::of<float>("weights", weights)};
  return write_tensor_file(folder / kModelTensors, tensors);
}

Result<LinearModel> LinearModel::load(const std::filesystem::path& folder) {
  MARQUEE_ASSIGN(LinearModel model, read_model_json(folder / kModelJson));
  MARQUEE_ASSIGN(const TensorFile file, TensorFile::open(folder / kModelTensors));
  MARQUEE_ASSIGN(model.bias, read_numbers<double>(file, "bias", model.outputs));
  const std::size_t weights = static_cast<std::size_t>(model.features) * model.outputs;
  MARQUEE_ASSIGN(model.weights, read_numbers<float>(file, "weights", weights));
  return model;
}

}  // namespace marquee::text::bags
