//! Sorting networks: pictures that they draw of themselves, and what they count.
//!
//! | generator | what |
//! |---|---|
//! | `network kind=bitonic wires=8 last=all keys=none` | a drawing in text; with `last=3` of the last 3 stages |
//! | `network_svg file=bitonic-8 kind=bitonic wires=8 keys=2,1,..` | one in `notes/pictures/FILE.svg`, with a link |
//! | `network_counts wires=4,8` | sizes and depths against the bounds |
//! | `network_sizes wires=4,5` | sizes between the powers of two, against the fewest known |

use crate::heads::{number, numbers, settings};
use crate::markdown::{root, table};
use crate::model::significant;
use bitonic::network::{Drawing, Kind, Network, information_bound};

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "network" => drawing(rest),
        "network_svg" => svg(rest),
        "network_counts" => counts(rest),
        "network_sizes" => sizes(rest),
        _ => return None,
    })
}

/// The fewest comparators known to sort 1 wire to 16; up to 12 it is proven that there are no fewer. D. E. Knuth, The
/// Art of Computer Programming 3, section 5.3.4; M. Codish et al., 2014 (9 and 10 wires); J. Harder, 2020 (11 and 12).
const FEWEST_KNOWN: [usize; 16] = [0, 1, 3, 5, 9, 12, 16, 19, 25, 29, 35, 39, 45, 51, 56, 60];

fn kind(name: &str) -> Result<Kind, String> {
    let all = Kind::ALL.into_iter();
    all.clone()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| format!("no network `{name}`, but {:?}", all.map(Kind::name).collect::<Vec<_>>()))
}

/// A drawing with these keys, or without.
fn with_keys<'a>(network: &'a Network, keys: &str) -> Result<Drawing<'a>, String> {
    let drawing = Drawing::of(network);
    if keys == "none" {
        return Ok(drawing);
    }
    match numbers(keys)? {
        keys if keys.len() == network.wires() => Ok(drawing.with_input(&keys)),
        keys => Err(format!("{} keys for {} wires", keys.len(), network.wires())),
    }
}

fn drawing(text: &str) -> Result<String, String> {
    let [name, wires, last, keys] = settings(text, ["kind", "wires", "last", "keys"])?;
    let network = kind(name)?.build(number(wires)?);
    let first = match last {
        "all" => 0,
        last => network.depth().checked_sub(number(last)?).ok_or("there aren't so many stages")?,
    };
    let stages = network.stages()[first..].to_vec();
    let network = Network::new(network.wires(), stages).map_err(|error| error.to_string())?;
    Ok(format!("```text\n{}```", with_keys(&network, keys)?.text()))
}

fn svg(text: &str) -> Result<String, String> {
    let [file, name, wires, keys] = settings(text, ["file", "kind", "wires", "keys"])?;
    let network = kind(name)?.build(number(wires)?);
    let drawn = with_keys(&network, keys)?.svg();
    let path = format!("pictures/{file}.svg");
    let place = root().join("notes").join(&path);
    if std::fs::read_to_string(&place).ok().as_deref() != Some(&*drawn) {
        if std::env::var_os("UPDATE_NOTES").is_none() {
            return Err(format!("notes/{path} is stale (UPDATE_NOTES=1 renews it)"));
        }
        let folder = place.parent().expect("a file in a folder");
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        std::fs::write(&place, drawn).map_err(|error| error.to_string())?;
    }
    Ok(format!("![A {name} network of {wires} wires sorts {}]({path})", keys.replace(',', ", ")))
}

fn counts(text: &str) -> Result<String, String> {
    let [wires] = settings(text, ["wires"])?;
    let head = [
        "n",
        "lg n!",
        "odd-even merge",
        "bitonic",
        "over lg n!",
        "depth of both",
        "transposition",
        "its depth",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for n in numbers(wires)? {
        let (bound, bitonic) = (information_bound(n), Kind::Bitonic.size(n));
        if [Kind::Alternating, Kind::OddEvenMerge].iter().any(|kind| kind.depth(n) != Kind::Bitonic.depth(n))
        {
            return Err("the three of Batcher are equally deep".to_owned());
        }
        rows.push(vec![
            n.to_string(),
            format!("{bound:.0}"),
            Kind::OddEvenMerge.size(n).to_string(),
            bitonic.to_string(),
            significant(bitonic as f64 / bound),
            Kind::Bitonic.depth(n).to_string(),
            Kind::OddEvenTransposition.size(n).to_string(),
            Kind::OddEvenTransposition.depth(n).to_string(),
        ]);
    }
    Ok(table(&rows))
}

fn sizes(text: &str) -> Result<String, String> {
    let [wires] = settings(text, ["wires"])?;
    let wires = numbers(wires)?;
    let mut rows = vec![vec!["wires".to_owned()]];
    rows[0].extend(wires.iter().map(usize::to_string));
    let row = |name: &str, size: &dyn Fn(usize) -> Option<usize>| {
        let cell = |&n| size(n).map_or("-".to_owned(), |size| size.to_string());
        std::iter::once(name.to_owned()).chain(wires.iter().map(cell)).collect()
    };
    rows.push(row("lg n!, rounded up", &|n| Some(information_bound(n).ceil() as usize)));
    rows.push(row("fewest known", &|n| FEWEST_KNOWN.get(n - 1).copied()));
    for kind in [Kind::OddEvenMerge, Kind::Alternating, Kind::Bitonic, Kind::OddEvenTransposition] {
        rows.push(row(kind.name(), &|n| Some(kind.size(n))));
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::{FEWEST_KNOWN, generate};
    use bitonic::network::{Kind, information_bound};

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "network kind=bitnic wires=8 last=all keys=none",
            "network kind=bitonic wires=8 last=7 keys=none",
            "network kind=bitonic wires=8 last=all keys=1,2",
            "network_svg file=nowhere kind=bitonic wires=2 keys=x",
            "network_counts",
            "network_sizes wires=x",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("networks wires=2").is_none());
    }

    #[test]
    fn nothing_here_has_fewer_comparators_than_are_known_or_possible() {
        for (n, fewest) in (1..).zip(FEWEST_KNOWN) {
            assert!(fewest as f64 >= information_bound(n).ceil(), "{n}");
            assert!(Kind::ALL.iter().all(|kind| kind.size(n) >= fewest), "{n}");
        }
    }
}
