use super::*;
use ndarray::s;

/// Elements that tell where they belong: batch, head, token, element; keys and values differ in sign.
fn tokens(first: usize, count: usize) -> (Array4<f64>, Array4<f64>) {
    let element = |(b, g, t, d)| (1000 * b + 100 * g + 10 * (first + t) + d) as f64 + 0.5;
    let keys = Array4::from_shape_fn((2, 3, count, 4), element);
    let values = -&keys;
    (keys, values)
}

fn filled(capacity: usize, pieces: &[usize]) -> KeyValueCache<f64> {
    let mut cache = KeyValueCache::new(2, 3, capacity, 4);
    for &count in pieces {
        let (keys, values) = tokens(cache.len(), count);
        cache.append(keys.view(), values.view()).unwrap();
    }
    cache
}

#[track_caller]
fn assert_holds(cache: &KeyValueCache<f64>, length: usize) {
    let (keys, values) = tokens(0, length);
    assert_eq!((cache.len(), cache.keys(), cache.values()), (length, keys.view(), values.view()));
}

#[test]
fn what_is_appended_is_there() {
    for pieces in [&[] as &[usize], &[0], &[1], &[3, 1, 1], &[2, 0, 7], &[10]] {
        assert_holds(&filled(10, pieces), pieces.iter().sum());
    }
    assert_eq!(filled(10, &[]).bytes(), 2 * 2 * 3 * 10 * 4 * 8);
    assert!(filled(10, &[]).is_empty() && !filled(10, &[1]).is_empty());
}

#[test]
fn views_of_other_strides_can_be_appended() {
    let (keys, values) = tokens(0, 5);
    // As a projection makes them: (B, T, G, D) in memory.
    let other = |a: &Array4<f64>| a.view().permuted_axes([0, 2, 1, 3]).as_standard_layout().into_owned();
    let (keys, values) = (other(&keys), other(&values));
    let mut cache = KeyValueCache::new(2, 3, 5, 4);
    cache.append(keys.view().permuted_axes([0, 2, 1, 3]), values.view().permuted_axes([0, 2, 1, 3])).unwrap();
    assert_holds(&cache, 5);
}

#[test]
fn truncate_and_go_on() {
    let mut cache = filled(10, &[8]);
    cache.truncate(3).unwrap();
    assert_holds(&cache, 3);
    let (keys, values) = tokens(3, 4);
    cache.append(keys.view(), values.view()).unwrap();
    assert_holds(&cache, 7);
    cache.truncate(7).unwrap();
    assert_holds(&cache, 7);
    let error = cache.truncate(8).unwrap_err().to_string();
    assert_eq!(error, "the length to truncate to is 8, and at most the 7 tokens that are held was expected");
    cache.truncate(0).unwrap();
    assert_holds(&cache, 0);
}

#[test]
fn a_fork_has_its_own_content() {
    let mut cache = filled(10, &[5]);
    let mut fork = cache.fork();
    assert_holds(&fork, 5);
    assert_eq!(fork.capacity(), 10);
    fork.truncate(4).unwrap();
    let others = Array4::from_elem((2, 3, 6, 4), 7.0);
    fork.append(others.view(), others.view()).unwrap();
    assert_holds(&cache, 5);
    assert_eq!(fork.keys().slice(s![.., .., 4.., ..]), others);
    let (keys, values) = tokens(5, 1);
    cache.append(keys.view(), values.view()).unwrap();
    assert_holds(&cache, 6);
}

#[test]
fn an_overrun_says_how_many() {
    let mut cache = filled(10, &[8]);
    let (keys, values) = tokens(8, 3);
    let error = cache.append(keys.view(), values.view()).unwrap_err();
    assert_eq!(error, Error::Overrun { held: 8, added: 3, capacity: 10 });
    assert_eq!(error.to_string(), "the cache holds 8 of 10 tokens, and 3 more don't fit");
    assert_holds(&cache, 8);
    let (keys, values) = tokens(8, 2);
    cache.append(keys.view(), values.view()).unwrap();
    assert_holds(&cache, 10);
    assert!(cache.append(tokens(10, 1).0.view(), tokens(10, 1).1.view()).is_err());
}

#[test]
fn shapes_that_dont_fit() {
    let mut cache = filled(10, &[8]);
    let error = |cache: &mut KeyValueCache<f64>, keys, values| {
        cache.append(Array4::zeros(keys).view(), Array4::zeros(values).view()).unwrap_err().to_string()
    };
    let message = error(&mut cache, (2, 2, 1, 4), (2, 2, 1, 4));
    assert!(
        message.starts_with("the array of keys is (2, 2, 1, 4), and (2, 3, 1, 4) was expected"),
        "{message}"
    );
    let message = error(&mut cache, (2, 3, 1, 4), (2, 3, 2, 4));
    assert!(
        message.starts_with("the array of values is (2, 3, 2, 4), and (2, 3, 1, 4) was expected"),
        "{message}"
    );
    assert_holds(&cache, 8);
}
