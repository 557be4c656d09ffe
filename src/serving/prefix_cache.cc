#include "serving/prefix_cache.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace marquee::serving {
namespace {

using formats::TokenId;
using Tokens = std::span<const TokenId>;

constexpr auto kPage = static_cast<std::size_t>(tensor::kKvPageTokens);
// Below every token id: fills up the key of a part of a page, so that it sorts before all keys that begin with the
// part.
constexpr TokenId kNoToken = std::numeric_limits<TokenId>::min();

PageTokens key_of(Tokens tokens) {
  PageTokens key;
  key.fill(kNoToken);
  std::copy_n(tokens.begin(), std::min(tokens.size(), kPage), key.begin());
  return key;
}

std::size_t common_prefix(const PageTokens& key, Tokens tokens) {
  const auto end = key.begin() + static_cast<std::ptrdiff_t>(std::min(tokens.size(), kPage));
  return static_cast<std::size_t>(std::mismatch(key.begin(), end, tokens.begin()).first - key.begin());
}

}  // namespace

PrefixCache::PrefixCache(tensor::KvPool& pool, std::int32_t most_pages)
    : pool_(pool), most_pages_(most_pages), node_of_page_(static_cast<std::size_t>(pool.total_pages()), nullptr) {}

/// Calls visit with each node whose page begins `tokens` in turn. @return the last of them, or the root
template <typename Visit>
const PrefixCache::Node* PrefixCache::walk(const Tree& tree, Tokens tokens, const Visit& visit) {
  const Node* node = &tree.root;
  for (; tokens.size() >= kPage; tokens = tokens.subspan(kPage)) {
    const auto next = node->children.find(key_of(tokens));
    if (next == node->children.end()) break;
    node = next->second;
    visit(*node);
  }
  return node;
}

/// The child whose page shares most tokens with `tokens`: in the order of keys it is a neighbour of theirs.
std::pair<PrefixCache::Node*, std::int32_t> PrefixCache::longest_part(const Node& node, Tokens tokens) {
  std::pair<Node*, std::int32_t> best{nullptr, 0};
  const auto consider = [&](const Children::value_type& child) {
    const auto shared = static_cast<std::int32_t>(common_prefix(child.first, tokens));
    if (shared > best.second) best = {child.second, shared};
  };
  const auto after = node.children.lower_bound(key_of(tokens));
  if (after != node.children.end()) consider(*after);
  if (after != node.children.begin()) consider(*std::prev(after));
  return best;
}

PrefixCache::Match PrefixCache::find(const std::string& tenant, Tokens tokens) {
  Match match;
  const auto found = trees_.find(tenant);
  ++lookups_;
  if (found == trees_.end() || tokens.empty()) return match;
  found->second.last_lookup = lookups_;
  const Tokens wanted = tokens.first(tokens.size() - 1);
  const Node* last = walk(found->second, wanted, [&](const Node& node) { match.pages.push_back(node.page); });
  match.tokens = static_cast<std::int32_t>(match.pages.size() * kPage);
  const auto [part, shared] = longest_part(*last, wanted.subspan(match.pages.size() * kPage));
  if (part != nullptr) {
    match.pages.push_back(part->page);
    match.tokens += shared;
    last = part;
  }
  if (last != &found->second.root) touch(*last->self);
  return match;
}

std::int32_t PrefixCache::pages_in_use(const std::string& tenant, Tokens tokens) const {
  const auto found = trees_.find(tenant);
  if (found == trees_.end() || tokens.empty()) return 0;
  std::int32_t in_use = 0;
  walk(found->second, tokens.first(tokens.size() - 1),
       [&](const Node& node) { in_use += pool_.users(node.page) > 0 ? 1 : 0; });
  return in_use;
}

/// The node and all before it are the last used ones now.
void PrefixCache::touch(Node& node) {
  Nodes& nodes = node.tree->nodes;
  for (Node* it = &node; it->parent != nullptr; it = it->parent) nodes.splice(nodes.end(), nodes, it->self);
}

void PrefixCache::offer(const std::string& tenant, Tokens tokens, std::vector<std::int32_t>& pages) {
  if (!enabled() || tokens.size() < kPage) return;
  Tree& tree = trees_[tenant];
  if (tree.nodes.empty()) tree.last_lookup = lookups_;
  Node* node = &tree.root;
  for (std::size_t i = 0; (i + 1) * kPage <= tokens.size(); ++i) {
    const PageTokens key = key_of(tokens.subspan(i * kPage));
    const auto next = node->children.find(key);
    if (next == node->children.end()) {
      if (!make_room()) break;
      node = add(tree, *node, key, pages[i]);
      continue;
    }
    node = next->second;
    if (node->page == pages[i]) continue;
    pool_.add_reference(node->page);
    pool_.release(pages[i]);
    pages[i] = node->page;
  }
  if (node != &tree.root) touch(*node);
  forget_empty_trees();
}

PrefixCache::Node* PrefixCache::add(Tree& tree, Node& parent, const PageTokens& tokens, std::int32_t page) {
  tree.nodes.emplace_back();
  Node& node = tree.nodes.back();
  node.tree = &tree;
  node.parent = &parent;
  node.page = page;
  node.id = ++last_id_;
  node.self = std::prev(tree.nodes.end());
  const auto place = parent.children.emplace(tokens, &node).first;
  node.tokens = &place->first;
  pool_.keep(page);
  node_of_page_[static_cast<std::size_t>(page)] = &node;
  ++pages_held_;
  return &node;
}

bool PrefixCache::make_room() { return pages_held_ < most_pages_ || free_idle(1) == 1; }

void PrefixCache::remove(Node& node) {
  node_of_page_[static_cast<std::size_t>(node.page)] = nullptr;
  pool_.drop(node.page);
  --pages_held_;
  node.parent->children.erase(*node.tokens);
  node.tree->nodes.erase(node.self);
}

std::int32_t PrefixCache::evict(std::int32_t pages) {
  const std::int32_t freed = free_idle(pages);
  if (freed > 0) forget_empty_trees();
  return freed;
}

std::int32_t PrefixCache::free_idle(std::int32_t pages) {
  if (pool_.idle_pages() == 0) return 0;
  for (auto& [tenant, tree] : trees_) tree.nothing_to_give = false;
  std::int32_t freed = 0;
  while (freed < pages && pool_.idle_pages() > 0) {
    Tree* const tree = next_to_give();
    if (tree == nullptr) break;
    if (evict_one(*tree)) {
      ++freed;
    } else {
      tree->nothing_to_give = true;
    }
  }
  evictions_ += freed;
  return freed;
}

void PrefixCache::forget_empty_trees() {
  std::erase_if(trees_, [](const auto& entry) { return entry.second.nodes.empty(); });
}

PrefixCache::Tree* PrefixCache::next_to_give() {
  const auto gone = [&](const Tree& tree) { return lookups_ - tree.last_lookup > kGoneAfterLookups; };
  Tree* best = nullptr;
  for (auto& [tenant, tree] : trees_) {
    if (tree.nothing_to_give || tree.nodes.empty()) continue;
    const bool better = best == nullptr || (gone(tree) && !gone(*best)) ||
                        (gone(tree) == gone(*best) && tree.nodes.size() > best->nodes.size());
    if (better) best = &tree;
  }
  return best;
}

// Whoever uses a page uses all before it, so the first node that nobody uses has no children: they would stand before
// it, used by nobody too.
bool PrefixCache::evict_one(Tree& tree) {
  const auto idle = std::find_if(tree.nodes.begin(), tree.nodes.end(), [&](const Node& node) {
    return node.children.empty() && pool_.users(node.page) == 0;
  });
  if (idle == tree.nodes.end()) return false;
  remove(*idle);
  return true;
}

void PrefixCache::surrender(std::int32_t page) {
  Node* const top = node_of_page_.at(static_cast<std::size_t>(page));
  if (top == nullptr) return;
  std::vector<Node*> below{top};  // parents before their children
  for (std::size_t i = 0; i < below.size(); ++i) {
    for (const auto& [tokens, child] : below[i]->children) below.push_back(child);
  }
  for (auto node = below.rbegin(); node != below.rend(); ++node) remove(**node);
  forget_empty_trees();
}

std::vector<PrefixCache::ListedPage> PrefixCache::list(const std::string& tenant) const {
  std::vector<ListedPage> pages;
  const auto found = trees_.find(tenant);
  if (found == trees_.end()) return pages;
  std::vector<const Node*> nodes{&found->second.root};  // one more than pages
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& [tokens, child] : nodes[i]->children) {
      nodes.push_back(child);
      pages.push_back({{child->page, child->id}, static_cast<std::int32_t>(i) - 1, tokens});
    }
  }
  return pages;
}

bool PrefixCache::copy(const Place& place, std::span<std::byte> to) const {
  const Node* const node = node_of_page_.at(static_cast<std::size_t>(place.page));
  if (node == nullptr || node->id != place.id) return false;
  std::memcpy(to.data(), pool_.keys(place.page, 0, 0), pool_.layout().page_bytes());
  return true;
}

/// @return null if it is not there, or not this tenant's
PrefixCache::Node* PrefixCache::node_at(const std::string& tenant, const Place& place) {
  const auto found = trees_.find(tenant);
  if (found == trees_.end()) return nullptr;
  if (place.page < 0) return &found->second.root;
  Node* const node = node_of_page_.at(static_cast<std::size_t>(place.page));
  return node != nullptr && node->id == place.id && node->tree == &found->second ? node : nullptr;
}

std::optional<PrefixCache::Place> PrefixCache::next(const std::string& tenant, const Place& parent,
                                                    const PageTokens& tokens) {
  Node* const before = node_at(tenant, parent);
  if (before == nullptr) return std::nullopt;
  const auto child = before->children.find(tokens);
  if (child == before->children.end()) return std::nullopt;
  touch(*child->second);
  return Place{child->second->page, child->second->id};
}

void PrefixCache::make_room_for(std::int32_t pages) {
  const std::int64_t beyond =
      std::max<std::int64_t>(std::int64_t{pages} - pool_.free_pages(), std::int64_t{pages_held_} + pages - most_pages_);
  evict(static_cast<std::int32_t>(std::clamp<std::int64_t>(beyond, 0, pool_.idle_pages())));
}

std::optional<PrefixCache::Place> PrefixCache::restore(const std::string& tenant, const Place& parent,
                                                       const PageTokens& tokens, std::span<const std::byte> contents) {
  if (auto there = next(tenant, parent, tokens)) return there;
  if (pages_held_ >= most_pages_ || pool_.free_pages() == 0) return std::nullopt;
  const auto [tree, is_new] = trees_.try_emplace(tenant);
  if (is_new) tree->second.last_lookup = lookups_;
  Node* const before = node_at(tenant, parent);
  const auto page = before == nullptr ? std::optional<std::int32_t>() : *pool_.allocate();
  if (!page) {
    forget_empty_trees();
    return std::nullopt;
  }
  std::memcpy(pool_.keys(*page, 0, 0), contents.data(), pool_.layout().page_bytes());
  Node* const node = add(tree->second, *before, tokens, *page);
  pool_.release(*page);
  touch(*node);
  return Place{node->page, node->id};
}

std::int32_t PrefixCache::clear(const std::string& tenant) {
  const auto found = trees_.find(tenant);
  if (found == trees_.end()) return 0;
  const auto pages = static_cast<std::int32_t>(found->second.nodes.size());
  // In the order of use a node's children are always gone before it.
  while (!found->second.nodes.empty()) remove(found->second.nodes.front());
  trees_.erase(found);
  return pages;
}

void PrefixCache::clear() {
  while (!trees_.empty()) clear(std::string(trees_.begin()->first));
}

std::vector<std::pair<std::string, std::int32_t>> PrefixCache::pages_by_tenant() const {
  std::vector<std::pair<std::string, std::int32_t>> all;
  for (const auto& [tenant, tree] : trees_) all.emplace_back(tenant, static_cast<std::int32_t>(tree.nodes.size()));
  return all;
}

}  // namespace marquee::serving
