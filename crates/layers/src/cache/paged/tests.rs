use super::*;
use ndarray::{Array3, Axis};

const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 3;

fn cache(pages: usize, page_size: usize) -> PagedCache<f64> {
    PagedCache::new(pages, KV_HEADS, page_size, HEAD_DIM)
}

/// The keys of tokens that are known by a number each, (1, G, T, D); values are the negatives.
fn keys(tokens: &[usize]) -> Array4<f64> {
    let element = |(_, g, t, d)| (100 * tokens[t] + 10 * g + d) as f64 + 0.5;
    Array4::from_shape_fn((1, KV_HEADS, tokens.len(), HEAD_DIM), element)
}

fn append(cache: &mut PagedCache<f64>, sequence: Sequence, tokens: &[usize]) -> Result<()> {
    let keys = keys(tokens);
    cache.append(&[sequence], keys.view(), (-&keys).view())
}

/// What the table leads to, token by token: (G, T, D).
fn gathered(cache: &PagedCache<f64>, sequence: Sequence) -> (Array3<f64>, Array3<f64>) {
    let view = cache.view(&[sequence]).unwrap();
    let of = |pool: ArrayView4<'_, f64>| {
        Array3::from_shape_fn((KV_HEADS, view.lengths[0], HEAD_DIM), |(g, t, d)| {
            pool[(view.tables[0][t / cache.page_size()], g, t % cache.page_size(), d)]
        })
    };
    (of(view.keys), of(view.values))
}

#[track_caller]
fn assert_holds(cache: &PagedCache<f64>, sequence: Sequence, tokens: &[usize]) {
    let expected = keys(tokens).remove_axis(Axis(0));
    assert_eq!(gathered(cache, sequence), (expected.clone(), -expected), "{sequence}");
}

/// Every page is either free or counted once for each table that it stands in; tables are as long as they
/// must be.
#[track_caller]
fn assert_nothing_leaks(cache: &PagedCache<f64>) {
    let mut users = vec![0; cache.pages()];
    for held in cache.sequences.values() {
        assert_eq!(held.table.len(), held.length.div_ceil(cache.page_size()));
        held.table.iter().for_each(|&page| users[page] += 1);
    }
    assert_eq!(users, cache.users);
    let mut free = cache.free.clone();
    free.sort();
    let unused: Vec<usize> = (0..cache.pages()).filter(|&page| users[page] == 0).collect();
    assert_eq!(free, unused);
}

#[test]
fn pages_are_taken_as_tokens_come_and_freed_as_they_go() {
    let mut cache = cache(4, 3);
    let a = cache.begin();
    assert_holds(&cache, a, &[]);
    assert_eq!(cache.free_pages(), 4);
    for (token, free) in (0..7).zip([3, 3, 3, 2, 2, 2, 1]) {
        append(&mut cache, a, &[token]).unwrap();
        assert_eq!(cache.free_pages(), free);
        assert_nothing_leaks(&cache);
    }
    assert_holds(&cache, a, &[0, 1, 2, 3, 4, 5, 6]);
    cache.truncate(a, 3).unwrap();
    assert_eq!((cache.free_pages(), cache.table(a).unwrap().len()), (3, 1));
    append(&mut cache, a, &[30, 40, 50, 60, 70]).unwrap();
    assert_holds(&cache, a, &[0, 1, 2, 30, 40, 50, 60, 70]);
    cache.end(a).unwrap();
    assert_eq!(cache.free_pages(), 4);
    assert_nothing_leaks(&cache);
}

#[test]
fn a_fork_shares_pages_until_one_of_them_writes() {
    let mut cache = cache(6, 2);
    let a = cache.begin();
    append(&mut cache, a, &[0, 1, 2]).unwrap();
    let b = cache.fork(a).unwrap();
    let c = cache.fork(b).unwrap();
    assert_eq!(cache.free_pages(), 4, "a fork takes no page");
    append(&mut cache, b, &[30]).unwrap();
    assert_eq!(cache.free_pages(), 3, "the page that isn't full was copied");
    assert_eq!(cache.table(a).unwrap()[0], cache.table(b).unwrap()[0], "the full page is shared");
    append(&mut cache, a, &[31]).unwrap();
    append(&mut cache, c, &[32]).unwrap();
    assert_eq!(cache.free_pages(), 2, "the last one kept it");
    for (sequence, last) in [(a, 31), (b, 30), (c, 32)] {
        assert_holds(&cache, sequence, &[0, 1, 2, last]);
    }
    // A shared page that was full, cut: it mustn't be written to either.
    let d = cache.fork(a).unwrap();
    cache.truncate(d, 1).unwrap();
    append(&mut cache, d, &[77]).unwrap();
    assert_holds(&cache, d, &[0, 77]);
    assert_holds(&cache, b, &[0, 1, 2, 30]);
    assert_nothing_leaks(&cache);
    for sequence in [a, b, c, d] {
        cache.end(sequence).unwrap();
        assert_nothing_leaks(&cache);
    }
    assert_eq!(cache.free_pages(), 6);
}

#[test]
fn pages_are_used_again() {
    let mut cache = cache(2, 2);
    for round in 0..5 {
        let a = cache.begin();
        append(&mut cache, a, &[round, round + 1, round + 2]).unwrap();
        assert_holds(&cache, a, &[round, round + 1, round + 2]);
        cache.end(a).unwrap();
    }
    assert_nothing_leaks(&cache);
}

#[test]
fn running_out_changes_nothing() {
    let mut cache = cache(3, 2);
    let (a, b) = (cache.begin(), cache.begin());
    append(&mut cache, a, &[0, 1, 2]).unwrap();
    let two = Array4::zeros((2, KV_HEADS, 2, HEAD_DIM));
    let error = cache.append(&[b, a], two.view(), two.view()).unwrap_err();
    assert_eq!(error, Error::Pages { needed: 2, free: 1, pages: 3 });
    assert_eq!(error.to_string(), "2 more pages are needed, and 1 of 3 are free");
    assert_holds(&cache, a, &[0, 1, 2]);
    assert_holds(&cache, b, &[]);
    assert_nothing_leaks(&cache);

    // Two users of one page, both to write to it: one copy is enough, and there is room for one.
    cache.end(b).unwrap();
    let c = cache.fork(a).unwrap();
    let one = Array4::zeros((2, KV_HEADS, 1, HEAD_DIM));
    assert_eq!(cache.pages_needed(&[a, c], 1).unwrap(), 1);
    cache.append(&[a, c], one.view(), one.view()).unwrap();
    assert_eq!(cache.free_pages(), 0);
    assert_nothing_leaks(&cache);
}

#[test]
fn bad_calls() {
    let mut cache = cache(3, 2);
    let (a, ended) = (cache.begin(), cache.begin());
    cache.end(ended).unwrap();
    append(&mut cache, a, &[0]).unwrap();
    assert_eq!(append(&mut cache, ended, &[0]).unwrap_err(), Error::NoSequence(ended));
    assert_eq!(cache.end(ended).unwrap_err().to_string(), "the cache holds no sequence 1");
    assert!(cache.view(&[a, ended]).is_err() && cache.fork(ended).is_err() && cache.len(ended).is_err());
    assert_ne!(cache.begin(), ended, "a name isn't used again");
    assert!(cache.truncate(a, 2).unwrap_err().to_string().contains("is 2, and at most the 1 tokens"));
    let error = |cache: &mut PagedCache<f64>, sequences: &[Sequence], shape| {
        cache
            .append(sequences, Array4::zeros(shape).view(), Array4::zeros(shape).view())
            .unwrap_err()
            .to_string()
    };
    let message = error(&mut cache, &[a], (1, 3, 1, 3));
    assert!(
        message.starts_with("the array of keys is (1, 3, 1, 3), and (1, 2, 1, 3) was expected"),
        "{message}"
    );
    let message = error(&mut cache, &[a], (2, 2, 1, 3));
    assert!(
        message.starts_with("the array of keys is (2, 2, 1, 3), and (1, 2, 1, 3) was expected"),
        "{message}"
    );
    let message = error(&mut cache, &[a, a], (2, 2, 1, 3));
    assert!(message.contains("sequence 0 again, and each sequence once was expected"), "{message}");
    assert_holds(&cache, a, &[0]);
    assert_nothing_leaks(&cache);
}

/// Random operations on a small pool, beside sequences that are plain lists of tokens.
#[test]
fn is_the_model() {
    let mut refused = 0;
    for seed in 0..20 {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let mut cache = cache(8, 1 + seed as usize % 4);
        let mut model: Vec<(Sequence, Vec<usize>)> = Vec::new();
        for step in 0..200 {
            let which = rng.usize(0..model.len().max(1));
            match rng.u8(0..10) {
                0 | 1 => model.push((cache.begin(), Vec::new())),
                _ if model.is_empty() => {}
                2 => {
                    let (sequence, _) = model.swap_remove(which);
                    cache.end(sequence).unwrap();
                }
                3 => model.push((cache.fork(model[which].0).unwrap(), model[which].1.clone())),
                4 => {
                    let (sequence, tokens) = &mut model[which];
                    tokens.truncate(rng.usize(0..=tokens.len()));
                    cache.truncate(*sequence, tokens.len()).unwrap();
                }
                _ => {
                    let (sequence, tokens) = &mut model[which];
                    let new: Vec<usize> = (0..rng.usize(0..6)).map(|i| 10 * step + i).collect();
                    let (free, needed) =
                        (cache.free_pages(), cache.pages_needed(&[*sequence], new.len()).unwrap());
                    match append(&mut cache, *sequence, &new) {
                        Ok(()) => {
                            tokens.extend(new);
                            assert_eq!(cache.free_pages(), free - needed);
                        }
                        Err(error) => {
                            assert_eq!(error, Error::Pages { needed, free, pages: 8 });
                            assert!(needed > free);
                            refused += 1;
                        }
                    }
                }
            }
            assert_nothing_leaks(&cache);
            for (sequence, tokens) in &model {
                assert_holds(&cache, *sequence, tokens);
            }
        }
        for (sequence, _) in model {
            cache.end(sequence).unwrap();
        }
        assert_eq!(cache.free_pages(), 8);
    }
    assert!(refused > 50, "the pool was never full");
}
