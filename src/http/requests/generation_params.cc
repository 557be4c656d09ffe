#include "http/requests/generation_params.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "http/requests/structured_output.h"

namespace marquee::http {

namespace json = base::json;

namespace {

using Params = GenerationParams;
using Done = base::Result<void>;
float to_float(const json::value& value) { return static_cast<float>(value.to_number<double>()); }
Done add_stop(const json::value& value, Params& params) {
  if (!value.is_string()) return base::invalid_argument("'stop' must be a string or an array of strings", "stop");
  const std::string_view text = string_of(value);
  if (text.empty() || text.size() > kMaxStopBytes) {
    return base::invalid_argument("each 'stop' must have 1 to " + std::to_string(kMaxStopBytes) + " bytes", "stop");
  }
  params.stop.emplace_back(text);
  return {};
}

Done read_stop(const json::value& value, Params& params) {
  if (!value.is_array()) return add_stop(value, params);
  if (value.get_array().size() > kMaxStopStrings) {
    return base::invalid_argument("'stop' may hold at most " + std::to_string(kMaxStopStrings) + " strings", "stop");
  }
  for (const json::value& entry : value.get_array()) MARQUEE_CHECK(add_stop(entry, params));
  return {};
}

Done read_logit_bias(const json::value& value, Params& params) {
  if (!value.is_object()) {
    return base::invalid_argument("'logit_bias' must be an object from token ids to numbers", "logit_bias");
  }
  if (value.get_object().size() > kMaxLogitBiases) {
    return base::invalid_argument("'logit_bias' may hold at most " + std::to_string(kMaxLogitBiases) + " tokens",
                                  "logit_bias");
  }
  for (const auto& entry : value.get_object()) {
    const std::string_view key(entry.key().data(), entry.key().size());
    std::int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      return base::invalid_argument("the keys of 'logit_bias' must be token ids", "logit_bias");
    }
    const json::value& bias = entry.value();
    if (!bias.is_number() || !(bias.to_number<double>() >= -100) || !(bias.to_number<double>() <= 100)) {
      return base::invalid_argument("the values of 'logit_bias' must be numbers from -100 to 100", "logit_bias");
    }
    params.sampling.logit_bias.emplace_back(id, to_float(bias));
  }
  return {};
}

Done set_grammar(text::grammar::Source source, std::string_view field, Params& params) {
  if (params.grammar) {
    return base::invalid_argument(
        "'" + std::string(field) + "' cannot be given together with '" + params.grammar_field + "'",
        std::string(field));
  }
  params.grammar = std::move(source);
  params.grammar_field = field;
  return {};
}

Done read_response_format(const json::value& value, Params& params) {
  MARQUEE_ASSIGN(auto source, parse_response_format(value));
  if (!source) return {};
  return set_grammar(std::move(*source), "response_format", params);
}

Done read_grammar(const json::value& value, Params& params) {
  return set_grammar({text::grammar::Source::Kind::kGbnf, std::string(string_of(value))}, "grammar", params);
}

Done read_stream_options(const json::value& value, Params& params) {
  if (!value.is_object()) return base::invalid_argument("'stream_options' must be an object", "stream_options");
  const json::value* include = find_field(value.get_object(), "include_usage");
  if (include == nullptr) return {};
  if (!include->is_bool()) {
    return base::invalid_argument("'stream_options.include_usage' must be true or false",
                                  "stream_options.include_usage");
  }
  params.include_usage = include->get_bool();
  return {};
}

constexpr std::string_view kStopSchema = R"({"anyOf": [{"type": "string", "minLength": 1, "maxLength": 512},
  {"type": "array", "maxItems": 4, "items": {"type": "string", "minLength": 1, "maxLength": 512}}, {"type": "null"}]})";
constexpr std::string_view kLogitBiasSchema = R"({"type": ["object", "null"], "maxProperties": 1024,
  "propertyNames": {"pattern": "^[0-9]{1,9}$"},
  "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}})";
constexpr std::string_view kStreamOptionsSchema = R"({"type": ["object", "null"],
  "properties": {"include_usage": {"type": ["boolean", "null"], "default": false}}})";

constexpr Field<Params> kParamsFields[] = {
    {{.name = "model",
      .kind = FieldKind::kString,
      .min = 1,
      .max = 256,
      .required = true,
      .description = "The id of a model, as GET /v1/models lists them."},
     [](const json::value& value, Params& params) -> Done {
       params.model = string_of(value);
       return {};
     }},
    {{.name = "temperature",
      .kind = FieldKind::kNumber,
      .min = 0,
      .max = 2,
      .default_json = "1",
      .description = "0 always takes the likeliest token."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.temperature = to_float(value);
       return {};
     }},
    {{.name = "top_p",
      .kind = FieldKind::kNumber,
      .min = 0,
      .max = 1,
      .above_min = true,
      .default_json = "1",
      .description = "Draw from the likeliest tokens that together have this probability."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.top_p = to_float(value);
       return {};
     }},
    {{.name = "top_k",
      .kind = FieldKind::kInteger,
      .min = -1,
      .max = kMaxInt32,
      .default_json = "0",
      .description = "Draw from this many likeliest tokens; 0 or -1 for no limit."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.top_k = std::max(to_int32(value), 0);
       return {};
     }},
    {{.name = "min_p",
      .kind = FieldKind::kNumber,
      .min = 0,
      .max = 1,
      .default_json = "0",
      .description = "Drop tokens less likely than this share of the likeliest one."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.min_p = to_float(value);
       return {};
     }},
    {{.name = "typical_p",
      .kind = FieldKind::kNumber,
      .min = 0,
      .max = 1,
      .above_min = true,
      .default_json = "1",
      .description = "Locally typical sampling (arXiv:2202.00666); 1 is off."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.typical_p = to_float(value);
       return {};
     }},
    {{.name = "repetition_penalty",
      .kind = FieldKind::kNumber,
      .min = 0,
      .max = 2,
      .above_min = true,
      .default_json = "1",
      .description = "Above 1, tokens of the prompt and the answer become less likely."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.repetition_penalty = to_float(value);
       return {};
     }},
    {{.name = "presence_penalty",
      .kind = FieldKind::kNumber,
      .min = -2,
      .max = 2,
      .default_json = "0",
      .description = "Taken from the logit of each token that the answer holds already."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.presence_penalty = to_float(value);
       return {};
     }},
    {{.name = "frequency_penalty",
      .kind = FieldKind::kNumber,
      .min = -2,
      .max = 2,
      .default_json = "0",
      .description = "Taken from a token's logit once for each time the answer holds it."},
     [](const json::value& value, Params& params) -> Done {
       params.sampling.frequency_penalty = to_float(value);
       return {};
     }},
    {{.name = "logit_bias", .schema = kLogitBiasSchema, .description = "Added to the logits of these token ids."},
     read_logit_bias},
    {{.name = "seed",
      .kind = FieldKind::kInteger,
      .min = -9.3e18,
      .max = 9.3e18,
      .description = "The same seed gives the same text, whatever else is being served."},
     [](const json::value& value, Params& params) -> Done {
       params.seed = static_cast<std::uint64_t>(as_integer(value).value());
       return {};
     }},
    {{.name = "n",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxChoices,
      .default_json = "1",
      .description = "How many answers to give. The prompt is computed and billed once."},
     [](const json::value& value, Params& params) -> Done {
       params.n = to_int32(value);
       return {};
     }},
    {{.name = "stop", .schema = kStopSchema, .description = "The answer ends before the first of these."}, read_stop},
    {{.name = "ignore_eos",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Go on to max_tokens even if the model would end (for benchmarks)."},
     [](const json::value& value, Params& params) -> Done {
       params.ignore_eos = value.get_bool();
       return {};
     }},
    {{.name = "stream",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Answer with server-sent events as tokens come, ended by [DONE]."},
     [](const json::value& value, Params& params) -> Done {
       params.stream = value.get_bool();
       return {};
     }},
    {{.name = "stream_options", .schema = kStreamOptionsSchema, .description = "include_usage only with stream."},
     read_stream_options},
    {{.name = "priority",
      .kind = FieldKind::kEnum,
      .schema = "interactive,batch",
      .default_json = "\"interactive\"",
      .description = "Batch requests get what interactive ones leave."},
     [](const json::value& value, Params& params) -> Done {
       params.priority = string_of(value) == "batch" ? serving::Priority::kBatch : serving::Priority::kInteractive;
       return {};
     }},
    {{.name = "timeout_ms",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = static_cast<double>(kMaxTimeoutMs),
      .description =
          "End the answer after this time with what there is (finish_reason length); 408 if there is nothing."},
     [](const json::value& value, Params& params) -> Done {
       params.timeout = std::chrono::milliseconds(as_integer(value).value());
       return {};
     }},
    {{.name = "response_format",
      .schema = kResponseFormatSchema,
      .description =
          "json_object: the answer is a JSON object. json_schema: it is valid for the schema, with properties "
          "in the schema's order."},
     read_response_format},
    {{.name = "grammar",
      .kind = FieldKind::kString,
      .max = static_cast<double>(kMaxGrammarBytes),
      .description = "A grammar in llama.cpp's notation (GBNF) whose rule 'root' the answer matches."},
     read_grammar},
    {{.name = "user", .kind = FieldKind::kString, .max = 1'024, .description = "Accepted and not used."},
     [](const json::value&, Params&) -> Done { return {}; }},
};

}  // namespace

std::span<const Field<GenerationParams>> generation_fields() { return kParamsFields; }

base::Result<void> read_generation_params(const json::object& body, GenerationParams& params) {
  MARQUEE_CHECK(read_fields(generation_fields(), body, params));
  if (params.include_usage && !params.stream) {
    return base::invalid_argument("'stream_options' is only allowed when 'stream' is true", "stream_options");
  }
  return {};
}

}  // namespace marquee::http
