//! A block made by hand of the parts and edges of `parallel::tensor`, in which something can be done wrong.

use crate::case::{Case, Inputs};
use crate::outcome::{Outcome, own};
use attention::mask::{Part, Places};
use collectives::{AllGather, Communicator, Layout, Sum, World};
use layers::multi_head::{Call, Projections};
use layers::{Linear, Parameters, Threads};
use ndarray::{Array1, Array2, Array3, Axis, concatenate, s};
use parallel::tensor::{Block, Edges, Ranks, operators};

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mistake {
    /// f where f̄ belongs, and f̄ where f belongs: x is multiplied by P, and nothing is summed.
    EdgesSwapped,
    /// The gradient of x isn't summed where it entered by f.
    BackwardOfFForgotten,
    /// A bias is added by every rank, before the sum.
    BiasOfEveryRank,
    /// FateScript's `megatron_sp.py`: the attention's output is summed, and then summed and scattered.
    AttentionSummedTwice,
    /// FateScript's `megatron_sp.py`: the network gets a shard, which nobody gathered.
    NetworkWithoutGather,
    /// The gradients of a shard's parameters are averaged, not summed.
    Averaged,
    /// The norms' gradients stay those of the own tokens.
    NormsNotSummed,
    /// The gradient of y isn't gathered: weights only know the own tokens.
    GradientNotGathered,
    /// Shards are put one after the other as if there were one sequence.
    GatheredByRank,
    /// Keys of the next key-value head.
    HeadsShifted,
    /// Of the mask and of dropout, every rank takes what is said of the first heads.
    LocalHeads,
    /// Ranks with the same key-value head keep their own gradients of it.
    ReplicasNotSummed,
}

/// A block made of the parts and edges of `parallel::tensor`, in which something can be done wrong.
pub(crate) fn block_by_hand(
    case: &Case,
    inputs: &Inputs<f64>,
    mistake: Option<Mistake>,
) -> Vec<Outcome<f64>> {
    let outcomes = World::new(case.ranks).run(|comm| {
        let ranks = Ranks::for_heads(comm, case.sizes.heads, case.sizes.kv_heads)?;
        let hand = Hand { comm, ranks, edges: case.edges(), mistake };
        Ok(hand.block(case, inputs)?)
    });
    outcomes.unwrap_or_else(|error| panic!("{mistake:?} {case:?}: {error}"))
}

/// A block made by hand, as one rank runs it.
struct Hand<'a> {
    comm: &'a Communicator,
    ranks: Ranks<'a>,
    edges: Edges,
    mistake: Option<Mistake>,
}

impl Hand<'_> {
    fn block(&self, case: &Case, inputs: &Inputs<f64>) -> parallel::Result<Outcome<f64>> {
        let Hand { comm, mistake, .. } = *self;
        let mut full = inputs.block.clone();
        if mistake == Some(Mistake::HeadsShifted) {
            shift_keys(&mut full, case.sizes.head_dim);
        }
        let block = Block::from_full(&full, comm.size(), comm.rank())?;
        let call = self.call(&block, inputs.call());
        let x = own(case, &inputs.x, comm.rank());
        let (attention, network) = (&block.attention, &block.feed_forward);

        let (normed, norm_1) = block.attention_norm.forward(flat(&x), Threads::ONE)?;
        let entered = self.enter(by_sequence(normed, &x))?;
        let (partial, saved_1) = attention.part.forward(entered, &call)?;
        let twice = mistake == Some(Mistake::AttentionSummedTwice);
        let partial = if twice { operators::f_bar(comm, partial)? } else { partial };
        let h = &x + &self.leave(partial, &attention.bias)?;

        let (normed, norm_2) = block.feed_forward_norm.forward(flat(&h), Threads::ONE)?;
        let normed = by_sequence(normed, &h);
        let alone = mistake == Some(Mistake::NetworkWithoutGather);
        let entered = if alone { normed } else { self.enter(normed)? };
        let (partial, saved_2) = network.part.forward(flat(&entered), Threads::ONE)?;
        let partial = by_sequence(partial, &entered);
        let bias = network.bias.as_ref().expect("it has biases");
        let y = &h + &if alone { partial + bias } else { self.leave(partial, &network.bias)? };

        let dy = own(case, &inputs.dy, comm.rank());
        let bias_2 = Some(flat(&dy).sum_axis(Axis(0)));
        let whole = if alone { dy.clone() } else { self.leave_backward(&dy)? };
        let (partial, d_network) = network.part.backward(&saved_2, flat(&whole).view(), Threads::ONE)?;
        let partial = by_sequence(partial, &whole);
        let d_normed = if alone { partial } else { self.enter_backward(partial)? };
        let (dh, d_norm_2) =
            block.feed_forward_norm.backward(&norm_2, flat(&d_normed).view(), Threads::ONE)?;
        let dh = by_sequence(dh, &dy) + &dy;

        let bias_1 = Some(flat(&dh).sum_axis(Axis(0)));
        let whole = self.leave_backward(&dh)?;
        let (partial, d_attention) = attention.part.backward(&saved_1, whole.view(), &call)?;
        let d_normed = self.enter_backward(partial)?;
        let (dx, d_norm_1) = block.attention_norm.backward(&norm_1, flat(&d_normed).view(), Threads::ONE)?;
        let dx = by_sequence(dx, &dh) + &dh;

        let mut gradient = block.clone();
        (gradient.attention_norm, gradient.feed_forward_norm) = (d_norm_1, d_norm_2);
        (gradient.attention.part, gradient.attention.bias) = (d_attention, bias_1);
        (gradient.feed_forward.part, gradient.feed_forward.bias) = (d_network, bias_2);
        self.sum_replicas(&mut gradient)?;
        self.sum_over_shards(&mut gradient)?;
        Ok(Outcome { y, dx, gradient, sent: Default::default(), saved: 0 })
    }

    /// That of this rank's heads.
    fn call<'c>(&self, block: &Block<f64>, call: Call<'c, f64>) -> Call<'c, f64> {
        let first = match self.mistake {
            Some(Mistake::LocalHeads) => 0,
            _ => block.attention.heads.heads(self.comm.rank()).start,
        };
        let heads = block.attention.heads.heads(self.comm.size() - 1).end;
        let part = Part { first_head: first, heads, queries: Places::All, keys: Places::All };
        let mut call = call;
        call.options.mask = call.options.mask.part(part);
        call
    }

    fn enter(&self, x: Array3<f64>) -> parallel::Result<Array3<f64>> {
        match (self.mistake, self.edges) {
            (Some(Mistake::EdgesSwapped), _) => operators::f_bar(self.comm, x),
            (Some(Mistake::GatheredByRank), Edges::GatherScatter { tokens, .. }) => {
                let (batch, _, dim) = x.dim();
                let counts = self.counts(batch * dim, tokens);
                let mut whole = Array3::zeros((batch, tokens, dim));
                let (x, output) = (x.as_slice().unwrap(), whole.as_slice_mut().unwrap());
                self.comm.all_gather_v_with(AllGather::Ring, x, &counts, output)?;
                Ok(whole)
            }
            _ => Ok(self.edges.enter(&self.ranks, x.into_shared())?.to_owned()),
        }
    }

    fn enter_backward(&self, gradient: Array3<f64>) -> parallel::Result<Array3<f64>> {
        match self.mistake {
            Some(Mistake::EdgesSwapped | Mistake::BackwardOfFForgotten) => Ok(gradient),
            _ => self.edges.enter_backward(&self.ranks, gradient),
        }
    }

    fn leave(&self, partial: Array3<f64>, bias: &Option<Array1<f64>>) -> parallel::Result<Array3<f64>> {
        let bias = bias.as_ref().expect("it has biases");
        match self.mistake {
            Some(Mistake::EdgesSwapped) => Ok(partial + bias),
            Some(Mistake::BiasOfEveryRank) => self.edges.leave(&self.ranks, partial + bias),
            _ => Ok(self.edges.leave(&self.ranks, partial)? + bias),
        }
    }

    fn leave_backward(&self, gradient: &Array3<f64>) -> parallel::Result<Array3<f64>> {
        match (self.mistake, self.edges) {
            (Some(Mistake::EdgesSwapped), _) => operators::f_backward(self.comm, gradient.clone()),
            (Some(Mistake::GradientNotGathered), Edges::GatherScatter { tokens, .. }) => {
                let (batch, _, dim) = gradient.dim();
                let own = Layout::even(tokens, self.comm.size()).block(self.comm.rank());
                let mut whole = Array3::zeros((batch, tokens, dim));
                whole.slice_mut(s![.., own, ..]).assign(gradient);
                Ok(whole)
            }
            _ => Ok(self.edges.leave_backward(&self.ranks, gradient.to_shared())?.to_owned()),
        }
    }

    /// Adds up the gradients of Wk and Wv among those who have the same key-value head.
    fn sum_replicas(&self, gradient: &mut Block<f64>) -> parallel::Result<()> {
        let heads = gradient.attention.heads;
        let head = heads.kv_heads(self.comm.rank()).start;
        if heads.sharers(head).len() == 1 || self.mistake == Some(Mistake::ReplicasNotSummed) {
            return Ok(());
        }
        let sharers = self.comm.split(Some(head as u32), 0)?.expect("a color was given");
        for parameter in gradient.attention.parameters_mut() {
            if parameter.name.starts_with("k_proj") || parameter.name.starts_with("v_proj") {
                let mut values = parameter.values;
                sharers.all_reduce(values.as_slice_mut().expect("in row-major order"), &Sum)?;
            }
        }
        Ok(())
    }

    /// Adds up what only knows the own tokens.
    fn sum_over_shards(&self, gradient: &mut Block<f64>) -> parallel::Result<()> {
        let ends = ["layernorm.weight", "layernorm.bias", "o_proj.bias", "fc2.bias"];
        let of_own_tokens = |name: &str| ends.iter().any(|end| name.ends_with(end));
        let own = gradient.parameters_mut().into_iter().filter(|p| of_own_tokens(&p.name));
        let mut own: Vec<_> = own.map(|p| p.values).collect();
        assert_eq!(own.len(), 6, "two norms of weight and bias, two biases");
        if self.mistake == Some(Mistake::NormsNotSummed) {
            return Ok(());
        }
        self.edges.sum_over_shards(&self.ranks, own.iter_mut().map(|values| values.view_mut()).collect())?;
        if self.mistake == Some(Mistake::Averaged) {
            own.iter_mut().for_each(|values| *values /= self.comm.size() as f64);
        }
        Ok(())
    }

    fn counts(&self, elements: usize, tokens: usize) -> Vec<usize> {
        let layout = Layout::even(tokens, self.comm.size());
        (0..self.comm.size()).map(|rank| elements * layout.len(rank)).collect()
    }
}

/// Gives each key-value head the keys of the next one.
fn shift_keys(block: &mut layers::Block<f64>, head_dim: usize) {
    let Projections::Separate { key, .. } = &mut block.attention.inputs else {
        panic!("separate projections")
    };
    let Linear { weight, .. } = key;
    let (first, rest) = (weight.slice(s![..head_dim, ..]), weight.slice(s![head_dim.., ..]));
    *weight = concatenate(Axis(0), &[rest, first]).expect("each has dim columns");
}

/// (B, T, dim) as (B T, dim).
fn flat(x: &Array3<f64>) -> Array2<f64> {
    let (batch, tokens, dim) = x.dim();
    x.as_standard_layout()
        .into_owned()
        .into_shape_with_order((batch * tokens, dim))
        .expect("as many elements")
}

/// (B T, dim) as (B, T, dim), with B and T as those of another.
fn by_sequence(x: Array2<f64>, like: &Array3<f64>) -> Array3<f64> {
    let ((batch, tokens, _), dim) = (like.dim(), x.ncols());
    x.into_shape_with_order((batch, tokens, dim)).expect("as many elements")
}
