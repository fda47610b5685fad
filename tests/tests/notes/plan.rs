//! What the ways to share out a layer cost in published models, for the chapter on which to take.
//!
//! | generator | what |
//! |---|---|
//! | `plan_ways model=Llama 3 8B tokens=131072 ranks=8` | every way on so many ranks |
//! | `plan_ranks model=Llama 3 8B tokens=131072 ranks=2,4,8` | MiB sent forward and backward, by the number of ranks |
//! | `plan_tokens model=Llama 3 8B ranks=8 tokens=1024,8192` | operations for each byte sent, by the length of the sequence |
//!
//! The numbers are those of [`Layer::plan`], which `gears plan` prints. Elements of 16 bits.

use crate::checkpoints::{attention_parameters, checkpoint};
use crate::heads::{number, numbers, settings};
use crate::markdown::table;
use crate::model::significant;
use crate::ulysses::{WIDTH, mib};
use parallel::plan::{Layer, Plan, Way};
use parallel::tensor::{BlockSizes, Keep};
use parallel::{Placement, Strategy};

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "plan_ways" => ways(rest),
        "plan_ranks" => ranks(rest),
        "plan_tokens" => tokens(rest),
        _ => return None,
    })
}

fn layer(model: &str, tokens: usize) -> Result<Layer, String> {
    Ok(Layer { block: checkpoint(model)?.block()?, batch: 1, tokens })
}

/// Operations of a layer, forward, with a causal mask: four for each element of a pair's heads, two for each weight and
/// token.
fn operations(layer: &Layer) -> f64 {
    let Layer { block, batch, tokens } = *layer;
    let BlockSizes { attention, hidden, gated, .. } = block;
    let pairs = tokens as f64 * (tokens as f64 + 1.0) / 2.0;
    let weights = attention_parameters(&attention) + attention.dim * hidden * if gated { 3 } else { 2 };
    let of_pairs = 4.0 * pairs * (attention.heads * attention.head_dim) as f64;
    batch as f64 * (of_pairs + 2.0 * weights as f64 * tokens as f64)
}

/// A rank's operations, on average, for each byte that the busiest sends, forward.
fn per_byte(layer: &Layer, ranks: usize, plan: &Plan) -> String {
    let bytes = (WIDTH * plan.forward.elements) as f64;
    if bytes == 0.0 { "-".to_owned() } else { format!("{:.0}", operations(layer) / ranks as f64 / bytes) }
}

fn ways(text: &str) -> Result<String, String> {
    let [model, tokens, ranks] = settings(text, ["model", "tokens", "ranks"])?;
    let (layer, ranks) = (layer(model, number(tokens)?)?, number(ranks)?);
    let head = [
        "way",
        "sent forward",
        "backward",
        "rounds",
        "gradients",
        "kept",
        "parameters",
        "busiest",
        "operations a byte",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for way in Way::all(ranks) {
        let row = match layer.plan(way, ranks) {
            Ok(plan) => vec![
                mib(plan.forward.elements),
                mib(plan.backward.elements),
                format!("{}, {}", plan.forward.rounds, plan.backward.rounds),
                mib(plan.gradients.elements),
                mib(plan.saved),
                mib(plan.parameters),
                significant(plan.busiest * ranks as f64),
                per_byte(&layer, ranks, &plan),
            ],
            Err(_) => vec!["-".to_owned(); head.len() - 1],
        };
        rows.push([vec![way.name()], row].concat());
    }
    Ok(table(&rows))
}

/// The ways of the table over ranks, but for meshes.
fn main_ways() -> [Way; 4] {
    let placement = Placement::Zigzag;
    [
        Way::Tokens(Strategy::Ulysses),
        Way::Tokens(Strategy::Ring { placement, both: false }),
        Way::Tensor,
        Way::TensorSequence(Keep::Shard),
    ]
}

/// Elements sent forward and backward.
fn total(plan: &Plan) -> usize {
    plan.forward.elements + plan.backward.elements
}

/// The mesh of two axes that sends the least, and what it sends.
fn best_mesh(layer: &Layer, ranks: usize) -> Option<(usize, usize)> {
    let meshes = Way::all(ranks).into_iter().filter_map(|way| match way {
        Way::Tokens(Strategy::UlyssesRing { ulysses, .. }) => {
            Some((ulysses, total(&layer.plan(way, ranks).ok()?)))
        }
        _ => None,
    });
    meshes.min_by_key(|&(_, sent)| sent)
}

fn ranks(text: &str) -> Result<String, String> {
    let [model, tokens, ranks] = settings(text, ["model", "tokens", "ranks"])?;
    let (layer, ranks) = (layer(model, number(tokens)?)?, numbers(ranks)?);
    let mut rows = vec![vec!["sent forward and backward".to_owned()]];
    rows[0].extend(ranks.iter().map(|ranks| format!("P = {ranks}")));
    for way in main_ways() {
        let cell = |&ranks: &usize| layer.plan(way, ranks).map_or("-".to_owned(), |plan| mib(total(&plan)));
        rows.push([vec![way.name()], ranks.iter().map(cell).collect()].concat());
    }
    let meshes: Vec<_> = ranks.iter().map(|&ranks| best_mesh(&layer, ranks)).collect();
    let shown = |of: &dyn Fn((usize, usize)) -> String| {
        meshes.iter().map(|mesh| mesh.map_or("-".to_owned(), of)).collect::<Vec<_>>()
    };
    rows.push([vec!["the best mesh".to_owned()], shown(&|(_, sent)| mib(sent))].concat());
    rows.push(
        [vec!["its ranks along Ulysses".to_owned()], shown(&|(ulysses, _)| ulysses.to_string())].concat(),
    );
    Ok(table(&rows))
}

fn tokens(text: &str) -> Result<String, String> {
    let [model, ranks, tokens] = settings(text, ["model", "ranks", "tokens"])?;
    let (ranks, tokens) = (number(ranks)?, numbers(tokens)?);
    let mut rows = vec![vec!["operations for each byte sent".to_owned()]];
    rows[0].extend(tokens.iter().map(|tokens| format!("T = {tokens}")));
    for way in main_ways() {
        let mut row = vec![way.name()];
        for &tokens in &tokens {
            let layer = layer(model, tokens)?;
            let cell = layer.plan(way, ranks).map(|plan| per_byte(&layer, ranks, &plan));
            row.push(cell.unwrap_or_else(|_| "-".to_owned()));
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "plan_ways model=GPT-5 tokens=8 ranks=2",
            "plan_ranks model=Llama 3 8B tokens=8 ranks=x",
            "plan_ranks model=GPT-2 small tokens=8 ranks=2",
            "plan_tokens model=Llama 3 8B tokens=8 ranks=2",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
    }

    /// A token and weight make two operations, a pair of each head 4 D: at the length where both are as many, twice either.
    #[test]
    fn operations_are_of_weights_and_of_pairs() {
        let layer = layer("Llama 3 8B", 1).unwrap();
        let weights = 4096 * (2 * 32 + 2 * 8) * 128 + 3 * 4096 * 14_336;
        assert_eq!(operations(&layer), (2 * weights + 4 * 32 * 128) as f64);
        let balanced = weights / (32 * 128) - 1; // 2 weights T = 2 H D T (T + 1)
        let longer = Layer { tokens: balanced, ..layer };
        assert_eq!(operations(&longer), (4 * weights * balanced) as f64);
    }
}
