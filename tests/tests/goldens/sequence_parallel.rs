//! Multi-head attention whose tokens are shared out among ranks: on 1 to 4 of them, under every strategy,
//! output and gradients are what PyTorch made on one process.

use crate::compare;
use crate::file::{self, Golden};
use crate::layers::{llama_layer, multi_head_gradients, multi_head_layer, named};
use collectives::World;
use ndarray::{Array3, Axis, Ix3};
use parallel::{Exchange, Float, Placement, SequenceParallelAttention, Strategy, gradients, multi_head};

/// The cases of the layer on one rank: PyTorch's own, but for cross-attention, and Llama's. Their 5 tokens
/// divide among no number of ranks but one; Llama's 4 query heads share 2 of keys and values.
#[test]
fn sequence_parallel_multi_head_attention_is_pytorchs() {
    let mut runs = 0;
    for golden in file::read("layers") {
        let is_cross = golden.find::<f64, Ix3>("memory").is_some();
        if ["multi_head", "llama"].contains(&golden.kind()) && !is_cross {
            runs += check::<f64>(&golden);
            check::<f32>(&golden);
        }
    }
    println!("{runs} worlds in each type");
    // On 1, 2, 3 and 4 ranks: 9 strategies without Ulysses; Ulysses and its meshes up to 4 query heads in one
    // case, 2 in three; each with both exchanges.
    let meshes = |up_to: usize| -> usize {
        let divisors = |ranks: usize| (1..=up_to).filter(|line| ranks.is_multiple_of(*line)).count();
        (1..=4).map(|ranks| 9 + 6 * divisors(ranks) + usize::from(ranks <= up_to)).sum()
    };
    assert_eq!(runs, 2 * (meshes(4) + 3 * meshes(2)));
}

/// How many worlds it took.
fn check<T: Float>(golden: &Golden) -> usize {
    let (layer, call) = match golden.kind() {
        "llama" => llama_layer::<T>(golden),
        _ => multi_head_layer::<T>(golden),
    };
    let (x, dy): (Array3<T>, Array3<T>) = (golden.tensor("x"), golden.tensor("gradient"));
    let tokens = x.dim().1;
    let mut worlds = 0;
    for ranks in 1..=4 {
        for strategy in strategies(ranks, layer.sizes.heads) {
            for exchange in [Exchange::Fused, Exchange::Separate] {
                let parts = World::new(ranks).run(|comm| {
                    let attention = SequenceParallelAttention::new(comm, strategy)?.exchange(exchange);
                    let [x, dy] = [&x, &dy].map(|whole| whole.select(Axis(1), &attention.tokens(tokens)));
                    let (y, saved) = multi_head::forward(&layer, &attention, tokens, x, &call)?;
                    let (dx, mut d) = multi_head::backward(&layer, &attention, &saved, dy.view(), &call)?;
                    gradients::sum(comm, &mut d)?;
                    Ok((y, dx, d))
                });
                let parts = parts.expect("shapes that fit");
                let mut output = Array3::zeros(x.dim());
                let mut d_x = Array3::zeros(x.dim());
                for (rank, (y, dx, _)) in parts.iter().enumerate() {
                    for (own, token) in strategy.tokens(tokens, ranks, rank).into_iter().enumerate() {
                        output.index_axis_mut(Axis(1), token).assign(&y.index_axis(Axis(1), own));
                        d_x.index_axis_mut(Axis(1), token).assign(&dx.index_axis(Axis(1), own));
                    }
                }
                let what = format!("{}, {exchange:?}, on {ranks} ranks", strategy.name());
                for (_, _, d) in &parts {
                    let mut results = vec![named("output", &output), named("d_x", &d_x)];
                    results.extend(multi_head_gradients(d));
                    compare(golden, &what, &results);
                }
                worlds += 1;
            }
        }
    }
    worlds
}

/// Every strategy that so many ranks can follow with so many query heads.
fn strategies(ranks: usize, heads: usize) -> Vec<Strategy> {
    let mut all: Vec<Strategy> = (ranks <= heads).then_some(Strategy::Ulysses).into_iter().collect();
    for placement in Placement::ALL {
        all.push(Strategy::AllGather { placement });
        for both in [false, true] {
            all.push(Strategy::Ring { placement, both });
            let lines = (1..=heads).filter(|line| ranks.is_multiple_of(*line));
            all.extend(lines.map(|ulysses| Strategy::UlyssesRing { ulysses, placement, both }));
        }
    }
    all
}
