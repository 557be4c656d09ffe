#pragma once

#include <memory>

#include "translation/seq2seq.h"

namespace marquee::translation {

/// @param settings checked
std::unique_ptr<Seq2Seq> make_transformer_seq2seq(nn::ParameterStore& store, const Seq2SeqSettings& settings);

}  // namespace marquee::translation
