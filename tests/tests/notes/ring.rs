//! What ring attention does in each step and what it sends, for the chapter on it.
//!
//! | generator | what |
//! |---|---|
//! | `ring_pairs tokens=32 ranks=4 placements=contiguous,zigzag` | pairs that a causal mask leaves each rank in each step |
//! | `ring_balance shard=128 ranks=2,4,8` | useful work, of what the steps take, by placement |
//! | `ring_cost heads=32/8/128 tokens=131072 ranks=2,4,8` | MiB sent, rounds, and MiB of keys and values held |
//! | `ring_overlap heads=32/32/128,32/8/128 rates=989e12/450e9,989e12/50e9` | tokens of a rank from which a block is there in time |
//!
//! Elements of 16 bits.

use crate::heads::{number, numbers, settings};
use crate::markdown::table;
use crate::ulysses::{WIDTH, heads_of, mib, sent};
use attention::mask::{Part, Places};
use attention::{Mask, Shape};
use parallel::strategy::{Sent, Sizes};
use parallel::{Placement, Strategy};

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "ring_pairs" => pairs(rest),
        "ring_balance" => balance(rest),
        "ring_cost" => cost(rest),
        "ring_overlap" => overlap(rest),
        _ => return None,
    })
}

fn placement(name: &str) -> Result<Placement, String> {
    let found = Placement::ALL.into_iter().find(|placement| placement.name() == name);
    found.ok_or_else(|| format!("no placement `{name}`"))
}

fn shape(queries: usize, keys: usize, sizes: &Sizes) -> Shape {
    let &Sizes { batch, heads, kv_heads, head_dim, .. } = sizes;
    Shape { batch, heads, kv_heads, queries, keys, head_dim, value_dim: head_dim }
}

/// Pairs that the queries of a rank see of the block that it has in each step, with a causal mask: asked of the mask.
fn causal_pairs(placement: Placement, tokens: usize, ranks: usize, rank: usize) -> Vec<usize> {
    let of = |rank: usize| placement.tokens(tokens, ranks, rank);
    let queries = of(rank);
    let one = Sizes { batch: 1, tokens, heads: 1, kv_heads: 1, head_dim: 1 };
    let pairs = |step: usize| {
        let keys = of((rank + ranks - step) % ranks);
        let [queries_at, keys_at] = [&queries, &keys].map(|at| Places::Some { at, of: tokens });
        let part = Part { first_head: 0, heads: 1, queries: queries_at, keys: keys_at };
        let mask = Mask::<f64>::causal().part(part);
        let resolved = mask.resolve(&shape(queries.len(), keys.len(), &one)).expect("a mask of these sizes");
        resolved.rows().iter().map(|row| row.keys.len()).sum()
    };
    (0..ranks).map(pairs).collect()
}

fn pairs(text: &str) -> Result<String, String> {
    let [tokens, ranks, placements] = settings(text, ["tokens", "ranks", "placements"])?;
    let (tokens, ranks) = (number(tokens)?, number(ranks)?);
    let mut tables = Vec::new();
    for name in placements.split(',') {
        let steps: Vec<Vec<usize>> = (0..ranks)
            .map(|rank| placement(name).map(|p| causal_pairs(p, tokens, ranks, rank)))
            .collect::<Result<_, _>>()?;
        let mut rows = vec![vec![format!("{name}: pairs")]];
        rows[0].extend((0..ranks).map(|step| format!("step {step}")));
        rows[0].push("together".to_owned());
        let line = |title: String, steps: &[usize]| {
            let together: usize = steps.iter().sum();
            [vec![title], steps.iter().map(usize::to_string).collect(), vec![together.to_string()]].concat()
        };
        for (rank, steps) in steps.iter().enumerate() {
            rows.push(line(format!("rank {rank}"), steps));
        }
        rows.push(line("the busiest".to_owned(), &slowest(&steps)));
        tables.push(table(&rows));
    }
    Ok(tables.join("\n"))
}

/// What the busiest rank does in each step.
fn slowest(steps: &[Vec<usize>]) -> Vec<usize> {
    let busiest = |step: usize| steps.iter().map(|steps| steps[step]).max().unwrap_or(0);
    (0..steps.len()).map(busiest).collect()
}

/// Useful work, of what the steps take if each lasts as long as on its busiest rank.
fn efficiency(placement: Placement, tokens: usize, ranks: usize) -> f64 {
    let steps: Vec<Vec<usize>> =
        (0..ranks).map(|rank| causal_pairs(placement, tokens, ranks, rank)).collect();
    let useful: usize = steps.iter().flatten().sum();
    useful as f64 / (ranks * slowest(&steps).iter().sum::<usize>()) as f64
}

fn balance(text: &str) -> Result<String, String> {
    let [shard, ranks] = settings(text, ["shard", "ranks"])?;
    let shard = number(shard)?;
    let mut rows = vec![vec!["P".to_owned(), "P / (2P - 1)".to_owned()]];
    rows[0].extend(Placement::ALL.map(|placement| placement.name().to_owned()));
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    for ranks in numbers(ranks)? {
        let mut row = vec![ranks.to_string(), percent(ranks as f64 / (2 * ranks - 1) as f64)];
        row.extend(Placement::ALL.map(|placement| percent(efficiency(placement, shard * ranks, ranks))));
        rows.push(row);
    }
    Ok(table(&rows))
}

fn cost(text: &str) -> Result<String, String> {
    let [heads, tokens, ranks] = settings(text, ["heads", "tokens", "ranks"])?;
    let sizes = heads_of(heads, number(tokens)?)?;
    let head = [
        "P",
        "sent forward",
        "backward",
        "rounds",
        "both ways: steps",
        "held: ring",
        "both ways",
        "all-gather",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for ranks in numbers(ranks)? {
        let placement = Placement::Zigzag;
        // Sent by the busiest rank, and rounds, forward and backward.
        let busiest = |strategy| -> Result<([String; 2], String), String> {
            let sent = sent(strategy, &sizes, ranks)?;
            let most = |of: fn(&Sent) -> usize| sent.iter().map(of).max().unwrap_or(0);
            let bytes = [most(|sent| sent.forward.elements), most(|sent| sent.backward.elements)].map(mib);
            let rounds = [most(|sent| sent.forward.rounds), most(|sent| sent.backward.rounds)];
            Ok((bytes, format!("{}, {}", rounds[0], rounds[1])))
        };
        let ring = busiest(Strategy::Ring { placement, both: false })?;
        let both = busiest(Strategy::Ring { placement, both: true })?;
        let gather = busiest(Strategy::AllGather { placement })?;
        if ring != gather || ring != both {
            return Err(format!("on {ranks} ranks they differ: {ring:?}, {both:?}, {gather:?}"));
        }
        let (bytes, rounds) = ring;
        let of_tokens = |tokens: usize| 2 * tokens * sizes.kv_heads * sizes.head_dim;
        let shard = (0..ranks).map(|rank| placement.count(sizes.tokens, ranks, rank)).max().unwrap_or(0);
        // A lane has a block that is here and one that arrives; two ranks have no use for a second lane.
        let held = [2, 4].map(|blocks: usize| mib(of_tokens(blocks.min(2 * (ranks - 1)) * shard)));
        // Each lane carries blocks half of the way round.
        let steps = (ranks - 1).div_ceil(2);
        let steps = format!("{steps}, {}", 2 * steps);
        let row = [vec![ranks.to_string()], bytes.to_vec(), vec![rounds, steps], held.to_vec()].concat();
        rows.push([row, vec![mib(of_tokens(sizes.tokens))]].concat());
    }
    Ok(table(&rows))
}

/// The fewest tokens of a rank whose attention to a block takes as long as the block to arrive. Both grow with them, the
/// one as the square.
fn hidden_from(sizes: &Sizes, operations: f64, bytes: f64) -> usize {
    let in_time = |tokens: usize| {
        let block = 2 * sizes.batch * sizes.kv_heads * tokens * sizes.head_dim;
        shape(tokens, tokens, sizes).flops() as f64 / operations >= (WIDTH * block) as f64 / bytes
    };
    let mut above = 1;
    while !in_time(above) {
        above *= 2;
    }
    let (mut below, mut above) = (above / 2, above);
    while below + 1 < above {
        let middle = usize::midpoint(below, above);
        if in_time(middle) { above = middle } else { below = middle }
    }
    above
}

fn overlap(text: &str) -> Result<String, String> {
    let [heads, rates] = settings(text, ["heads", "rates"])?;
    let all: Vec<Sizes> = heads.split(',').map(|heads| heads_of(heads, 0)).collect::<Result<_, _>>()?;
    let mut rows = vec![vec!["operations a second, bytes a second".to_owned()]];
    rows[0].extend(all.iter().map(|sizes| format!("H = {}, G = {}", sizes.heads, sizes.kv_heads)));
    for rate in rates.split(',') {
        let numbers =
            rate.split_once('/').and_then(|(a, b)| Some((a.parse::<f64>().ok()?, b.parse::<f64>().ok()?)));
        let (operations, bytes) = numbers.ok_or_else(|| format!("can't read the rates `{rate}`"))?;
        let mut row = vec![format!("{}, {}", power(operations), power(bytes))];
        row.extend(all.iter().map(|sizes| hidden_from(sizes, operations, bytes).to_string()));
        rows.push(row);
    }
    Ok(table(&rows))
}

/// `9.89e14` as `989 T`.
fn power(x: f64) -> String {
    let (unit, factor) = if x >= 1e12 { ("T", 1e12) } else { ("G", 1e9) };
    format!("{} {unit}", crate::model::significant(x / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "ring_pairs tokens=8 ranks=2 placements=random",
            "ring_balance shard=8",
            "ring_cost heads=8/8 tokens=8 ranks=2",
            "ring_overlap heads=8/8/1 rates=1e9",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
    }

    /// Every pair that the mask leaves is in one step of one rank.
    #[test]
    fn no_pair_is_missing_or_twice() {
        for placement in Placement::ALL {
            for (tokens, ranks) in [(16, 4), (13, 3), (3, 5), (7, 1)] {
                let all: usize =
                    (0..ranks).flat_map(|rank| causal_pairs(placement, tokens, ranks, rank)).sum();
                assert_eq!(all, tokens * (tokens + 1) / 2, "{placement:?}, {tokens} tokens on {ranks} ranks");
            }
        }
    }

    /// t = G w F / (2 H b), as the chapter derives it.
    #[test]
    fn the_overlap_condition_is_the_closed_form() {
        for (heads, operations, bytes) in
            [("32/8/128", 989e12, 50e9), ("16/16/64", 2e11, 3e9), ("9/3/64", 5e10, 1e9)]
        {
            let sizes = heads_of(heads, 0).unwrap();
            let closed = (sizes.kv_heads * WIDTH) as f64 * operations / (2.0 * sizes.heads as f64 * bytes);
            assert_eq!(hidden_from(&sizes, operations, bytes), closed.ceil() as usize, "{heads}");
        }
    }
}
