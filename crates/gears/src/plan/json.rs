//! One object a line for each way.

use super::{Options, Row};
use collectives::Cost;
use parallel::plan::{Layer, Plan};
use serde::Serialize;
use std::io::{self, Write};

/// The fields are those of the JSON.
#[derive(Debug, Serialize)]
struct Object {
    way: String,
    ranks: usize,
    batch: usize,
    tokens: usize,
    dim: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    hidden: usize,
    layers: usize,
    bytes_per_element: usize,
    fits: bool,
    /// Why it doesn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(flatten)]
    costs: Option<Costs>,
}

/// The greatest over the ranks of each number.
#[derive(Debug, Serialize)]
struct Costs {
    /// Of one layer.
    forward: Sent,
    backward: Sent,
    gradients: Sent,
    /// Of all layers.
    saved_bytes: usize,
    parameter_bytes: usize,
    /// Of the pairs that a causal mask leaves.
    busiest_pairs_pct: f64,
    /// Of elements sent, where everything divides.
    formula_forward: String,
    formula_backward: String,
}

/// What a rank sends.
#[derive(Debug, Serialize)]
struct Sent {
    bytes: usize,
    messages: usize,
    rounds: usize,
}

/// Writes all.
pub(super) fn write(out: &mut dyn Write, options: &Options, layer: &Layer, rows: &[Row]) -> io::Result<()> {
    let layers::multi_head::Sizes { dim, heads, kv_heads, head_dim } = layer.block.attention;
    for Row { way, plan } in rows {
        let object = Object {
            way: way.name(),
            ranks: options.ranks,
            batch: layer.batch,
            tokens: layer.tokens,
            dim,
            heads,
            kv_heads,
            head_dim,
            hidden: layer.block.hidden,
            layers: options.layers,
            bytes_per_element: options.width(),
            fits: plan.is_ok(),
            because: plan.as_ref().err().map(ToString::to_string),
            costs: plan.as_ref().ok().map(|plan| costs(options, plan)),
        };
        writeln!(out, "{}", serde_json::to_string(&object)?)?;
    }
    Ok(())
}

fn costs(options: &Options, plan: &Plan) -> Costs {
    let width = options.width();
    let sent = |Cost { messages, elements, rounds }| Sent { bytes: width * elements, messages, rounds };
    let [forward, backward] = plan.formulas.each_ref().map(|formula| formula.text.clone());
    Costs {
        forward: sent(plan.forward),
        backward: sent(plan.backward),
        gradients: sent(plan.gradients),
        saved_bytes: options.layers * width * plan.saved,
        parameter_bytes: options.layers * width * plan.parameters,
        busiest_pairs_pct: 100.0 * plan.busiest,
        formula_forward: forward,
        formula_backward: backward,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::output;
    use serde_json::Value;

    #[test]
    fn bytes_are_of_one_layer_and_memory_of_all() {
        let objects = |arguments: &str| -> Vec<Value> {
            let lines = output(arguments);
            lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        };
        let few = objects("--tokens 64 --heads 4 --dim 32 --ranks 8 --json");
        let many = objects("--tokens 64 --heads 4 --dim 32 --ranks 8 --layers 3 --dtype f64 --json");
        let fits = |object: &Value| object["fits"] == true;
        assert!(few.iter().any(fits) && !few.iter().all(fits));
        for (few, many) in few.iter().zip(&many) {
            assert_eq!((&few["way"], fits(few)), (&many["way"], fits(many)));
            let number = |object: &Value, name: &str| object.pointer(name).and_then(Value::as_u64);
            if !fits(few) {
                assert!(few["because"].as_str().expect("a reason").contains("4 query heads"), "{few}");
                assert_eq!(number(few, "/saved_bytes"), None);
                continue;
            }
            for (name, times) in [
                ("/forward/bytes", 2),
                ("/backward/bytes", 2),
                ("/forward/rounds", 1),
                ("/gradients/bytes", 2),
                ("/saved_bytes", 6),
                ("/parameter_bytes", 6),
            ] {
                let few = number(few, name).expect(name);
                assert_eq!(number(many, name), Some(times * few), "{name}");
            }
        }
        let ring = few.iter().find(|object| object["way"] == "ring (zigzag)").expect("a ring");
        // 2 T G D (P-1)/P elements of 4 bytes, in P-1 rounds; 12.5% of the pairs.
        assert_eq!(ring["forward"]["bytes"], 4 * 2 * 64 * 32 * 7 / 8);
        assert_eq!((&ring["forward"]["rounds"], &ring["busiest_pairs_pct"]), (&7.into(), &12.5.into()));
        assert_eq!(ring["formula_forward"], "2 B T G D (P-1)/P");
    }
}
