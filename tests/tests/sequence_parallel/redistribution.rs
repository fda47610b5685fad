//! The layouts of Ulysses: every element goes where it should, and the way back is the inverse and the
//! adjoint.

use collectives::{Layout, World};
use ndarray::{Array4, Axis, concatenate, s};
use parallel::heads::HeadMap;
use parallel::redistribute::{Heads, Redistribution};

/// A number that says where it stands: batch, head, token, place.
fn place(b: usize, h: usize, t: usize, d: usize) -> f64 {
    (((b * 100 + h) * 100 + t) * 100 + d) as f64
}

fn all(heads: usize, tokens: usize) -> Array4<f64> {
    Array4::from_shape_fn((2, heads, tokens, 3), |(b, h, t, d)| place(b, h, t, d))
}

/// Heads, key-value heads, tokens of each rank.
fn cases() -> Vec<(usize, usize, Vec<usize>)> {
    vec![
        (4, 2, vec![5]),
        (4, 2, vec![3, 4]),
        (9, 3, vec![4, 0, 3]),
        (7, 7, vec![2, 2, 1, 1]),
        (8, 1, vec![1, 0, 2, 5, 0]),
        (9, 3, vec![1, 2, 1, 1, 2, 1, 0, 1]),
    ]
}

#[test]
fn every_element_goes_where_it_should_and_back() {
    for (heads, kv_heads, tokens) in cases() {
        let ranks = tokens.len();
        let redistribution = Redistribution {
            heads: HeadMap::new(heads, kv_heads, ranks).unwrap(),
            tokens: Layout::of_counts(tokens),
        };
        let total = redistribution.tokens.total();
        let (query, key) = (all(heads, total), all(kv_heads, total));
        World::new(ranks)
            .run(|comm| {
                let (rank, own) = (comm.rank(), redistribution.tokens.block(comm.rank()));
                let (q, k) = (query.slice(s![.., .., own.clone(), ..]), key.slice(s![.., .., own, ..]));
                let tensors = [(Heads::Query, q), (Heads::KeyValue, k)];
                let (by_heads, three) = redistribution.to_heads(comm, &tensors, || 1 + 2)?;
                assert_eq!(three, 3, "what is computed meanwhile");
                let map = redistribution.heads;
                assert_eq!(by_heads[0], query.slice(s![.., map.heads(rank), .., ..]));
                assert_eq!(by_heads[1], key.slice(s![.., map.kv_heads(rank), .., ..]));

                let tensors = [(Heads::KeyValue, by_heads[1].view()), (Heads::Query, by_heads[0].view())];
                let back = redistribution.to_tokens(comm, &tensors)?;
                assert_eq!(back[1], q, "the inverse");
                // Of a head that several ranks have, each sends its own.
                let copies = |head| map.sharers(head).len() as f64;
                let copied = k.axis_iter(Axis(1)).enumerate().map(|(head, k)| &k * copies(head));
                let copied: Vec<_> = copied.map(|k| k.insert_axis(Axis(1))).collect();
                let copied: Vec<_> = copied.iter().map(|k| k.view()).collect();
                assert_eq!(back[0], concatenate(Axis(1), &copied).unwrap());
                Ok(())
            })
            .unwrap_or_else(|error| {
                panic!("{heads} heads, {kv_heads} key-value heads, {ranks} ranks: {error}")
            });
    }
}

/// ⟨to_heads(x), y⟩ = ⟨x, to_tokens(y)⟩, summed over ranks, in whole numbers.
#[test]
fn one_way_is_the_adjoint_of_the_other() {
    for (heads, kv_heads, tokens) in cases() {
        let ranks = tokens.len();
        let redistribution = Redistribution {
            heads: HeadMap::new(heads, kv_heads, ranks).unwrap(),
            tokens: Layout::of_counts(tokens),
        };
        let total = redistribution.tokens.total();
        for kind in [Heads::Query, Heads::KeyValue] {
            let sums = World::new(ranks).run(|comm| {
                let (rank, map) = (comm.rank(), redistribution.heads);
                let (all, own) = match kind {
                    Heads::Query => (heads, map.heads(rank).len()),
                    Heads::KeyValue => (kv_heads, map.kv_heads(rank).len()),
                };
                let number =
                    |seed: usize| move |(b, h, t, d)| ((place(b, h, t, d) as usize * 31 + seed) % 17) as f64;
                let x = Array4::from_shape_fn((2, all, redistribution.tokens.len(rank), 3), number(rank));
                let y = Array4::from_shape_fn((2, own, total, 3), number(rank + 100));
                let (there, ()) = redistribution.to_heads(comm, &[(kind, x.view())], || ())?;
                let back = redistribution.to_tokens(comm, &[(kind, y.view())])?;
                Ok(((&there[0] * &y).sum(), (&x * &back[0]).sum()))
            });
            let sums = sums.unwrap();
            let there: f64 = sums.iter().map(|sum| sum.0).sum();
            let back: f64 = sums.iter().map(|sum| sum.1).sum();
            assert_eq!(there, back, "{kind:?}, {heads} and {kv_heads} heads on {ranks} ranks");
        }
    }
}
