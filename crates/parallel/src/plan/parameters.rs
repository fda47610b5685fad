//! How many parameters a rank has.

use crate::Result;
use crate::heads::HeadMap;
use crate::tensor::BlockSizes;
use collectives::Layout;

/// Those of rank `rank`, if heads and hidden elements are cut among so many.
pub(super) fn parameters(block: &BlockSizes, ranks: usize, rank: usize) -> Result<usize> {
    let layers::multi_head::Sizes { dim, heads, kv_heads, head_dim } = block.attention;
    let map = HeadMap::new(heads, kv_heads, ranks)?;
    let (heads, kv_heads) = (map.heads(rank).len(), map.kv_heads(rank).len());
    let hidden = Layout::even(block.hidden, ranks).len(rank);
    let into = (heads + 2 * kv_heads) * head_dim + hidden * if block.gated { 2 } else { 1 };
    let out_of = heads * head_dim + hidden;
    let biases = if block.biases { into + 2 * dim } else { 0 };
    let norms = 2 * dim * if block.centred && block.biases { 2 } else { 1 };
    Ok((into + out_of) * dim + biases + norms)
}
