//! What heads cost in published models, for the chapter on them.
//!
//! | generator | what |
//! |---|---|
//! | `heads_sizes` | heads, parameters and operations of each model's attention |
//! | `heads_cache tokens=8192` | bytes of the keys and values that are kept, in 16 bits |
//! | `heads_saved tokens=1024,8192 model=SmolLM2-135M` | bytes kept for the backward pass by one layer, in f32 |

use crate::checkpoints::{ALL, attention_parameters, cached, checkpoint};
use crate::markdown::table;
use crate::model::{list, significant};
use layers::multi_head::Sizes;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "heads_sizes" => heads_sizes(rest),
        "heads_cache" => heads_cache(rest),
        "heads_saved" => heads_saved(rest),
        _ => return None,
    })
}

/// The values of `a=... b=...`, which must be these settings in this order; a value may have spaces in it.
pub(crate) fn settings<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Result<[&'a str; N], String> {
    let mut values = [""; N];
    let wrong = || format!("expected {names:?} with values, and got `{text}`");
    let mut rest = text.trim();
    for (i, name) in names.iter().enumerate() {
        let from = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).ok_or_else(wrong)?;
        let next = names.get(i + 1).and_then(|next| from.find(&format!(" {next}=")));
        let (value, after) = from.split_at(next.unwrap_or(from.len()));
        if value.is_empty() || value.contains('=') {
            return Err(wrong());
        }
        (values[i], rest) = (value, after.trim_start());
    }
    if rest.is_empty() { Ok(values) } else { Err(wrong()) }
}

/// Numbers with commas.
pub(crate) fn numbers(text: &str) -> Result<Vec<usize>, String> {
    list(text, |number| number.parse().ok()).ok_or_else(|| format!("can't read the numbers `{text}`"))
}

/// One number.
pub(crate) fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("can't read the number `{text}`"))
}

/// Bytes in the largest unit of which there is one.
pub(crate) fn bytes(bytes: usize) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    let (unit, factor) = units.into_iter().find(|(_, factor)| bytes >= *factor).unwrap_or(("B", 1));
    format!("{} {unit}", significant(bytes as f64 / factor as f64))
}

fn heads_sizes(text: &str) -> Result<String, String> {
    settings(text, [])?;
    let head =
        ["model", "", "layers", "dim", "H", "G", "D", "H D", "parameters a layer", "their MFLOP a token"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for checkpoint in &ALL {
        let Sizes { dim, heads, kv_heads, head_dim } = checkpoint.sizes;
        let parameters = attention_parameters(&checkpoint.sizes);
        rows.push(vec![
            checkpoint.name.to_owned(),
            checkpoint.kind().to_owned(),
            checkpoint.layers.to_string(),
            dim.to_string(),
            heads.to_string(),
            kv_heads.to_string(),
            head_dim.to_string(),
            (heads * head_dim).to_string(),
            parameters.to_string(),
            significant(2.0 * parameters as f64 / 1e6),
        ]);
    }
    Ok(table(&rows))
}

fn heads_cache(text: &str) -> Result<String, String> {
    const WIDTH: usize = 2;
    let [tokens] = settings(text, ["tokens"])?;
    let tokens = number(tokens)?;
    let head = ["model", "H / G", "a token, a layer", "a token"].map(str::to_owned).to_vec();
    let mut rows = vec![[head, vec![format!("{tokens} tokens"), "the same if G = H".to_owned()]].concat()];
    for checkpoint in &ALL {
        let group = checkpoint.sizes.heads / checkpoint.sizes.kv_heads;
        rows.push(vec![
            checkpoint.name.to_owned(),
            group.to_string(),
            bytes(WIDTH * cached(&checkpoint.sizes)),
            bytes(WIDTH * checkpoint.cached()),
            bytes(WIDTH * tokens * checkpoint.cached()),
            bytes(WIDTH * tokens * checkpoint.cached() * group),
        ]);
    }
    Ok(table(&rows))
}

/// Elements that the backward pass of one sequence's self-attention needs: x; q; k and v; what the heads put out; lse.
fn saved(sizes: &Sizes, tokens: usize) -> [usize; 5] {
    let Sizes { dim, heads, kv_heads, head_dim } = *sizes;
    [dim, heads * head_dim, 2 * kv_heads * head_dim, heads * head_dim, heads].map(|each| tokens * each)
}

fn heads_saved(text: &str) -> Result<String, String> {
    const WIDTH: usize = 4;
    let [tokens, model] = settings(text, ["tokens", "model"])?;
    let sizes = checkpoint(model)?.sizes;
    let head = ["T", "x", "q", "k and v", "heads' output", "lse", "together", "all shares"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for tokens in numbers(tokens)? {
        let parts = saved(&sizes, tokens);
        let mut row = vec![tokens.to_string()];
        row.extend(parts.map(|part| bytes(WIDTH * part)));
        row.push(bytes(WIDTH * parts.iter().sum::<usize>()));
        row.push(bytes(WIDTH * sizes.heads * tokens * tokens));
        rows.push(row);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use layers::MultiHeadAttention;
    use layers::multi_head::Call;
    use ndarray::Array3;

    #[test]
    fn what_is_saved_is_what_the_layer_saves() {
        for (heads, kv_heads) in [(4, 4), (4, 2), (4, 1)] {
            let sizes = Sizes { dim: 10, heads, kv_heads, head_dim: 3 };
            let layer = MultiHeadAttention::<f32>::random(sizes, false, &mut fastrand::Rng::with_seed(1));
            let x = Array3::from_shape_fn((1, 7, 10), |(_, t, d)| ((t * 5 + d) % 7) as f32);
            let (_, kept) = layer.forward(x, &Call::default()).unwrap();
            assert_eq!(kept.bytes(), 4 * saved(&sizes, 7).iter().sum::<usize>());
        }
    }

    #[test]
    fn settings_are_read_in_their_order() {
        assert_eq!(settings("tokens=1,2 model=Llama 3 8B", ["tokens", "model"]), Ok(["1,2", "Llama 3 8B"]));
        for text in ["tokens=1", "model=x tokens=1", "tokens= model=x", "tokens=1 model=x rank=2", ""] {
            assert!(settings(text, ["tokens", "model"]).is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in ["heads_sizes 1", "heads_cache", "heads_cache tokens=x", "heads_saved tokens=1 model=GPT"]
        {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("masks none").is_none());
    }
}
