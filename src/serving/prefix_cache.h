#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/tokenizer.h"
#include "tensor/kv_cache.h"

namespace marquee::serving {

/// The tokens of one whole page of the KV cache.
using PageTokens = std::array<formats::TokenId, tensor::kKvPageTokens>;

/// Pages of prompts and answers that have been computed, kept for requests that begin with the same tokens. Each tenant
/// has a radix tree of its own whose edges are the tokens of whole pages: nobody's request becomes faster by what
/// another tenant asked. What a page holds depends on its tokens and those before it alone (docs/adr/0002), so an
/// answer is the same with and without.
///
/// The cache costs nobody anything: a page that no sequence uses counts as free, and evict() gives it back when one is
/// needed. Who gives pages first: tenants that have not asked for long, then the tenant that holds most pages; its
/// least recently used ones. So a tenant with no more than its equal share loses nothing to one that has more.
///
/// For one thread, the one that owns the pool's bookkeeping.
class PrefixCache {
 public:
  /// Look-ups by others after which a tenant that made none counts as gone.
  static constexpr std::uint64_t kGoneAfterLookups = 1000;

  /// @param most_pages that it may hold, those in use by sequences included; 0: it holds none and finds none
  PrefixCache(tensor::KvPool& pool, std::int32_t most_pages);
  ~PrefixCache() { clear(); }
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  struct Match {
    std::vector<std::int32_t> pages;  ///< not referenced for the caller yet; the last one may hold more than the match
    std::int32_t tokens = 0;
  };
  /// The longest beginning of `tokens` that is cached, the last token always left out: somebody has to compute logits.
  [[nodiscard]] Match find(const std::string& tenant, std::span<const formats::TokenId> tokens);
  /// How many of the whole pages that find() would give are in use by sequences now. Counts as no look-up.
  [[nodiscard]] std::int32_t pages_in_use(const std::string& tenant, std::span<const formats::TokenId> tokens) const;

  /// Keeps the whole pages among the first `tokens.size()` positions, as far as it may hold more. Where the tree has
  /// the same tokens already, the caller's page is given back and the tree's takes its place in `pages`.
  void offer(const std::string& tenant, std::span<const formats::TokenId> tokens, std::vector<std::int32_t>& pages);

  /// Frees up to `pages` pages that no sequence uses. @return how many
  std::int32_t evict(std::int32_t pages);
  /// Lets go of a page and of all that come after it in the tree, whoever uses them.
  void surrender(std::int32_t page);
  /// A page in a tree, for as long as it stays there; without a page: where every text begins.
  struct Place {
    std::int32_t page = -1;
    std::uint64_t id = 0;
  };
  struct ListedPage {
    Place place;
    std::int32_t parent = -1;  ///< index in the list of the page before it; -1: it begins a text
    PageTokens tokens{};
  };
  /// What it holds of a tenant, parents before their children.
  [[nodiscard]] std::vector<ListedPage> list(const std::string& tenant) const;
  /// Copies a page's contents to the beginning of `to`. @return false if the page is not there any more
  bool copy(const Place& place, std::span<std::byte> to) const;
  /// The page with these tokens after `parent`, which counts as used now.
  std::optional<Place> next(const std::string& tenant, const Place& parent, const PageTokens& tokens);
  /// Gives pages back until `pages` more can be restored, as far as there are any that nobody uses.
  void make_room_for(std::int32_t pages);
  /// As next(), but adds a page with these contents if there is none. Takes free pages only.
  /// @return nothing if there is no room, or `parent` is not there any more
  std::optional<Place> restore(const std::string& tenant, const Place& parent, const PageTokens& tokens,
                               std::span<const std::byte> contents);

  /// Forgets what it holds of a tenant. @return pages
  std::int32_t clear(const std::string& tenant);
  void clear();

  [[nodiscard]] bool enabled() const { return most_pages_ > 0; }
  [[nodiscard]] std::int32_t pages_held() const { return pages_held_; }
  [[nodiscard]] std::vector<std::pair<std::string, std::int32_t>> pages_by_tenant() const;
  /// Since the beginning.
  [[nodiscard]] std::int64_t evictions() const { return evictions_; }

 private:
  struct Node;
  struct Tree;
  using Nodes = std::list<Node>;
  using Children = std::map<PageTokens, Node*>;
  struct Node {
    Tree* tree = nullptr;
    Node* parent = nullptr;
    const PageTokens* tokens = nullptr;  ///< the key it has in its parent
    std::int32_t page = -1;
    std::uint64_t id = 0;  ///< of this use of the page
    Nodes::iterator self{};
    Children children{};
  };
  /// One tenant's. Its nodes stand in the order of their last use, children before their parents.
  struct Tree {
    Node root;
    Nodes nodes;
    std::uint64_t last_lookup = 0;
    bool nothing_to_give = false;  ///< scratch of evict()
  };

  template <typename Visit>
  static const Node* walk(const Tree& tree, std::span<const formats::TokenId> tokens, const Visit& visit);
  static std::pair<Node*, std::int32_t> longest_part(const Node& node, std::span<const formats::TokenId> tokens);
  static void touch(Node& node);
  [[nodiscard]] Node* node_at(const std::string& tenant, const Place& place);
  Node* add(Tree& tree, Node& parent, const PageTokens& tokens, std::int32_t page);
  bool make_room();
  std::int32_t free_idle(std::int32_t pages);
  void remove(Node& node);
  Tree* next_to_give();
  bool evict_one(Tree& tree);
  void forget_empty_trees();

  tensor::KvPool& pool_;
  const std::int32_t most_pages_;
  std::map<std::string, Tree> trees_;
  std::vector<Node*> node_of_page_;
  std::uint64_t lookups_ = 0;
  std::uint64_t last_id_ = 0;
  std::int32_t pages_held_ = 0;
  std::int64_t evictions_ = 0;
};

}  // namespace marquee::serving
