//! Wavelengths of rotary positions and slopes of ALiBi, for the chapter on positions.
//!
//! | generator | what |
//! |---|---|
//! | `wavelengths points=0,16 dims=128 base=500000 context=8192 factor=8` | of some points, as trained and scaled |
//! | `agreement distances=0,1,10 dims=64 bases=100,10000` | the mean cosine of all points, by distance |
//! | `alibi heads=8` | slopes, and how far each head sees |

use crate::heads::{number, numbers, settings};
use crate::markdown::table;
use crate::model::significant;
use attention::mask::alibi_slopes;
use layers::rotary::{Frequencies, Scaling};
use std::f64::consts::TAU;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ')?;
    Some(match generator {
        "wavelengths" => wavelengths(rest),
        "agreement" => agreement(rest),
        "alibi" => alibi(rest),
        _ => return None,
    })
}

fn frequencies(dims: usize, base: usize) -> Result<Frequencies, String> {
    Frequencies::new(dims, base as f64).map_err(|error| error.to_string())
}

fn wavelengths(text: &str) -> Result<String, String> {
    let [points, dims, base, context, factor] =
        settings(text, ["points", "dims", "base", "context", "factor"])?;
    let (points, factor) = (numbers(points)?, number(factor)? as f64);
    let trained = frequencies(number(dims)?, number(base)?)?;
    let llama3 = Scaling::Llama3 {
        factor,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context: number(context)?,
    };
    let mut columns = vec![("as trained", trained.clone())];
    for (name, scaling) in [
        ("linear", Scaling::Linear { factor }),
        ("NTK-aware", Scaling::NtkAware { factor }),
        ("Llama 3", llama3),
    ] {
        columns.push((name, trained.clone().scaled(scaling).map_err(|error| error.to_string())?));
    }
    let mut rows = vec![vec!["point".to_owned()]];
    rows[0].extend(columns.iter().map(|(name, _)| (*name).to_owned()));
    for point in points {
        let mut row = vec![point.to_string()];
        for (_, frequencies) in &columns {
            let theta = frequencies.of_points().get(point).ok_or_else(|| format!("no point {point}"))?;
            row.push(significant(TAU / theta));
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

/// q·k of a query and a key whose points are all alike, over |q| |k|.
fn mean_cosine(frequencies: &Frequencies, distance: usize) -> f64 {
    let points = frequencies.of_points();
    points.iter().map(|theta| (distance as f64 * theta).cos()).sum::<f64>() / points.len() as f64
}

fn agreement(text: &str) -> Result<String, String> {
    let [distances, dims, bases] = settings(text, ["distances", "dims", "bases"])?;
    let (distances, dims) = (numbers(distances)?, number(dims)?);
    let mut rows = vec![vec!["base".to_owned()]];
    rows[0].extend(distances.iter().map(|distance| format!("distance {distance}")));
    for base in numbers(bases)? {
        let frequencies = frequencies(dims, base)?;
        let mut row = vec![base.to_string()];
        row.extend(distances.iter().map(|&distance| format!("{:.2}", mean_cosine(&frequencies, distance))));
        rows.push(row);
    }
    Ok(table(&rows))
}

fn alibi(text: &str) -> Result<String, String> {
    let [heads] = settings(text, ["heads"])?;
    let slopes: Vec<f64> = alibi_slopes(number(heads)?);
    let mut rows = vec![vec!["head".to_owned()], vec!["slope".to_owned()]];
    rows.push(vec!["a thousandth, at distance".to_owned()]);
    for (head, slope) in slopes.into_iter().enumerate() {
        rows[0].push(head.to_string());
        rows[1].push(format!("1/{}", 1.0 / slope));
        rows[2].push(significant(1000_f64.ln() / slope));
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use layers::Threads;
    use layers::rotary::{Convention, Positions, Rotary};
    use ndarray::Array4;

    /// The formula of the table against vectors that are turned.
    #[test]
    fn the_mean_cosine_is_a_dot_product() {
        let frequencies = Frequencies::new(8, 100.0).unwrap();
        let rotary = Rotary::<f64>::new(&frequencies, Convention::HalfSplit, 50);
        let mut x = Array4::ones((1, 1, 2, 8));
        rotary.rotate(x.view_mut(), Positions::Each(&[40, 3]), Threads::ONE).unwrap();
        let product: f64 = (0..8).map(|d| x[(0, 0, 0, d)] * x[(0, 0, 1, d)]).sum();
        assert!((product / 8.0 - mean_cosine(&frequencies, 37)).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "wavelengths points=64 dims=128 base=10 context=10 factor=2",
            "wavelengths points=1 dims=127 base=10 context=10 factor=2",
            "wavelengths points=1 dims=128 base=10 context=10 factor=0",
            "agreement distances=1",
            "alibi heads=x",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("masks none").is_none());
    }
}
