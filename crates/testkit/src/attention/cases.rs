//! Which cases the suite tries.

use super::case::{Allowed, Bias, Case, Fill, Parts};

/// All of them: the small ones, and those around the sizes of tiles.
pub fn cases() -> Vec<Case> {
    let mut cases = few();
    cases.extend(small());
    cases.extend(shapes());
    cases.extend(around_tiles());
    cases
}

/// A few in which every planted mistake shows.
pub fn few() -> Vec<Case> {
    let mut cases = Vec::new();
    for (n, mask) in masks(7, 9).into_iter().chain(masks(6, 4)).enumerate() {
        let (queries, keys) = if n < masks(7, 9).len() { (7, 9) } else { (6, 4) };
        let (heads, kv_heads) = [(4, 2), (3, 1), (2, 2), (6, 3)][n % 4];
        let case = Case::new(queries, keys).heads(1 + n % 2, heads, kv_heads).dims(1 + n % 5, 1 + n % 3);
        let dropout = (n % 3 == 1).then_some(0.25);
        let fill = if n % 6 == 2 { Fill::Ties } else { Fill::Plain };
        cases.push(Case { dropout, fill, seed: n as u64, threads: 1 + n % 2, ..case.mask(mask) });
    }
    for fill in FILLS {
        let case = Case::new(5, 40).heads(1, 2, 1).dims(8, 8);
        cases.push(Case { fill, scale: Some(0.375), threads: 2, ..case });
    }
    cases.push(Case { threads: 2, ..Case::new(130, 131).heads(1, 2, 1).dims(4, 4) });
    cases
}

/// Lengths 0, 1, 2 and 5, each with each and with every mask. Heads, dimensions, fills and options take
/// turns.
fn small() -> Vec<Case> {
    let mut cases = Vec::new();
    for queries in [0, 1, 2, 5] {
        for keys in [0, 1, 2, 5] {
            for mask in masks(queries, keys) {
                let n = cases.len();
                cases.push(varied(n, Case::new(queries, keys).mask(mask)));
            }
        }
    }
    cases
}

/// All ratios of heads, also with none of them, and dimensions of 1.
fn shapes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (heads, kv_heads) in [(1, 1), (2, 1), (2, 2), (4, 2), (6, 3), (3, 1), (8, 1), (0, 0), (0, 1)] {
        for batch in [0, 1, 2, 3] {
            for (head_dim, value_dim) in [(1, 1), (1, 4), (5, 1), (8, 8)] {
                let all = masks(4, 6);
                let mask = all[cases.len() % all.len()].clone();
                let n = cases.len();
                let case = varied(n, Case::new(4, 6).mask(mask));
                cases.push(case.heads(batch, heads, kv_heads).dims(head_dim, value_dim));
            }
        }
    }
    cases
}

/// Lengths next to those that a tile, a vector or a page may have.
fn around_tiles() -> Vec<Case> {
    let mut cases = Vec::new();
    let lengths = [15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 130];
    for (n, &queries) in lengths.iter().enumerate() {
        // Every length meets itself, 1, and one much longer or shorter.
        for keys in [queries, 1, lengths[(n + 6) % lengths.len()]] {
            for (queries, keys) in [(queries, keys), (keys, queries)] {
                let all = masks(queries, keys);
                for _ in 0..2 {
                    let n = cases.len();
                    let case = varied(n, Case::new(queries, keys).mask(all[n % all.len()].clone()));
                    cases.push(case.dims([8, 3, 16][n % 3], [8, 17, 5, 1][n % 4]).heads(1, 2, [1, 2][n % 2]));
                }
            }
        }
    }
    for (n, (queries, keys)) in
        [(200, 200), (200, 513), (513, 200), (1, 513), (513, 513)].into_iter().enumerate()
    {
        for mask in [Parts::none(), Parts::causal(keys as isize - queries as isize).window(150, 0)] {
            let case = Case::new(queries, keys).mask(mask).heads(1, 1, 1).dims(4, 4);
            cases.push(Case { fill: FILLS[n], threads: 2, ..case });
        }
    }
    // The head dimensions that models have.
    for (n, dim) in [32, 64, 80, 128].into_iter().enumerate() {
        let all = [
            Parts::none(),
            Parts::causal(0),
            Parts::causal(-3).alibi(),
            Parts::none().allowed(Allowed::Tiles),
        ];
        cases.push(Case { threads: 2, ..Case::new(70, 70).dims(dim, dim).mask(all[n].clone()) });
    }
    cases
}

/// Every mask that makes sense for these lengths, and combinations: 31, a prime, so that each meets all fills
/// and options in turn.
pub fn masks(queries: usize, keys: usize) -> Vec<Parts> {
    let at_end = keys as isize - queries as isize;
    let (two, four) = (two_documents(queries, keys), four_documents(queries, keys));
    vec![
        Parts::none(),
        Parts { offset: 5, ..Parts::none() }, // of no consequence
        Parts::causal(0),
        Parts::causal(at_end),
        Parts::causal(-2),
        Parts::causal(1),
        Parts::causal(keys as isize + 3),
        Parts::causal(-(queries as isize) - 1),
        Parts::none().window(0, 0),
        Parts::none().window(1, 0),
        Parts::none().window(0, 2),
        Parts { offset: 2, ..Parts::none().window(2, 1) },
        Parts { offset: -1, ..Parts::none().window(1, 1) },
        Parts::causal(at_end).window(2, 5),
        Parts::none().documents(two.clone()),
        Parts::causal(0).documents(two),
        Parts::causal(1).documents(four.clone()),
        Parts::none().window(1, 1).documents(four.clone()),
        Parts::none().alibi(),
        Parts::causal(at_end).alibi(),
        Parts::causal(0).alibi().documents(four.clone()),
        Parts::none().allowed(Allowed::Pairs),
        Parts::none().allowed(Allowed::Shared),
        Parts::none().allowed(Allowed::Padding),
        Parts::causal(0).allowed(Allowed::Tiles),
        Parts::none().bias(Bias::Pairs),
        Parts::none().bias(Bias::Heads),
        Parts::causal(0).bias(Bias::Keys),
        Parts::none().bias(Bias::Holes),
        Parts::none().allowed(Allowed::Padding).bias(Bias::Holes),
        Parts::causal(2).window(3, 1).documents(four).alibi().allowed(Allowed::Pairs).bias(Bias::Pairs),
    ]
}

/// Fills, in the order in which they take turns.
pub const FILLS: [Fill; 5] = [Fill::Plain, Fill::Large, Fill::Ties, Fill::Rising, Fill::Falling];

/// Two documents: a third of the queries and half of the keys, and the rest.
pub fn two_documents(queries: usize, keys: usize) -> Vec<(usize, usize)> {
    vec![(queries / 3, keys / 2), (queries - queries / 3, keys - keys / 2)]
}

/// Four documents, one without keys and one without queries.
pub fn four_documents(queries: usize, keys: usize) -> Vec<(usize, usize)> {
    let (first, last) = (queries / 4, queries / 2);
    vec![(first, keys / 3), (queries - first - last, 0), (0, keys / 5), (last, keys - keys / 3 - keys / 5)]
}

/// The n-th case's turn of heads, dimensions, fills and options: periods without a common divisor.
fn varied(n: usize, case: Case) -> Case {
    let (batch, heads, kv_heads) = [(1, 2, 1), (2, 4, 2), (1, 1, 1)][n % 3];
    let (head_dim, value_dim) = [(3, 2), (1, 3), (4, 4), (7, 1)][n % 4];
    Case {
        fill: FILLS[n % 5],
        scale: [None, None, None, Some(0.375), None, None, Some(1.5)][n % 7],
        dropout: [None, None, Some(0.5), None, None, Some(0.125), None, None, None, None, None][n % 11],
        seed: n as u64,
        threads: [1, 1, 2, 1][n % 4],
        ..case.heads(batch, heads, kv_heads).dims(head_dim, value_dim)
    }
}
