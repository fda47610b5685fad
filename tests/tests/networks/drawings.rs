//! The pictures: read back they are the network, and the keys on the wires are those of a run.

use super::*;
use bitonic::network::Drawing;

/// Those in the headers of the sources.
#[test]
fn pictures_are_what_the_code_draws() {
    macro_rules! source {
        ($file:literal) => {
            ($file, include_str!(concat!("../../../crates/bitonic/src/", $file)))
        };
    }
    for (kind, wires, (file, source)) in [
        (Kind::Bitonic, 4, source!("network.rs")),
        (Kind::Bitonic, 8, source!("network/bitonic.rs")),
        (Kind::Alternating, 4, source!("network/alternating.rs")),
        (Kind::OddEvenMerge, 8, source!("network/odd_even_merge.rs")),
        (Kind::OddEvenTransposition, 4, source!("network/odd_even_transposition.rs")),
    ] {
        let network = kind.build(wires);
        let drawn = Drawing::of(&network).text();
        let rows: Vec<&str> = drawn.lines().collect();
        let lines: Vec<&str> = source.lines().collect();
        let stands = |window: &[&str]| window.iter().zip(&rows).all(|(line, row)| line.contains(row));
        assert!(lines.windows(wires).any(stands), "{file} should show\n{drawn}");
    }
}

/// Where a row of text has a sign of these.
fn signs(row: &str, which: &str) -> Vec<usize> {
    row.chars().enumerate().filter(|&(_, sign)| which.contains(sign)).map(|(column, _)| column).collect()
}

/// The comparators of a column, from top to bottom.
fn comparators(column: Vec<char>) -> Vec<Comparator> {
    let mut all = Vec::new();
    // The wire where the last one began, and whether the greater key comes out there.
    let mut open = None;
    for (wire, sign) in column.into_iter().enumerate() {
        open = match (sign, open) {
            ('┬', None) => Some((wire, false)),
            ('▲', None) => Some((wire, true)),
            ('┼', Some(top)) => Some(top),
            ('┴' | '▼', Some((low, false))) => {
                all.push(Comparator { low, high: wire });
                None
            }
            ('┴', Some((high, true))) => {
                all.push(Comparator { low: wire, high });
                None
            }
            (sign, open) => {
                assert!(open.is_none() && !"┴▼┼".contains(sign), "{sign} on wire {wire}, {open:?}");
                None
            }
        };
    }
    assert_eq!(open, None);
    all
}

/// Read back from the picture, every comparator is there once, in the order of the stages.
#[test]
fn a_picture_shows_every_comparator() {
    for kind in Kind::ALL {
        for wires in 1..=33 {
            let network = kind.build(wires);
            let drawn = Drawing::of(&network).text();
            // In which order a stage has its comparators doesn't show.
            let backwards = changed(&network, |stages| stages.iter_mut().for_each(|stage| stage.reverse()));
            assert_eq!(Drawing::of(&backwards).text(), drawn);
            let rows: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
            assert_eq!(rows.len(), wires);
            assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{drawn}");
            let column = |column: usize| rows.iter().map(move |row| row[column]);
            let seen: Vec<Comparator> =
                (0..rows[0].len()).flat_map(|i| comparators(column(i).collect())).collect();
            let mut seen = seen.into_iter();
            for stage in network.stages() {
                let mut drawn: Vec<_> = seen.by_ref().take(stage.len()).collect();
                let mut stage = stage.clone();
                for comparators in [&mut drawn, &mut stage] {
                    comparators.sort_unstable_by_key(|comparator| (comparator.low, comparator.high));
                }
                assert_eq!(drawn, stage, "{kind:?} {wires}");
            }
            assert_eq!(seen.next(), None, "{kind:?} {wires}");
        }
    }
}

#[test]
fn a_picture_shows_how_keys_flow() {
    let network = Kind::Alternating.build(4);
    let drawing = Drawing::of(&network).with_input(&[3, 12, 12, -7]);
    let expected = "
 3 ─▲─ 12 ─╥─── -7 ─┬─ -7
12 ─╨─  3 ─╫─┬─  3 ─▼─  3
12 ─╥─ -7 ─▼─┼─ 12 ─┬─ 12
-7 ─▼─ 12 ───▼─ 12 ─▼─ 12
";
    assert_eq!(format!("\n{}", drawing.text()), expected);
    // A comparator that changes places stands out, and the keys before and after each stage are there.
    let svg = drawing.svg();
    let count = |what: &str| svg.matches(what).count();
    assert_eq!([count("class=\"swapped\""), count("class=\"comparator\"")], [3, 3], "{svg}");
    let keys: Vec<&str> =
        svg.lines().filter_map(|line| line.strip_suffix("</text>")?.rsplit('>').next()).collect();
    let expected =
        [["3", "12", "12", "-7"], ["12", "3", "-7", "12"], ["-7", "3", "12", "12"], ["-7", "3", "12", "12"]];
    assert_eq!(keys, expected.concat(), "{svg}");
    let arrows = [svg.matches("h10z").count(), svg.matches("<circle").count()];
    assert_eq!(arrows, [6, 6], "{svg}");
    // Without keys there are numbers of wires, and nothing is marked.
    let plain = Drawing::of(&network).svg();
    assert!(!plain.contains("class=\"swapped\"") && plain.contains(">3</text>"), "{plain}");
    let escaped = Drawing::of(&Kind::Bitonic.build(1)).with_input(&["<&>"]).svg();
    assert!(escaped.contains(">&lt;&amp;></text>"), "{escaped}");
}

/// Doubled lines are where `apply` exchanges keys, and the last keys are sorted.
#[test]
fn doubled_lines_are_exchanges() {
    let mut rng = Rng::with_seed(3);
    for kind in Kind::ALL {
        for wires in 2..=16 {
            let network = kind.build(wires);
            let mut keys: Vec<u32> = (0..wires).map(|_| rng.u32(10..40)).collect();
            let drawn = Drawing::of(&network).with_input(&keys).text();
            let mut exchanges = 0;
            for comparator in network.comparators() {
                if keys[comparator.high] < keys[comparator.low] {
                    keys.swap(comparator.low, comparator.high);
                    exchanges += 1;
                }
            }
            // An arrow is at one end only, so each exchange doubles at least the other.
            let ends = |which| drawn.lines().map(|row| signs(row, which).len()).sum::<usize>();
            let doubled = ends("╥╨");
            let directed = network.comparators().any(|comparator| comparator.low > comparator.high);
            assert_eq!(doubled, if directed { exchanges } else { 2 * exchanges }, "{drawn}");
            let last: Vec<&str> = drawn.lines().map(|row| row.split_whitespace().last().unwrap()).collect();
            let sorted: Vec<String> = keys.iter().map(u32::to_string).collect();
            assert_eq!(last, sorted, "{drawn}");
        }
    }
}
