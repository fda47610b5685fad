//! Section: the same attention of one head by every rung of the ladder; that masked keys count for nothing; and what
//! softmax overflows at.

use super::Options;
use crate::memory;
use crate::text::{mark, thousands};
use attention::algorithm::Attended;
use attention::softmax;
use attention::{Algorithm, Float, Mask, Threads, naive};
use ndarray::{Array1, Array4, ArrayView4, Axis, s};
use std::io::{self, Write};
use std::time::{Duration, Instant};
use testkit::timed::arithmetic::rule::{allowed, greatest_error};

/// T: tokens of the sequence, each with a query, a key and a value.
const TOKENS: usize = 2048;
/// D: numbers of each of them.
const HEAD_DIM: usize = 64;
/// Keys that are masked and poisoned.
const PADDING: usize = 300;

/// What is shown of the ladder. (`split` is for a single query.)
const RUNGS: [(Algorithm, &str); 3] = [
    (Algorithm::Naive, "all T x T"),
    (Algorithm::Blocked, "T x 128 at a time"),
    (Algorithm::Flash, "64 x 128, in cache"),
];

pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let inputs = Inputs::<f32>::random(options.seed);
    let agree = ladder(out, &inputs)?;
    let ignored = padding(out, &inputs)?;
    let overflows = specimen(out)?;
    Ok(agree && ignored && overflows)
}

/// Query, key and value: (1, 1, T, D).
#[derive(Clone, Debug)]
struct Inputs<T>([Array4<T>; 3]);

impl<T: Float> Inputs<T> {
    /// Numbers between -2 and 2.
    fn random(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self([(); 3].map(|()| {
            Array4::from_shape_simple_fn((1, 1, TOKENS, HEAD_DIM), || T::of(4.0 * random.f64() - 2.0))
        }))
    }

    /// With the first keys and values alone.
    fn views(&self, keys: usize) -> [ArrayView4<'_, T>; 3] {
        let [query, key, value] = &self.0;
        [query.view(), key.slice(s![.., .., ..keys, ..]), value.slice(s![.., .., ..keys, ..])]
    }

    fn in_f64(&self) -> Inputs<f64> {
        Inputs(self.0.each_ref().map(|x| x.mapv(T::as_f64)))
    }

    /// The textbook's output.
    fn plain(&self, keys: usize) -> io::Result<Array4<T>> {
        let [query, key, value] = self.views(keys);
        let options = attention::Options::default().threads(Threads::ONE);
        Ok(naive::forward(query, key, value, &options).map_err(io::Error::other)?.output)
    }

    fn attend(&self, algorithm: Algorithm, mask: Mask<'_, T>) -> io::Result<Attended<T>> {
        let [query, key, value] = self.views(TOKENS);
        let options = attention::Options::masked(mask).threads(Threads::ONE);
        algorithm.forward(query, key, value, &options).map_err(io::Error::other)
    }
}

fn ladder(out: &mut dyn Write, inputs: &Inputs<f32>) -> io::Result<bool> {
    writeln!(
        out,
        "\
In attention each token of a sequence looks at the others. Its query is compared
with all keys, softmax turns the scores into shares that sum to 1, and the
output is the mean of the values, weighted by the shares:

  S = Q K^T / sqrt(D)     P = softmax of each row of S     O = P V

Here for one head of a model, T = {} tokens and D = {HEAD_DIM}, in f32 on one thread.
Every rung computes the same. What differs is how many of the T x T scores there
are at a time.

  {:<10}{:>10}{:>18}{:>11}   scores",
        thousands(TOKENS as u64),
        "rung",
        "time",
        "memory",
        "error",
    )?;
    let exact = inputs.in_f64().plain(TOKENS)?;
    let allowed = allowed(inputs.plain(TOKENS)?.view(), exact.view());
    let mut agree = true;
    for (algorithm, idea) in RUNGS {
        let (Attended { output, lse }, time, bytes) = measured(|| inputs.attend(algorithm, Mask::none()))?;
        let bytes = bytes.saturating_sub((output.len() + lse.len()) * size_of::<f32>());
        let error = greatest_error(output.view(), exact.view());
        let agrees = error <= allowed;
        agree &= agrees;
        writeln!(
            out,
            "  {:<10}{:>7.1} ms{:>16} B{error:>11.1e}   {idea}{}",
            algorithm.name(),
            1e3 * time.as_secs_f64(),
            thousands(bytes as u64),
            mark(agrees),
        )?;
    }
    writeln!(
        out,
        "
Memory is the most that is allocated at once, besides inputs and results. The
error is the greatest difference from the first rung in f64: {allowed:.1e} is allowed,
twice that of the first rung in f32 and a few roundings."
    )?;
    Ok(agree)
}

/// What a call gives, the median time of three, and the most bytes that it allocates at once.
fn measured<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<(R, Duration, usize)> {
    let mut result = call()?;
    let mut times = [Duration::ZERO; 3];
    let mut bytes = 0;
    for time in &mut times {
        let mut next = None;
        let start = Instant::now();
        bytes = memory::peak(|| next = Some(call()));
        *time = start.elapsed();
        if let Some(next) = next {
            result = next?;
        }
    }
    times.sort_unstable();
    Ok((result, times[1], bytes))
}

fn padding(out: &mut dyn Write, inputs: &Inputs<f32>) -> io::Result<bool> {
    let keys = TOKENS - PADDING;
    writeln!(
        out,
        "
Sequences of a batch have different lengths, so short ones are padded, and
nobody may look at the padding, whatever it holds. To give it a share of zero
isn't enough: 0 times NaN is NaN. With {PADDING} keys masked, and nothing but NaN and
infinities there, compared with an attention that has only the other {} keys:

  {:<10}{:>11}",
        thousands(keys as u64),
        "rung",
        "error",
    )?;
    let exact = inputs.in_f64().plain(keys)?;
    let allowed = allowed(inputs.plain(keys)?.view(), exact.view());
    let mut poisoned = inputs.clone();
    let mut poison = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().cycle();
    for keys_or_values in &mut poisoned.0[1..] {
        let mut padding = keys_or_values.slice_mut(s![.., .., keys.., ..]);
        padding.iter_mut().zip(&mut poison).for_each(|(x, poison)| *x = poison);
    }
    let sees = Array4::from_shape_fn((1, 1, 1, TOKENS), |(.., j)| j < keys);
    let mut agree = true;
    for (algorithm, _) in RUNGS {
        let output = poisoned.attend(algorithm, Mask::none().allowed(sees.view()))?.output;
        let error = greatest_error(output.view(), exact.view());
        let agrees = error <= allowed;
        agree &= agrees;
        writeln!(out, "  {:<10}{error:>11.1e}{}", algorithm.name(), mark(agrees))?;
    }
    Ok(agree)
}

/// Scores that are too great for the definition of softmax.
fn specimen(out: &mut dyn Write) -> io::Result<bool> {
    const GREATEST: usize = 100;
    writeln!(
        out,
        "
The shares are exp(x) over the sum of all exp(x). In f32 that ends at x = 88.7,
where exp(x) is the greatest number there is. Relative to the greatest x it is
the same, and nothing overflows. The greatest share of the scores 0, 1, 2, ...,
{GREATEST}, which is 1 - 1/e:
",
    )?;
    let scores = Array1::from_shape_fn(GREATEST + 1, |i| i as f32);
    let exact = 1.0 - (-1_f64).exp();
    let mut agree = true;
    for &algorithm in softmax::Algorithm::ALL {
        let mut shares = Array1::zeros(scores.raw_dim());
        algorithm
            .softmax_into(scores.view(), Axis(0), shares.view_mut(), Threads::ONE)
            .map_err(io::Error::other)?;
        let greatest = shares[GREATEST];
        let agrees = match algorithm {
            softmax::Algorithm::Definition => greatest.is_nan(),
            _ => (f64::from(greatest) - exact).abs() <= 4.0 * f64::from(f32::EPSILON),
        };
        agree &= agrees;
        let what = if greatest.is_nan() { "NaN: inf / inf".to_owned() } else { format!("{greatest:.6}") };
        writeln!(out, "  {:<12}{what}{}", algorithm.name(), mark(agrees))?;
    }
    Ok(agree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_agrees_and_fits_80_columns() {
        let mut out = Vec::new();
        assert!(run(&mut out, &Options { ranks: None, seed: 1 }).expect("it runs"));
        let text = String::from_utf8(out).expect("text");
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
        }
        assert!(text.contains("  flash  ") && text.contains("NaN: inf / inf"), "{text}");
    }
}
