//! The layers that a block is made of, and those around blocks; cutting them, and putting them together
//! again.

use crate::case::{Case, Inputs, Way, random, some_cases};
use crate::outcome::{is_near, own};
use collectives::{Layout, World};
use layers::{Linear, Parameters, Threads};
use ndarray::{Array1, Array2, Array3, Axis, Slice, s};
use parallel::Float;
use parallel::tensor::{
    Attention, Block, ColumnParallel, Embedding, FeedForward, Ranks, RowParallel, cross_entropy,
};
use proptest::prelude::*;

/// (B, T, dim) as (B T, dim).
fn flat<T: Clone>(x: &Array3<T>) -> Array2<T> {
    let (b, t, dim) = x.dim();
    x.to_owned().into_shape_with_order((b * t, dim)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// A layer by its outputs, then one by its inputs: each alone, and put together again.
    #[test]
    fn columns_and_rows_are_the_layer(
        ranks in 1..=8_usize,
        (batch, tokens, inputs, outputs) in (0..3_usize, 0..10_usize, 1..9_usize, 0..9_usize),
        biases in prop::bool::ANY,
        way in prop::sample::select(Way::ALL.to_vec()),
        seed: u64,
    ) {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let layer = Linear::<f64>::random(inputs, outputs, biases, rng);
        let (x, dy) = (random((batch, tokens, inputs), rng), random((batch, tokens, outputs), rng));
        let (y, saved) = layer.forward(flat(&x), Threads::ONE).unwrap();
        let (dx, gradient) = layer.backward(&saved, flat(&dy).view(), Threads::ONE).unwrap();
        let y: Array3<f64> = y.into_shape_with_order((batch, tokens, outputs)).unwrap();
        let dx: Array3<f64> = dx.into_shape_with_order((batch, tokens, inputs)).unwrap();
        let edges = way.edges(tokens);

        World::new(ranks).strict(seed.is_multiple_of(2)).run(|comm| {
            let (ranks, rank) = (Ranks::new(comm), comm.rank());
            let tokens = match way {
                Way::Tensor => Slice::from(..),
                _ => Slice::from(Layout::even(tokens, comm.size()).block(rank)),
            };
            let outside = |x: &Array3<f64>| x.slice_axis(Axis(1), tokens).to_owned();
            let of = |x: &Array3<f64>, length| {
                x.slice_axis(Axis(2), Slice::from(Layout::even(length, comm.size()).block(rank))).to_owned()
            };

            let columns = ColumnParallel::from_full(&layer, comm.size(), rank);
            let (own, saved) = columns.forward(&ranks, edges, outside(&x), Threads::ONE)?;
            is_near(&own, &of(&y, outputs), 1e-12).unwrap();
            let (own, d) = columns.backward(&ranks, edges, saved, of(&dy, outputs).view(), Threads::ONE)?;
            is_near(&own, &outside(&dx), 1e-12).unwrap();
            is_near(&d.to_full(&ranks)?.weight, &gradient.weight, 1e-12).unwrap();
            let expected = ColumnParallel::from_full(&gradient, comm.size(), rank);
            for (own, expected) in d.parameters().into_iter().zip(expected.parameters()) {
                is_near(&own.values, &expected.values, 1e-12).unwrap();
            }
            assert_eq!(columns.to_full(&ranks)?, layer);

            let rows = RowParallel::from_full(&layer, comm.size(), rank);
            let (own, saved) = rows.forward(&ranks, edges, of(&x, inputs), Threads::ONE)?;
            is_near(&own, &outside(&y), 1e-12).unwrap();
            let (own, d) = rows.backward(&ranks, edges, saved, outside(&dy), Threads::ONE)?;
            is_near(&own, &of(&dx, inputs), 1e-12).unwrap();
            let expected = RowParallel::from_full(&gradient, comm.size(), rank);
            for (own, expected) in d.parameters().into_iter().zip(expected.parameters()) {
                is_near(&own.values, &expected.values, 1e-12).unwrap();
            }
            assert_eq!(rows.to_full(&ranks)?, layer);
            Ok(())
        }).unwrap();
    }

    /// A token that comes twice adds twice; ranks without a row of their own take part.
    #[test]
    fn the_embedding_is_the_table(
        ranks in 1..=8_usize,
        (batch, tokens, vocabulary, dim) in (0..3_usize, 0..10_usize, 1..12_usize, 1..5_usize),
        way in prop::sample::select(Way::ALL.to_vec()),
        seed: u64,
    ) {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let table: Array2<f64> = random((vocabulary, dim), rng);
        let dy: Array3<f64> = random((batch, tokens, dim), rng);
        let ids = Array2::from_shape_simple_fn((batch, tokens), || rng.usize(..vocabulary));
        let y = Array3::from_shape_fn((batch, tokens, dim), |(b, t, d)| table[(ids[(b, t)], d)]);
        let mut gradient = Array2::zeros((vocabulary, dim));
        for ((b, t, d), dy) in dy.indexed_iter() {
            gradient[(ids[(b, t)], d)] += dy;
        }
        World::new(ranks).strict(seed.is_multiple_of(2)).run(|comm| {
            let (ranks, edges) = (Ranks::new(comm), way.edges(tokens));
            let own = match way {
                Way::Tensor => Slice::from(..),
                _ => Slice::from(Layout::even(tokens, comm.size()).block(comm.rank())),
            };
            let embedding = Embedding::from_full(table.view(), comm.size(), comm.rank());
            let (got, saved) = embedding.forward(&ranks, edges, ids.view())?;
            assert_eq!(got, y.slice_axis(Axis(1), own), "to the last bit");
            let d = embedding.backward(&ranks, edges, saved, dy.slice_axis(Axis(1), own).to_owned())?;
            is_near(&d.to_full(&ranks)?, &gradient, 1e-12).unwrap();
            assert_eq!(embedding.to_full(&ranks)?, table);
            Ok(())
        }).unwrap();
    }

    /// Nobody has all logits of a token, and the loss is that of all.
    #[test]
    fn the_loss_is_that_of_all_logits(
        ranks in 1..=8_usize,
        (tokens, vocabulary) in (0..10_usize, 1..20_usize),
        size in prop::sample::select(vec![1.0, 30.0, 1e4]),
        seed: u64,
    ) {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let logits: Array2<f64> = random((tokens, vocabulary), rng) * size;
        let targets: Vec<usize> = (0..tokens).map(|_| rng.usize(..vocabulary)).collect();
        let world = World::new(ranks).strict(seed.is_multiple_of(2));
        is_the_loss(world, ranks, &logits, &targets, 1e-12);
    }
}

/// Against the formula, relative to the greatest logit of each token.
fn is_the_loss<T: Float>(world: World, ranks: usize, logits: &Array2<T>, targets: &[usize], tolerance: f64) {
    let (tokens, vocabulary) = logits.dim();
    let mut loss = 0.0;
    let mut gradient = Array2::<T>::zeros(logits.raw_dim());
    for ((logits, mut gradient), &target) in logits.outer_iter().zip(gradient.outer_iter_mut()).zip(targets) {
        let logits = logits.mapv(|x| x.as_f64());
        let highest = logits.fold(f64::NEG_INFINITY, |max, &x| max.max(x));
        let exp = logits.mapv(|x| (x - highest).exp());
        loss += (exp.sum().ln() + highest - logits[target]) / tokens as f64;
        let factor = 3.0 / tokens as f64;
        gradient.assign(&exp.mapv(|e| T::of(factor * e / exp.sum())));
        gradient[target] -= T::of(factor);
    }
    let parts = world.run(|comm| {
        let own = Layout::even(vocabulary, comm.size()).block(comm.rank());
        let part = logits.slice(s![.., own.clone()]).to_owned();
        let (loss, saved) =
            cross_entropy::forward(&Ranks::new(comm), part, vocabulary, targets, Threads::ONE)?;
        assert_eq!(
            saved.bytes(),
            size_of::<T>() * tokens * (own.len() + 2) + size_of::<usize>() * tokens,
            "its logits, two numbers of each token, targets"
        );
        let gradient = cross_entropy::backward(&saved, T::of(3.0), Threads::ONE);
        assert_eq!(gradient, cross_entropy::backward(&saved, T::of(3.0), Threads::new(2)));
        Ok((loss, gradient))
    });
    let parts = parts.unwrap();
    let greatest = logits.fold(1.0, |max: f64, x| max.max(x.as_f64().abs()));
    for (rank, (got, d_logits)) in parts.iter().enumerate() {
        assert_eq!(*got, parts[0].0, "the same bits on all ranks");
        let error = (got.as_f64() - loss).abs();
        assert!(error <= tolerance * greatest, "{got}, and {loss} was expected");
        let own = Layout::even(vocabulary, ranks).block(rank);
        is_near(d_logits, &gradient.slice(s![.., own]), tolerance * greatest).unwrap();
    }
}

#[test]
fn the_loss_in_f32_and_at_the_limits() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let logits: Array2<f32> = random((20, 50), rng) * 10.0;
    let targets: Vec<usize> = (0..20).map(|_| rng.usize(..50)).collect();
    is_the_loss(World::new(3), 3, &logits, &targets, 1e-6);
    // exp of these alone would overflow, or be 0; and a logit may be -inf.
    let logits = ndarray::array![[1e4_f32, -1e4, f32::NEG_INFINITY, 0.0], [-1e30, -1e30, -1e30, -1e30]];
    let of = |targets: [usize; 2]| {
        let losses = World::new(2).run(|comm| {
            let own = [s![.., ..2], s![.., 2..]][comm.rank()];
            let (loss, saved) = cross_entropy::forward(
                &Ranks::new(comm),
                logits.slice(own).to_owned(),
                4,
                &targets,
                Threads::new(2),
            )?;
            Ok((loss, cross_entropy::backward(&saved, 1.0, Threads::ONE)))
        });
        losses.unwrap()
    };
    let parts = of([0, 3]);
    assert_eq!(parts[0].0, 4_f32.ln() / 2.0);
    assert_eq!(parts[0].1, ndarray::array![[0.0, 0.0], [0.125, 0.125]]);
    assert_eq!(parts[1].1, ndarray::array![[0.0, 0.0], [0.125, -0.375]]);
    assert_eq!(of([2, 0])[1].0, f32::INFINITY, "what can't be has no probability");
    let nothing = World::new(2).run(|comm| {
        let logits = Array2::from_elem((1, 2), f32::NEG_INFINITY);
        Ok(cross_entropy::forward(&Ranks::new(comm), logits, 4, &[1], Threads::ONE)?.0)
    });
    assert!(nothing.unwrap().iter().all(|loss| loss.is_nan()), "nothing can be");
}

/// Attention and network with their own edges, and complete gradients: also those of biases after the sum.
#[test]
fn attention_and_network_alone_are_those_of_one_rank() {
    for case in some_cases() {
        let inputs = Inputs::<f64>::of(&case);
        let call = inputs.call();
        let (attention, network) = (&inputs.block.attention, &inputs.block.feed_forward);
        let (ya, saved) = attention.forward(inputs.x.clone(), &call).unwrap();
        let (dxa, da) = attention.backward(&saved, inputs.dy.view(), &call).unwrap();
        let (yn, saved) = network.forward(flat(&inputs.x), Threads::ONE).unwrap();
        let (dxn, dn) = network.backward(&saved, flat(&inputs.dy).view(), Threads::ONE).unwrap();
        let by_sequence =
            |x: Array2<f64>| -> Array3<f64> { x.into_shape_with_order(inputs.x.dim()).unwrap() };
        let (yn, dxn) = (by_sequence(yn), by_sequence(dxn));
        World::new(case.ranks)
            .strict(case.seed.is_multiple_of(2))
            .run(|comm| {
                let ranks = Ranks::for_heads(comm, case.sizes.heads, case.sizes.kv_heads)?;
                let (edges, size, rank) = (case.edges(), comm.size(), comm.rank());
                let own = |x: &Array3<f64>| own(&case, x, rank);
                let check = |what: &str, got: &Array3<f64>, right: &Array3<f64>| {
                    is_near(got, &own(right), 1e-11).unwrap_or_else(|e| panic!("{what} {e}\n{case:?}"));
                };
                let part = Attention::from_full(attention, size, rank)?;
                let (y, saved) = part.forward(&ranks, edges, own(&inputs.x), &call)?;
                let (dx, d) = part.backward(&ranks, edges, saved, own(&inputs.dy), &call)?;
                check("y", &y, &ya);
                check("dx", &dx, &dxa);
                same(&case, &d, &Attention::from_full(&da, size, rank)?);
                let part = FeedForward::from_full(network, size, rank);
                let (y, saved) = part.forward(&ranks, edges, own(&inputs.x), Threads::ONE)?;
                let (dx, d) = part.backward(&ranks, edges, saved, own(&inputs.dy), Threads::ONE)?;
                check("y", &y, &yn);
                check("dx", &dx, &dxn);
                same(&case, &d, &FeedForward::from_full(&dn, size, rank));
                Ok(())
            })
            .unwrap();
    }
}

fn same(case: &Case, got: &impl Parameters<f64>, right: &impl Parameters<f64>) {
    for (got, right) in got.parameters().iter().zip(right.parameters()) {
        is_near(&got.values, &right.values, 1e-11).unwrap_or_else(|e| panic!("{} {e}\n{case:?}", got.name));
    }
}

/// Together the parts are the whole, also where key-value heads are on several ranks; and its parameters have
/// the names of the whole's, so that checkpoints fit.
#[test]
fn what_is_cut_can_be_put_together() {
    for case in some_cases() {
        let block = Inputs::<f32>::of(&case).block;
        let wholes = World::new(case.ranks).run(|comm| {
            let ranks = Ranks::for_heads(comm, case.sizes.heads, case.sizes.kv_heads)?;
            let mut part = Block::from_full(&block, comm.size(), comm.rank())?;
            let names = |parameters: Vec<layers::Parameter<'_, f32>>| {
                parameters.into_iter().map(|p| p.name).collect::<Vec<_>>()
            };
            assert_eq!(names(part.parameters()), names(block.parameters()));
            let mutable: Vec<String> = part.parameters_mut().into_iter().map(|p| p.name).collect();
            assert_eq!(mutable, names(block.parameters()));
            Ok(part.to_full(&ranks)?)
        });
        assert!(wholes.unwrap().iter().all(|whole| *whole == block), "{case:?}");
    }
}

/// Nobody has a parameter of the cut layers that nobody else needs, but for replicas of key-value heads.
#[test]
fn parts_are_no_larger_than_their_share() {
    let layer = Linear::<f64> { weight: Array2::ones((10, 6)), bias: Some(Array1::ones(10)) };
    let counts = |ranks| -> (usize, usize) {
        let columns = (0..ranks).map(|rank| ColumnParallel::from_full(&layer, ranks, rank).count()).sum();
        (columns, (0..ranks).map(|rank| RowParallel::from_full(&layer, ranks, rank).count()).sum())
    };
    for ranks in 1..=12 {
        assert_eq!(counts(ranks), (70, 60 + 10 * ranks), "each bias after a sum is on every rank");
    }
}
