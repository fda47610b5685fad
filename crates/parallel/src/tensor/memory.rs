//! What a block keeps for the backward pass, term by term, beside the formula of Korthikanti et al.
//!
//! They count, for one layer with G = H, D = dim / H and an MLP of 4 dim, with s, b, h, a, t for T, B, dim,
//! H, P, in bytes for elements of w bytes (a dropout mask has 1):
//!
//! ```text
//!                                            one rank    tensor parallel     sequence parallel too     kept here
//! inputs of the two norms                    2w sbh      2w sbh              2w sbh/t                  inputs
//! inputs of the two cut layers               2w sbh      2w sbh              2w sbh/t                  entered
//! q, k, v                                    3w sbh      3w sbh/t            3w sbh/t                  projected
//! what the heads put out                      w sbh       w sbh/t             w sbh/t                  attended
//! the MLP's hidden elements, before
//! and after the activation                   8w sbh      8w sbh/t            8w sbh/t                  hidden
//! masks of two dropouts                      2  sbh      2  sbh              2  sbh/t                  —
//! shares, after dropout, and its mask        (2w+1) as²b (2w+1) as²b/t       (2w+1) as²b/t             —
//! statistics of the norms                    —           —                   —                         statistics
//! log-sum-exp of the scores                  —           —                   —                         lse
//!                              together:     sbh(16w+2)  sbh(4w+2 + 12w/t)   sbh(16w+2)/t
//! ```
//!
//! With w = 2 the last line is theirs: 34 sbh; sbh(10 + 24/t); 34 sbh/t; and 5 as²b of shares, over t where
//! heads are shared out. Here differs: flash attention keeps lse, w asb, in place of the shares; this block
//! has no dropout, so there are no masks; and the statistics of a norm, 2 numbers of each token (RMSNorm: 1),
//! are counted. So where all divides, in elements:
//!
//! ```text
//! tensor parallel               sb(h(4 + 12/t) + 4 + a/t)
//! sequence parallel too         sb(16h + 4 + a)/t              t ranks keep together what one rank would
//! ```

use super::{BlockSizes, Edges, Keep};
use crate::Result;
use crate::heads::HeadMap;
use collectives::Layout;

/// Elements that one rank keeps of a block: the sum is what [`Saved::bytes`](super::block::Saved::bytes)
/// counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The two norms' inputs: of the tokens that the rank has outside.
    pub inputs: usize,
    /// The norms' statistics, of the same tokens.
    pub statistics: usize,
    /// The inputs of attention and network: of the same tokens, or of all, as the edges say.
    pub entered: usize,
    /// Queries, keys and values of the rank's heads.
    pub projected: usize,
    /// What its heads put out.
    pub attended: usize,
    /// The log-sum-exp of its heads' scores.
    pub lse: usize,
    /// Its hidden elements: two arrays of an MLP, three of SwiGLU.
    pub hidden: usize,
}

impl Terms {
    /// Those of rank `rank`, for B sequences of T tokens.
    ///
    /// ```
    /// use layers::multi_head::Sizes;
    /// use parallel::tensor::{BlockSizes, Edges, Keep, memory::Terms};
    ///
    /// let (s, h, a, t) = (2048, 4096, 32, 8);
    /// let attention = Sizes { dim: h, heads: a, kv_heads: a, head_dim: h / a };
    /// let block = BlockSizes { attention, hidden: 4 * h, gated: false, centred: true, biases: true };
    /// let one = Terms::of(&block, (1, s), Edges::AllReduce, 1, 0)?.total();
    /// let tensor = Terms::of(&block, (1, s), Edges::AllReduce, t, 0)?.total();
    /// let edges = Edges::GatherScatter { tokens: s, keep: Keep::Shard };
    /// let sequence = Terms::of(&block, (1, s), edges, t, 0)?.total();
    /// assert_eq!(one, s * (16 * h + 4 + a));
    /// assert_eq!(tensor, s * (4 * h + 12 * h / t + 4 + a / t));
    /// assert_eq!(sequence, one / t);
    /// # Ok::<(), parallel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or G doesn't divide H.
    pub fn of(
        block: &BlockSizes,
        (batch, tokens): (usize, usize),
        edges: Edges,
        ranks: usize,
        rank: usize,
    ) -> Result<Terms> {
        let sizes = block.attention;
        let map = HeadMap::new(sizes.heads, sizes.kv_heads, ranks)?;
        let (heads, kv_heads) = (map.heads(rank).len(), map.kv_heads(rank).len());
        let hidden = Layout::even(block.hidden, ranks).len(rank);
        let (all, outside) = (batch * tokens, batch * edges.own(tokens, ranks, rank));
        let entered = match edges {
            Edges::GatherScatter { keep: Keep::Whole, .. } => all,
            _ => outside,
        };
        Ok(Terms {
            inputs: 2 * outside * sizes.dim,
            statistics: 2 * outside * if block.centred { 2 } else { 1 },
            entered: 2 * entered * sizes.dim,
            projected: all * (heads + 2 * kv_heads) * sizes.head_dim,
            attended: all * heads * sizes.head_dim,
            lse: all * heads,
            hidden: all * hidden * if block.gated { 3 } else { 2 },
        })
    }

    /// All of them.
    pub fn total(&self) -> usize {
        let Terms { inputs, statistics, entered, projected, attended, lse, hidden } = *self;
        inputs + statistics + entered + projected + attended + lse + hidden
    }
}
