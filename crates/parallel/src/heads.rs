//! Which heads a rank has.
//!
//! ```text
//! H = 9, G = 3        query heads   0 1 2 3 4 5 6 7 8      a key-value head for each three query heads
//!                     key-value     └─0─┘ └─1─┘ └─2─┘
//!
//! P = 2               rank 0 ━━━━━━━━━━━  rank 1 ━━━━━     P <= G: whole groups; none is on two ranks
//! P = 4               0 ━━━ 1 ━ 2 ━━━━━ 3 ━━━━━            P > G: parts of a group; ranks 0 and 1 both
//!                                                          have key-value head 0
//! ```
//!
//! Either way query head h of a rank uses its key-value head h / (its H / its G): the rule of one rank, so a
//! rank's attention needn't know that there are others. Heads needn't divide by the ranks: nobody has a group
//! (or, for P > G, a head of a group) more than somebody else of the same group.
//!
//! The price of whole groups is balance: 6 and 3 heads in the picture, not 5 and 4, which would send a
//! key-value head twice.

use crate::{Error, Result};
use collectives::Layout;
use std::ops::Range;

/// How query and key-value heads are shared out among ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadMap {
    heads: usize,
    kv_heads: usize,
    ranks: usize,
}

impl HeadMap {
    /// For H query heads, G key-value heads and P ranks.
    ///
    /// ```
    /// use parallel::heads::HeadMap;
    ///
    /// let map = HeadMap::new(9, 3, 4)?;
    /// assert_eq!((map.heads(1), map.kv_heads(1)), (2..3, 0..1));
    /// assert_eq!((map.heads(2), map.kv_heads(2)), (3..6, 1..2));
    /// # Ok::<(), parallel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or G doesn't divide H.
    ///
    /// # Panics
    ///
    /// If there are no ranks.
    pub fn new(heads: usize, kv_heads: usize, ranks: usize) -> Result<HeadMap> {
        assert!(ranks > 0, "no ranks to share heads out among");
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(Error::Layer(layers::Error::Number {
                what: "the number of heads",
                given: heads.to_string(),
                expected: format!("a multiple of the {kv_heads} key-value heads"),
            }));
        }
        match ranks <= heads {
            true => Ok(HeadMap { heads, kv_heads, ranks }),
            false => Err(Error::Heads { heads, ranks }),
        }
    }

    /// P.
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// The query heads of a rank.
    pub fn heads(&self, rank: usize) -> Range<usize> {
        let kv_heads = self.kv_heads(rank);
        let group = self.heads / self.kv_heads;
        if self.ranks <= self.kv_heads {
            return kv_heads.start * group..kv_heads.end * group;
        }
        let sharers = self.sharers(kv_heads.start);
        let part = Layout::even(group, sharers.len()).block(rank - sharers.start);
        kv_heads.start * group + part.start..kv_heads.start * group + part.end
    }

    /// The key-value heads of a rank: those that its query heads use.
    pub fn kv_heads(&self, rank: usize) -> Range<usize> {
        if self.ranks <= self.kv_heads {
            return Layout::even(self.kv_heads, self.ranks).block(rank);
        }
        let ranks = Layout::even(self.ranks, self.kv_heads);
        let head = (0..self.kv_heads).find(|&head| ranks.block(head).contains(&rank));
        let head = head.expect("every rank is in the block of some head");
        head..head + 1
    }

    /// The ranks that have this key-value head.
    pub fn sharers(&self, kv_head: usize) -> Range<usize> {
        if self.ranks > self.kv_heads {
            return Layout::even(self.ranks, self.kv_heads).block(kv_head);
        }
        let heads = Layout::even(self.kv_heads, self.ranks);
        let rank = (0..self.ranks).find(|&rank| heads.block(rank).contains(&kv_head));
        let rank = rank.expect("every head is in the block of some rank");
        rank..rank + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_head_is_on_one_rank_beside_its_keys() {
        for kv_heads in 1..=6 {
            for group in 1..=6 {
                let heads = kv_heads * group;
                for ranks in 1..=heads {
                    let map = HeadMap::new(heads, kv_heads, ranks).unwrap();
                    let mut next = 0;
                    for rank in 0..ranks {
                        let (own, kv) = (map.heads(rank), map.kv_heads(rank));
                        assert_eq!(own.start, next, "heads follow each other");
                        assert!(!own.is_empty(), "{map:?}: rank {rank} has nothing to do");
                        next = own.end;
                        assert!(own.len().is_multiple_of(kv.len()));
                        for (local, head) in own.clone().enumerate() {
                            assert_eq!(kv.start + local / (own.len() / kv.len()), head / group, "{map:?}");
                        }
                        for head in 0..kv_heads {
                            assert_eq!(map.sharers(head).contains(&rank), kv.contains(&head), "{map:?}");
                        }
                    }
                    assert_eq!(next, heads);
                    let copies: usize = (0..ranks).map(|rank| map.kv_heads(rank).len()).sum();
                    assert_eq!(
                        copies,
                        kv_heads.max(ranks),
                        "a key-value head is on several ranks only if P > G"
                    );
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_shared_out() {
        let error = HeadMap::new(6, 2, 8).unwrap_err().to_string();
        assert_eq!(error, "6 query heads can't be shared out among 8 ranks: at most 6 ranks was expected");
        assert!(HeadMap::new(6, 4, 2).unwrap_err().to_string().contains("multiple of the 4 key-value heads"));
    }
}
