#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "formats/tokenizers/added_tokens.h"
#include "formats/tokenizers/json_fields.h"
#include "formats/tokenizers/subword_model.h"
#include "formats/tokenizers/vocabulary.h"

namespace marquee::formats {

/// The "model" and the "added_tokens" of a tokenizer.json.
struct JsonVocabulary {
  Vocabulary tokens;  ///< the model's and the added ones, as the file writes them
  std::vector<AddedToken> added;
  std::vector<bool> is_added;  ///< by id
  std::vector<bool> special;   ///< by id
};

struct JsonModel {
  JsonVocabulary vocabulary;
  std::unique_ptr<SubwordModel> model;
};

/// @param added_tokens the "added_tokens" field, or null
/// @param byte_level the pre-tokenizer writes text in the byte alphabet
base::Result<JsonModel> read_model(const base::json::value& model, const base::json::value* added_tokens,
                                   bool byte_level);

}  // namespace marquee::formats
