#include "serving/choice_output.h"

#include <utility>

namespace marquee::serving {

ChoiceOutput::Piece ChoiceOutput::push(text::SampledToken token) {
  const std::string text = detokenizer_.push(token.id);
  if (keep_records_) {
    HeldRecord held;
    held.text_begin = produced_bytes_;
    held.text_end = produced_bytes_ + text.size();
    held.record.bytes = std::string(tokenizer_->token_bytes(token.id));
    held.record.sampled = std::move(token);
    held_.push_back(std::move(held));
  }
  produced_bytes_ += text.size();
  auto matched = matcher_.push(text);
  Piece piece;
  piece.text = std::move(matched.text);
  piece.stopped = matched.matched.has_value();
  shown_bytes_ += piece.text.size();
  release_records(piece, false);
  return piece;
}

ChoiceOutput::Piece ChoiceOutput::finish() {
  Piece piece;
  auto matched = matcher_.push(detokenizer_.finish());
  piece.stopped = matched.matched.has_value();
  piece.text = std::move(matched.text);
  if (!piece.stopped) piece.text += matcher_.finish();
  shown_bytes_ += piece.text.size();
  release_records(piece, !piece.stopped);
  return piece;
}

void ChoiceOutput::release_records(Piece& piece, bool all) {
  // Of the tokens that hold a stop string only those count that also hold text before it.
  const auto visible = [&](const HeldRecord& held) {
    return all || (piece.stopped ? held.text_begin < shown_bytes_ : held.text_end <= shown_bytes_);
  };
  while (!held_.empty() && visible(held_.front())) {
    piece.tokens.push_back(std::move(held_.front().record));
    held_.pop_front();
  }
  if (piece.stopped) held_.clear();
}

}  // namespace marquee::serving
