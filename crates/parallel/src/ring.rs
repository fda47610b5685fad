//! Ring attention: queries stay, blocks of keys and values travel; what each block contributes is merged.
//!
//! ```text
//! P = 4, rank 1          step 0   step 1   step 2   step 3
//! one direction          keys 1   keys 0   keys 3   keys 2        from the left, passed on to the right
//! both directions        keys 1   keys 0   keys 3                 from the left
//!                                 keys 2                          from the right
//! ```
//!
//! While a rank attends to the block it has, that block is already on its way to the next one, and another
//! one comes: if a block takes no longer to travel than to attend to, travelling costs nothing, forward. That is
//! so if a rank's tokens t satisfy 4 B H t² D / (operations a second) >= 2 B G t D w / (bytes a second): it
//! only has to hold enough tokens, however long the sequence is. No rank ever holds the keys of all tokens.
//!
//! The results of blocks are merged by their log-sum-exp ([`merge_attended`]): to attend to all keys is to
//! attend to some, and to others, and to weigh. A block that a rank's queries don't see is passed on and not
//! looked at.
//!
//! Backward the blocks travel again. From the output and log-sum-exp of *all* keys each rank computes the
//! part that its queries have in the block's gradient, and adds it to what the ranks before it found. That
//! sum travels one step behind its block, and from the last rank home.
//!
//! Cost: rank r sends, forward, the blocks of all ranks but one: 2(P-1)/P · B T G D elements for even shards, in
//! P-1 rounds. In both directions as many, but in ⌈(P-1)/2⌉ steps: half the time where a rank can send two
//! messages at once. Backward blocks go round as forward, under the computation, and the sums of their gradients
//! after each step: twice as much in all.
//!
//! Source: Liu, Zaharia & Abbeel, *Ring Attention with Blockwise Transformers*, 2023.

use crate::packing::append;
use crate::whole::{Keys, Whole};
use crate::{Float, Result};
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::partial::merge_attended;
use collectives::{Communicator, Cost};
use ndarray::{ArrayView4, ArrayViewMut4};

/// Blocks that travel one way round the ring.
pub(crate) struct Lane<'c> {
    /// A communicator of its own for each lane, so that both can be under way at once.
    comm: &'c Communicator,
    /// Ranks that a block travels at each step, to the right.
    step: usize,
    /// How many ranks each block visits.
    hops: usize,
}

impl<'c> Lane<'c> {
    /// One direction: every block visits all other ranks.
    pub(crate) fn one(comm: &'c Communicator) -> Vec<Lane<'c>> {
        vec![Lane { comm, step: 1, hops: comm.size() - 1 }]
    }

    /// Both directions: every block visits half of the others to its right, and the other half to its left.
    pub(crate) fn both(right: &'c Communicator, left: &'c Communicator) -> Vec<Lane<'c>> {
        let others = right.size() - 1;
        vec![
            Lane { comm: right, step: 1, hops: others.div_ceil(2) },
            Lane { comm: left, step: right.size() - 1, hops: others / 2 },
        ]
    }

    /// The rank so many hops ahead.
    fn ahead(&self, hops: usize) -> usize {
        (self.comm.rank() + hops * self.step) % self.comm.size()
    }

    /// The rank so many hops behind: the owner of the block that is here after as many.
    fn behind(&self, hops: usize) -> usize {
        (self.comm.rank() + hops * (self.comm.size() - self.step)) % self.comm.size()
    }
}

/// Who travels with what.
pub(crate) struct Ring<'a> {
    lanes: Vec<Lane<'a>>,
    /// Of each rank, in ascending order.
    tokens: &'a [Vec<usize>],
    /// B, G, D, E.
    sizes: [usize; 4],
}

impl<'a> Ring<'a> {
    pub(crate) fn new<T>(
        lanes: Vec<Lane<'a>>,
        tokens: &'a [Vec<usize>],
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
    ) -> Ring<'a> {
        let (batch, kv_heads, _, head_dim) = key.dim();
        Ring { lanes, tokens, sizes: [batch, kv_heads, head_dim, value.dim().3] }
    }

    /// The attention of this rank's queries over the keys of all ranks.
    #[track_caller]
    pub(crate) fn forward<T: Float>(
        &self,
        whole: &Whole<'_, '_, T>,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
    ) -> Result<Attended<T>> {
        let own = &self.tokens[self.rank()];
        let mut attended = None;
        let mut held = self.departing(key, value);
        for step in 0..=self.last_step() {
            let mut compute = || {
                let Some(Attended { output, lse }) = &mut attended else {
                    attended = Some(whole.forward(own, query, Keys { tokens: own, key, value })?);
                    return Ok(());
                };
                for (_, keys) in self.blocks(step, &held) {
                    if whole.sees_any(own, query, keys)? {
                        let new = whole.forward(own, query, keys)?;
                        merge_attended(output.view_mut(), lse.view_mut(), new.output.view(), new.lse.view())?;
                    }
                }
                Ok(())
            };
            held = self.pass_on(&self.lanes, step, &held, &mut compute)?;
        }
        Ok(attended.expect("there is a first step"))
    }

    /// The gradients of this rank's queries, and of its keys and values by the queries of all ranks.
    /// `upstream` is that of the attention over all keys.
    #[track_caller]
    pub(crate) fn backward<T: Float>(
        &self,
        whole: &Whole<'_, '_, T>,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
    ) -> Result<Gradients<T>> {
        let own = &self.tokens[self.rank()];
        let mut gradients = None;
        let mut held = self.departing(key, value);
        // For each lane the sum of the gradients of the block that comes next, by the ranks that had it.
        let mut sums: Vec<Vec<T>> = vec![Vec::new(); self.lanes.len()];
        for step in 0..=self.last_step() {
            let mut compute = || {
                let Some(Gradients { query: d_query, .. }) = &mut gradients else {
                    let keys = Keys { tokens: own, key, value };
                    gradients = Some(whole.backward(own, query, keys, upstream.view())?);
                    return Ok(());
                };
                for (lane, keys) in self.blocks(step, &held) {
                    let sum = &mut sums[lane];
                    sum.resize(keys.key.len() + keys.value.len(), T::zero()); // of nobody, in the first step
                    if whole.sees_any(own, query, keys)? {
                        let new = whole.backward(own, query, keys, upstream.view())?;
                        *d_query += &new.query;
                        let [d_key, d_value] = self.unpacked_mut(keys.tokens.len(), sum);
                        add(d_key, new.key.view());
                        add(d_value, new.value.view());
                    }
                }
                Ok(())
            };
            held = self.pass_on(&self.lanes, step, &held, &mut compute)?;
            let gradients = gradients.as_mut().expect("the first step makes them");
            for (lane, sum) in self.lanes.iter().zip(&mut sums) {
                self.pass_sum_on(lane, step, sum, gradients)?;
            }
        }
        Ok(gradients.expect("there is a first step"))
    }

    /// Sends what a lane holds to the next rank and takes what the one before holds, while `compute` runs.
    #[track_caller]
    fn pass_on<T: Float>(
        &self,
        lanes: &[Lane<'_>],
        step: usize,
        held: &[Vec<T>],
        compute: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Vec<T>>> {
        let Some((lane, others)) = lanes.split_first() else { return compute().map(|()| Vec::new()) };
        let mut arriving = Vec::new();
        let mut rest = if step < lane.hops {
            arriving = vec![T::zero(); self.block_size(lane.behind(step + 1))];
            lane.comm.send_recv_during(lane.ahead(1), &held[0], lane.behind(1), &mut arriving, || {
                self.pass_on(others, step, &held[1..], compute)
            })??
        } else {
            self.pass_on(others, step, &held[1..], compute)?
        };
        rest.insert(0, arriving);
        Ok(rest)
    }

    /// Sends the sum of a block's gradients after the block, and takes the next one's; after the last step
    /// sends it home, and adds what comes home to the gradients of the rank's own.
    #[track_caller]
    fn pass_sum_on<T: Float>(
        &self,
        lane: &Lane<'_>,
        step: usize,
        sum: &mut Vec<T>,
        gradients: &mut Gradients<T>,
    ) -> Result<()> {
        if step == 0 || step > lane.hops {
            return Ok(());
        }
        if step < lane.hops {
            let mut next = vec![T::zero(); self.block_size(lane.behind(step + 1))];
            lane.comm.send_recv(lane.ahead(1), sum, lane.behind(1), &mut next)?;
            *sum = next;
            return Ok(());
        }
        let mut own = vec![T::zero(); self.block_size(self.rank())];
        lane.comm.send_recv(lane.behind(step), sum, lane.ahead(step), &mut own)?;
        let [d_key, d_value] = self.unpacked(self.tokens[self.rank()].len(), &own);
        gradients.key += &d_key;
        gradients.value += &d_value;
        Ok(())
    }

    /// What each lane holds before the first step: this rank's own block, where it has anywhere to go.
    fn departing<T: Float>(&self, key: ArrayView4<'_, T>, value: ArrayView4<'_, T>) -> Vec<Vec<T>> {
        let block = |lane: &Lane<'_>| match lane.hops {
            0 => Vec::new(),
            _ => {
                let mut block = Vec::with_capacity(key.len() + value.len());
                append(&mut block, key);
                append(&mut block, value);
                block
            }
        };
        self.lanes.iter().map(block).collect()
    }

    /// The blocks of other ranks that are here in this step, with their lanes.
    fn blocks<'b, T>(
        &'b self,
        step: usize,
        held: &'b [Vec<T>],
    ) -> impl Iterator<Item = (usize, Keys<'b, T>)> {
        let here = move |(_, (lane, _)): &(usize, (&Lane<'_>, _))| (1..=lane.hops).contains(&step);
        self.lanes.iter().zip(held).enumerate().filter(here).map(move |(index, (lane, block))| {
            let tokens = &self.tokens[lane.behind(step)];
            let [key, value] = self.unpacked(tokens.len(), block);
            (index, Keys { tokens, key, value })
        })
    }

    /// The last step of the longest lane.
    fn last_step(&self) -> usize {
        self.lanes.iter().map(|lane| lane.hops).max().unwrap_or(0)
    }

    fn rank(&self) -> usize {
        self.lanes[0].comm.rank()
    }

    /// Elements of a rank's keys and values.
    fn block_size(&self, rank: usize) -> usize {
        let [batch, kv_heads, head_dim, value_dim] = self.sizes;
        batch * kv_heads * self.tokens[rank].len() * (head_dim + value_dim)
    }

    /// Keys (B, G, tokens, D) and values (B, G, tokens, E).
    fn unpacked<'b, T>(&self, tokens: usize, block: &'b [T]) -> [ArrayView4<'b, T>; 2] {
        let [batch, kv_heads, head_dim, value_dim] = self.sizes;
        let (keys, values) = block.split_at(batch * kv_heads * tokens * head_dim);
        [(keys, head_dim), (values, value_dim)].map(|(part, dim)| {
            ArrayView4::from_shape((batch, kv_heads, tokens, dim), part).expect("as many elements")
        })
    }

    fn unpacked_mut<'b, T>(&self, tokens: usize, block: &'b mut [T]) -> [ArrayViewMut4<'b, T>; 2] {
        let [batch, kv_heads, head_dim, value_dim] = self.sizes;
        let (keys, values) = block.split_at_mut(batch * kv_heads * tokens * head_dim);
        [(keys, head_dim), (values, value_dim)].map(|(part, dim)| {
            ArrayViewMut4::from_shape((batch, kv_heads, tokens, dim), part).expect("as many elements")
        })
    }
}

/// What rank `rank` sends forward, if blocks hold so many elements; backward it sends that, and the
/// [sums](cost_of_sums). `directions` is 1 or 2. Rounds are counted for ranks that send one message at a time.
pub(crate) fn cost(blocks: &[usize], rank: usize, directions: usize) -> Cost {
    let others = blocks.len() - 1;
    let (right, left) = if directions == 1 { (others, 0) } else { (others.div_ceil(2), others / 2) };
    // In step s it passes on the block of the rank s behind.
    let to_right = (0..right).map(|step| blocks[(rank + blocks.len() - step) % blocks.len()]);
    let to_left = (0..left).map(|step| blocks[(rank + step) % blocks.len()]);
    Cost { messages: others, elements: to_right.chain(to_left).sum(), rounds: others }
}

/// What rank `rank` sends backward besides the blocks: the sums of gradients.
pub(crate) fn cost_of_sums(blocks: &[usize], rank: usize, directions: usize) -> Cost {
    let others = blocks.len() - 1;
    let (right, left) = if directions == 1 { (others, 0) } else { (others.div_ceil(2), others / 2) };
    // After step s, from 1 on, it sends on the sum of the block that was here.
    let to_right = (1..=right).map(|step| blocks[(rank + blocks.len() - step) % blocks.len()]);
    let to_left = (1..=left).map(|step| blocks[(rank + step) % blocks.len()]);
    Cost { messages: others, elements: to_right.chain(to_left).sum(), rounds: others }
}

fn add<T: Float>(mut to: ArrayViewMut4<'_, T>, x: ArrayView4<'_, T>) {
    to += &x;
}
