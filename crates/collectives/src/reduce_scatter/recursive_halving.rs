//! Recursive halving reduce-scatter: swap halves with the rank opposite, then quarters, then eighths.
//!
//! ```text
//! P = 4     rank 0     rank 1     rank 2     rank 3
//! start     aaaa       bbbb       cccc       dddd
//! round 0   AA..       BB..       ..AA       ..BB        0↔2  1↔3      A = a∘c, B = b∘d
//! round 1   Σ...       .Σ..       ..Σ.       ...Σ        0↔1  2↔3      Σ = A∘B
//! ```
//!
//! Invariant: before the round for bit k an acting rank is responsible for an aligned run of 2^(k+1)
//! blocks, its own among them, and holds in it the combination of all ranks whose numbers agree with its
//! own in the bits up to k. It gives the half without its own block away.
//!
//! Where P is no power of two, some ranks act for two (see [`power`](crate::power)). The ranks that are
//! combined first are not neighbours, so the reduction must commute.
//!
//! Cost: lg P rounds and N(P-1)/P elements for powers of two, the least possible of both; otherwise
//! floor(lg P) + 2 rounds, and up to N elements more.
//!
//! Source: R. Thakur, R. Rabenseifner, W. Gropp, Optimization of Collective Communication Operations in
//! MPICH, 2005.

use crate::layout::disjoint;
use crate::peers::Peers;
use crate::power::{Fold, Role};
use crate::{Cost, Element, Layout, Reduction, Result};

pub(super) fn recursive_halving<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let fold = Fold::new(peers.size());
    let (number, stands_in_for) = match fold.role(peers.rank()) {
        Role::Idle { hands_to } => {
            peers.send(hands_to, input)?;
            return peers.recv(hands_to, output);
        }
        Role::Acting { number, stands_in_for } => (number, stands_in_for),
    };
    let mut partial = input.to_vec();
    if let Some(idle) = stands_in_for {
        peers.recv_with(idle, partial.len(), |x| op.fold_left(x, &mut partial))?;
    }
    let mut run = 0..fold.acting;
    for k in (0..fold.steps()).rev() {
        let middle = run.start + (1 << k);
        let (low, high) = (run.start..middle, middle..run.end);
        let (keep, give) = if number < middle { (low, high) } else { (high, low) };
        let partner = fold.rank_of(number ^ (1 << k));
        let given = blocks.blocks(fold.ranks_of(give));
        let kept = blocks.blocks(fold.ranks_of(keep.clone()));
        let (send, extend) = disjoint(&mut partial, given, kept);
        peers.send_recv_with(partner, send, partner, extend.len(), |x| op.fold(extend, x))?;
        run = keep;
    }
    if let Some(idle) = stands_in_for {
        peers.send(idle, &partial[blocks.block(idle)])?;
    }
    output.copy_from_slice(&partial[blocks.block(peers.rank())]);
    Ok(())
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let fold = Fold::new(blocks.parts());
    let rounds = fold.steps() + fold.fold_rounds();
    match fold.role(rank) {
        Role::Idle { .. } => Cost { messages: 1, elements: blocks.total(), rounds },
        Role::Acting { number, stands_in_for } => {
            // Everything that is not this number's own is given away once, in halves of what is left.
            let own = blocks.blocks(fold.ranks_of(number..number + 1)).len();
            let brought_back = stands_in_for.map_or(0, |idle| blocks.len(idle));
            Cost {
                messages: fold.steps() + usize::from(stands_in_for.is_some()),
                elements: blocks.total() - own + brought_back,
                rounds,
            }
        }
    }
}
