//! What ranks along two axes send, for the chapter on meshes.
//!
//! | generator | what |
//! |---|---|
//! | `mesh_cost heads=32/8/128 tokens=131072 ranks=8` | MiB along each axis, rounds and heads, for every mesh |
//! | `mesh_crossing heads=32/8/128 tokens=131072 ranks=16 machine=8` | MiB that leave a machine, by the order of the axes |
//!
//! Elements of 16 bits; the busiest rank, or machine.

use crate::heads::{number, settings};
use crate::markdown::table;
use crate::ulysses::{heads_of, mib, sent};
use collectives::Layout;
use parallel::heads::HeadMap;
use parallel::redistribute::{Heads, Redistribution};
use parallel::strategy::Sizes;
use parallel::{Placement, Strategy};

const PLACEMENT: Placement = Placement::Zigzag;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "mesh_cost" => cost(rest),
        "mesh_crossing" => crossing(rest),
        _ => return None,
    })
}

/// Ranks along the ring and along the axis of Ulysses, of all meshes that there are heads for.
fn meshes(sizes: &Sizes, ranks: usize) -> Vec<[usize; 2]> {
    let divisors = (1..=ranks.min(sizes.heads)).filter(|&ulysses| ranks.is_multiple_of(ulysses));
    divisors.map(|ulysses| [ranks / ulysses, ulysses]).collect()
}

/// A mesh, and what is needed to say what goes from whom to whom.
struct Mesh<'a> {
    sizes: &'a Sizes,
    ring: usize,
    ulysses: usize,
    map: HeadMap,
}

impl Mesh<'_> {
    fn new(sizes: &Sizes, [ring, ulysses]: [usize; 2]) -> Result<Mesh<'_>, String> {
        let map = HeadMap::new(sizes.heads, sizes.kv_heads, ulysses).map_err(|error| error.to_string())?;
        Ok(Mesh { sizes, ring, ulysses, map })
    }

    fn shard(&self, ring_rank: usize) -> Layout {
        Layout::even(PLACEMENT.count(self.sizes.tokens, self.ring, ring_rank), self.ulysses)
    }

    /// Elements sent along the axis of Ulysses, forward: queries, keys, values; and the output.
    fn along_ulysses(&self, ring_rank: usize, ulysses_rank: usize) -> usize {
        let redistribution = Redistribution { heads: self.map, tokens: self.shard(ring_rank) };
        let there = |heads| redistribution.cost_to_heads(heads, ulysses_rank).elements;
        let back = redistribution.cost_to_tokens(Heads::Query, ulysses_rank).elements;
        let Sizes { batch, head_dim, .. } = self.sizes;
        batch * head_dim * (there(Heads::Query) + 2 * there(Heads::KeyValue) + back)
    }

    /// Of these what goes to one other rank of the line.
    fn to(&self, ring_rank: usize, ulysses_rank: usize, other: usize) -> usize {
        let (tokens, own) = (self.shard(ring_rank), self.map.heads(ulysses_rank).len());
        let there =
            tokens.len(ulysses_rank) * (self.map.heads(other).len() + 2 * self.map.kv_heads(other).len());
        self.sizes.batch * self.sizes.head_dim * (there + tokens.len(other) * own)
    }

    fn strategy(&self) -> Strategy {
        Strategy::UlyssesRing { ulysses: self.ulysses, placement: PLACEMENT, both: false }
    }
}

fn cost(text: &str) -> Result<String, String> {
    let [heads, tokens, ranks] = settings(text, ["heads", "tokens", "ranks"])?;
    let (sizes, ranks) = (heads_of(heads, number(tokens)?)?, number(ranks)?);
    let head = [
        "ring x ulysses",
        "heads of a rank",
        "forward: ulysses",
        "ring",
        "together",
        "backward",
        "rounds",
        "a block of k, v",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for axes in meshes(&sizes, ranks) {
        let mesh = Mesh::new(&sizes, axes)?;
        let sent = sent(mesh.strategy(), &sizes, ranks)?;
        let most = |of: &dyn Fn(usize) -> usize| (0..ranks).map(of).max().unwrap_or(0);
        let along_ulysses = |rank: usize| mesh.along_ulysses(rank / mesh.ulysses, rank % mesh.ulysses);
        let kv_heads = most(&|rank| mesh.map.kv_heads(rank % mesh.ulysses).len());
        let shard = (0..mesh.ring).map(|rank| mesh.shard(rank).total()).max().unwrap_or(0);
        rows.push(vec![
            format!("{} x {}", mesh.ring, mesh.ulysses),
            format!("{}, {kv_heads}", most(&|rank| mesh.map.heads(rank % mesh.ulysses).len())),
            mib(most(&along_ulysses)),
            mib(most(&|rank| sent[rank].forward.elements - along_ulysses(rank))),
            mib(most(&|rank| sent[rank].forward.elements)),
            mib(most(&|rank| sent[rank].backward.elements)),
            format!("{}, {}", sent[0].forward.rounds, sent[0].backward.rounds),
            mib(2 * sizes.batch * shard * kv_heads * sizes.head_dim),
        ]);
    }
    Ok(table(&rows))
}

/// Elements that leave the busiest machine forward, if the mesh's places have these numbers in the world.
fn leaving(mesh: &Mesh<'_>, machine: usize, rank: &dyn Fn(usize, usize) -> usize) -> Result<usize, String> {
    let ranks = mesh.ring * mesh.ulysses;
    let mut out = vec![0; ranks.div_ceil(machine)];
    // The cost function numbers ranks with Ulysses last; what a place sends doesn't depend on its number.
    let sent = sent(mesh.strategy(), mesh.sizes, ranks)?;
    for ring in 0..mesh.ring {
        for ulysses in 0..mesh.ulysses {
            let here = rank(ring, ulysses) / machine;
            let others = (0..mesh.ulysses).filter(|&other| other != ulysses);
            let all: usize = others.clone().map(|other| mesh.to(ring, ulysses, other)).sum();
            if all != mesh.along_ulysses(ring, ulysses) {
                return Err("what goes to each other rank isn't what goes to all".to_owned());
            }
            let far = others.filter(|&other| rank(ring, other) / machine != here);
            out[here] += far.map(|other| mesh.to(ring, ulysses, other)).sum::<usize>();
            if rank((ring + 1) % mesh.ring, ulysses) / machine != here {
                out[here] += sent[ring * mesh.ulysses + ulysses].forward.elements - all;
            }
        }
    }
    Ok(out.into_iter().max().unwrap_or(0))
}

fn crossing(text: &str) -> Result<String, String> {
    let [heads, tokens, ranks, machine] = settings(text, ["heads", "tokens", "ranks", "machine"])?;
    let (sizes, ranks, machine) = (heads_of(heads, number(tokens)?)?, number(ranks)?, number(machine)?);
    let head = ["ring x ulysses", "ulysses last, as here", "ring last"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for axes in meshes(&sizes, ranks) {
        let mesh = Mesh::new(&sizes, axes)?;
        let [of_ring, of_ulysses] = axes;
        rows.push(vec![
            format!("{of_ring} x {of_ulysses}"),
            mib(leaving(&mesh, machine, &|ring, ulysses| ring * of_ulysses + ulysses)?),
            mib(leaving(&mesh, machine, &|ring, ulysses| ulysses * of_ring + ring)?),
        ]);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in ["mesh_cost heads=8/8/1 ranks=2", "mesh_crossing heads=8/3/1 tokens=8 ranks=4 machine=2"]
        {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
    }

    /// The sums by hand of the chapter, in T D: 16 ranks on two machines, 32 and 8 heads.
    #[test]
    fn what_leaves_a_machine_is_as_counted_by_hand() {
        let sizes = heads_of("32/8/1", 64).unwrap();
        let leaves = |axes: [usize; 2], ulysses_last: bool| {
            let mesh = Mesh::new(&sizes, axes).unwrap();
            let number = |ring, ulysses| match ulysses_last {
                true => ring * axes[1] + ulysses,
                false => ulysses * axes[0] + ring,
            };
            leaving(&mesh, 8, &number).unwrap() / sizes.tokens
        };
        assert_eq!([leaves([16, 1], true), leaves([2, 8], true), leaves([1, 16], true)], [15, 8, 24]);
        assert_eq!(leaves([2, 8], false), 20);
        assert_eq!(leaves([1, 16], false), 24, "one axis has one order");
    }

    /// In T D, for U <= G: a ring across sends 2G (R-1)/R from a machine, and Ulysses across 2 (H + G) (M-1)/M².
    #[test]
    fn what_leaves_a_machine_is_the_closed_form() {
        let machine = 4;
        for machines in [2, 4] {
            for heads in ["32/8/1", "16/16/1"] {
                let sizes = heads_of(heads, 64).unwrap();
                for ulysses in [2, 4] {
                    let axes = [machines * machine / ulysses, ulysses];
                    let mesh = Mesh::new(&sizes, axes).unwrap();
                    let leaves =
                        |rank: &dyn Fn(usize, usize) -> usize| leaving(&mesh, machine, rank).unwrap();
                    let ring_across = 2 * sizes.kv_heads * (axes[0] - 1) * sizes.tokens / axes[0];
                    assert_eq!(
                        leaves(&|ring, place| ring * ulysses + place),
                        ring_across,
                        "{heads}, {axes:?}"
                    );
                    if axes[0] <= machine {
                        let both = sizes.heads + sizes.kv_heads;
                        let ulysses_across = 2 * both * sizes.tokens * (machines - 1) / (machines * machines);
                        let number = |ring, place| place * axes[0] + ring;
                        assert_eq!(leaves(&number), ulysses_across, "{heads}, {axes:?}");
                    }
                }
            }
        }
    }
}
