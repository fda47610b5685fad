//! What decoding computes, loads and wastes, for the chapter on it.
//!
//! | generator | what |
//! |---|---|
//! | `decoding_work lengths=128,1024 model=Llama 3 8B` | operations to generate so many tokens, without a cache and with |
//! | `decoding_step steps=1x1024,prefill model=...` | operations, bytes and least time of one step on an H100 |
//! | `decoding_pages lengths=1500,700 sizes=1,16,2048` | pages that sequences of these lengths take, and what is unused |

use crate::checkpoints::{Checkpoint, checkpoint};
use crate::heads::{bytes, number, numbers, settings};
use crate::markdown::table;
use crate::model::significant;
use layers::cache::PagedCache;
use layers::multi_head::Sizes;
use ndarray::Array4;

/// Bytes of an element: 16 bits.
const WIDTH: usize = 2;

/// Operations and bytes a second of an H100 SXM, from its data sheet: dense products in bf16, and memory.
const H100: (f64, f64) = (989e12, 3.35e12);

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ')?;
    Some(match generator {
        "decoding_work" => work(rest),
        "decoding_step" => step(rest),
        "decoding_pages" => pages(rest),
        _ => return None,
    })
}

/// Operations for so many tokens, whose queries see so many keys in all.
fn operations(checkpoint: &Checkpoint, tokens: usize, pairs: usize) -> Result<usize, String> {
    let Sizes { heads, head_dim, .. } = checkpoint.sizes;
    Ok(2 * tokens * checkpoint.multiplied()? + 4 * pairs * heads * head_dim * checkpoint.layers)
}

/// Pairs of a causal mask over so many tokens.
fn triangle(tokens: usize) -> usize {
    tokens * (tokens + 1) / 2
}

/// Tokens and pairs of generating so many tokens one by one, each from the whole sequence again.
fn without_cache(tokens: usize) -> (usize, usize) {
    (1..=tokens).fold((0, 0), |(all, pairs), length| (all + length, pairs + triangle(length)))
}

fn work(text: &str) -> Result<String, String> {
    let [lengths, model] = settings(text, ["lengths", "model"])?;
    let checkpoint = checkpoint(model)?;
    let head = ["T", "tokens without", "with", "pairs without", "with", "TFLOP without", "with", "times"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for length in numbers(lengths)? {
        let (tokens, pairs) = without_cache(length);
        let without = operations(checkpoint, tokens, pairs)? as f64;
        let with = operations(checkpoint, length, triangle(length))? as f64;
        rows.push(vec![
            length.to_string(),
            tokens.to_string(),
            length.to_string(),
            pairs.to_string(),
            triangle(length).to_string(),
            significant(without / 1e12),
            significant(with / 1e12),
            significant(without / with),
        ]);
    }
    Ok(table(&rows))
}

/// One step: so many sequences with so many tokens each, of which `new` are new.
struct Step {
    batch: usize,
    length: usize,
    new: usize,
}

impl Step {
    /// `8x4096` is a token for each of 8 sequences, which is their 4096th; `prefill 4096` a whole prompt.
    fn parse(text: &str) -> Result<Step, String> {
        if let Some(length) = text.strip_prefix("prefill ") {
            let length = number(length)?;
            return Ok(Step { batch: 1, length, new: length });
        }
        let (batch, length) = text.split_once('x').ok_or_else(|| format!("`{text}` isn't BxT"))?;
        Ok(Step { batch: number(batch)?, length: number(length)?, new: 1 })
    }

    fn operations(&self, checkpoint: &Checkpoint) -> Result<usize, String> {
        let pairs = triangle(self.length) - triangle(self.length - self.new);
        operations(checkpoint, self.batch * self.new, self.batch * pairs)
    }

    /// Of the cache: what the new tokens find there, or leave there.
    fn cache(&self, checkpoint: &Checkpoint) -> usize {
        WIDTH * self.batch * self.length * checkpoint.cached()
    }
}

fn step(text: &str) -> Result<String, String> {
    let [steps, model] = settings(text, ["steps", "model"])?;
    let checkpoint = checkpoint(model)?;
    let weights = WIDTH * checkpoint.multiplied()?;
    let head = ["step", "B", "T", "GFLOP", "weights", "cache", "FLOP a byte", "ms: arithmetic", "memory"];
    let mut rows =
        vec![[head.as_slice(), &["tokens a second"]].concat().into_iter().map(str::to_owned).collect()];
    for text in steps.split(',') {
        let step = Step::parse(text)?;
        let (operations, cache) = (step.operations(checkpoint)? as f64, step.cache(checkpoint));
        let loaded = (weights + cache) as f64;
        let (arithmetic, memory) = (operations / H100.0, loaded / H100.1);
        rows.push(vec![
            if step.new == 1 { "decode" } else { "prefill" }.to_owned(),
            step.batch.to_string(),
            step.length.to_string(),
            significant(operations / 1e9),
            bytes(weights),
            bytes(cache),
            significant(operations / loaded),
            significant(1e3 * arithmetic),
            significant(1e3 * memory),
            significant((step.batch * step.new) as f64 / arithmetic.max(memory)),
        ]);
    }
    Ok(table(&rows))
}

/// Pages that a cache takes for sequences of these lengths.
fn pages_taken(lengths: &[usize], size: usize) -> Result<usize, String> {
    let enough = lengths.iter().map(|length| length.div_ceil(size)).sum();
    let mut cache = PagedCache::<f32>::new(enough, 1, size, 1);
    for &length in lengths {
        let (sequence, tokens) = (cache.begin(), Array4::zeros((1, 1, length, 1)));
        cache.append(&[sequence], tokens.view(), tokens.view()).map_err(|error| error.to_string())?;
    }
    Ok(cache.pages() - cache.free_pages())
}

fn pages(text: &str) -> Result<String, String> {
    let [lengths, sizes] = settings(text, ["lengths", "sizes"])?;
    let lengths = numbers(lengths)?;
    let tokens: usize = lengths.iter().sum();
    let head = ["page size", "pages", "room for", "tokens", "unused"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for size in numbers(sizes)? {
        let taken = pages_taken(&lengths, size)?;
        let unused = (taken * size - tokens) as f64 / (taken * size) as f64;
        let row = [size, taken, taken * size, tokens].map(|number| number.to_string());
        rows.push([row.as_slice(), &[format!("{:.1} %", 100.0 * unused)]].concat());
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_closed_forms() {
        for t in [0, 1, 2, 10, 333] {
            assert_eq!(without_cache(t), (triangle(t), t * (t + 1) * (t + 2) / 6), "{t}");
        }
        let step = Step::parse("3x10").unwrap();
        let model = checkpoint("SmolLM2-135M").unwrap();
        assert_eq!(step.operations(model).unwrap(), operations(model, 3, 30).unwrap());
        let whole = Step::parse("prefill 10").unwrap().operations(model).unwrap();
        let tokens: usize =
            (1..=10).map(|t| Step { batch: 1, length: t, new: 1 }.operations(model).unwrap()).sum();
        assert_eq!(whole, tokens, "a prompt costs what its tokens cost");
    }

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "decoding_work lengths=1 model=GPT-2 small",
            "decoding_work lengths=x model=Llama 3 8B",
            "decoding_step steps=1 model=Llama 3 8B",
            "decoding_step steps=prefill x model=Llama 3 8B",
            "decoding_pages lengths=1",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("masks none").is_none());
    }
}
