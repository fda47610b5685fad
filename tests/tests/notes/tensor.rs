//! What tensor and sequence parallelism send and keep, for the chapter on them.
//!
//! | generator | what |
//! |---|---|
//! | `tensor_traffic dim=4096 heads=32 kv_heads=8 head_dim=128 hidden=14336 tokens=8192 ranks=1,2` | MiB that a rank sends for a block like Llama's |
//! | `tensor_uneven dim=5 tokens=7 ranks=3` | elements that each rank sends where nothing divides |
//! | `tensor_memory tokens=2048 ranks=8` | MiB that a rank keeps of a layer, of the models of Korthikanti et al. |

use crate::heads::{number, numbers, settings};
use crate::markdown::table;
use crate::model::significant;
use collectives::Cost;
use layers::multi_head::Sizes;
use parallel::tensor::{BlockSizes, Costs, Edges, Keep};

/// Bytes of an element.
const WIDTH: usize = 2;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "tensor_traffic" => traffic(rest),
        "tensor_uneven" => uneven(rest),
        "tensor_memory" => memory(rest),
        _ => return None,
    })
}

/// The three ways, as the chapter names them.
fn ways(tokens: usize) -> [(&'static str, Edges); 3] {
    [
        ("tensor parallel", Edges::AllReduce),
        ("sequence parallel, keeping wholes", Edges::GatherScatter { tokens, keep: Keep::Whole }),
        ("keeping shards", Edges::GatherScatter { tokens, keep: Keep::Shard }),
    ]
}

fn mib(bytes: usize) -> String {
    significant(bytes as f64 / f64::from(1 << 20))
}

fn traffic(text: &str) -> Result<String, String> {
    let names = ["dim", "heads", "kv_heads", "head_dim", "hidden", "tokens", "ranks"];
    let [dim, heads, kv_heads, head_dim, hidden, tokens, ranks] = settings(text, names)?;
    let attention = Sizes {
        dim: number(dim)?,
        heads: number(heads)?,
        kv_heads: number(kv_heads)?,
        head_dim: number(head_dim)?,
    };
    let block = BlockSizes { attention, hidden: number(hidden)?, gated: true, centred: false, biases: false };
    let tokens = number(tokens)?;
    let mut rows = vec![vec!["P".to_owned(), "forward, all three".to_owned()]];
    rows[0].extend(ways(tokens).map(|(name, _)| format!("backward: {name}")));
    for ranks in numbers(ranks)? {
        // The busiest rank's bytes, forward and backward.
        let sent = |edges: Edges| -> Result<[usize; 2], String> {
            let mut most = [0; 2];
            for rank in 0..ranks {
                let costs =
                    block.costs((1, tokens), edges, ranks, rank).map_err(|error| error.to_string())?;
                most = [most[0].max(costs.forward.elements), most[1].max(costs.backward.elements)];
            }
            Ok(most.map(|elements| WIDTH * elements))
        };
        let sent: Vec<[usize; 2]> =
            ways(tokens).map(|(_, edges)| sent(edges)).into_iter().collect::<Result<_, _>>()?;
        let mut row = vec![ranks.to_string(), mib(sent[0][0])];
        if sent.iter().any(|[forward, _]| *forward != sent[0][0]) {
            return Err(format!("forward they don't send as much, on {ranks} ranks"));
        }
        row.extend(sent.iter().map(|sent| mib(sent[1])));
        rows.push(row);
    }
    Ok(table(&rows))
}

fn uneven(text: &str) -> Result<String, String> {
    let [dim, tokens, ranks] = settings(text, ["dim", "tokens", "ranks"])?;
    let (dim, tokens, ranks) = (number(dim)?, number(tokens)?, number(ranks)?);
    let mut rows = vec![vec!["elements, entering and leaving once".to_owned()]];
    rows[0].extend((0..ranks).map(|rank| format!("rank {rank}")));
    rows[0].push("all".to_owned());
    for (name, edges) in ways(tokens) {
        type Pass = fn(Costs) -> Cost;
        let passes: [(&str, Pass); 2] =
            [("forward", |costs| costs.forward), ("backward", |costs| costs.backward)];
        for (direction, pass) in passes {
            let of = |rank| {
                let x = [1, tokens, dim];
                pass(edges.enter_costs(x, ranks, rank).then(edges.leave_costs(x, ranks, rank))).elements
            };
            let mut row = vec![format!("{name}, {direction}")];
            row.extend((0..ranks).map(|rank| of(rank).to_string()));
            row.push((0..ranks).map(of).sum::<usize>().to_string());
            rows.push(row);
        }
    }
    Ok(table(&rows))
}

/// A model of Table 3 of the paper: name, heads, dim, sequences at once.
const MODELS: [(&str, usize, usize, usize); 4] = [
    ("22B", 64, 6144, 4),
    ("175B (GPT-3)", 96, 12_288, 1),
    ("530B (MT-NLG)", 128, 20_480, 1),
    ("1T", 128, 25_600, 1),
];

/// Bytes of a layer's saved activations on each of t ranks, as the paper has them: one rank, tensor, and sequence parallel.
fn korthikanti(s: usize, b: usize, h: usize, a: usize, t: usize) -> [usize; 3] {
    let (sbh, shares) = (s * b * h, 5 * a * s * s * b);
    [34 * sbh + shares, 10 * sbh + 24 * sbh / t + shares / t, 34 * sbh / t + shares / t]
}

fn memory(text: &str) -> Result<String, String> {
    let [tokens, ranks] = settings(text, ["tokens", "ranks"])?;
    let (tokens, ranks) = (number(tokens)?, number(ranks)?);
    let head = [
        "model",
        "H",
        "dim",
        "B",
        "paper: one rank",
        "tensor",
        "and sequence",
        "here: one rank",
        "tensor",
        "and sequence",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (name, heads, dim, batch) in MODELS {
        let attention = Sizes { dim, heads, kv_heads: heads, head_dim: dim / heads };
        let block = BlockSizes { attention, hidden: 4 * dim, gated: false, centred: true, biases: true };
        let here = |edges, ranks| {
            let kept = block.saved_elements((batch, tokens), edges, ranks, 0);
            kept.map(|elements| mib(WIDTH * elements)).map_err(|error| error.to_string())
        };
        let [tensor, _, sequence] = ways(tokens).map(|(_, edges)| edges);
        let mut row = vec![name.to_owned(), heads.to_string(), dim.to_string(), batch.to_string()];
        row.extend(korthikanti(tokens, batch, dim, heads, ranks).map(mib));
        row.extend([here(tensor, 1)?, here(tensor, ranks)?, here(sequence, ranks)?]);
        rows.push(row);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in ["tensor_traffic", "tensor_uneven dim=5 tokens=7", "tensor_memory tokens=x ranks=8"] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        let too_many = "tensor_traffic dim=4 heads=2 kv_heads=2 head_dim=2 hidden=4 tokens=4 ranks=4";
        assert!(generate(too_many).unwrap().unwrap_err().contains("2 query heads"));
        assert!(generate("heads_sizes").is_none());
    }

    /// 5as/h of GPT-3, as the paper says.
    #[test]
    fn shares_were_most_of_it() {
        let (_, a, h, _) = MODELS[1];
        assert_eq!(5 * a * 2048 / h, 80);
        let [one, tensor, sequence] = korthikanti(2048, 1, h, a, 8);
        assert_eq!(one, (34 + 80) * 2048 * h);
        assert_eq!((tensor, sequence), ((10 + 3 + 10) * 2048 * h, one / 8));
    }
}
