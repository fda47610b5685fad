//! The ways for people.

use super::{Options, Row};
use crate::text::thousands;
use parallel::plan::{Layer, Plan};
use std::io::{self, Write};

/// Writes all.
pub(super) fn write(out: &mut dyn Write, options: &Options, layer: &Layer, rows: &[Row]) -> io::Result<()> {
    header(out, options, layer)?;
    let fitting: Vec<(String, &Plan)> =
        rows.iter().filter_map(|row| Some((row.way.name(), row.plan.as_ref().ok()?))).collect();
    let bytes = |elements: usize| thousands((options.width() * elements) as u64);

    writeln!(out, "\nWhat the busiest rank sends in one layer, in bytes, and in how many rounds.\n")?;
    line(out, "", ["forward", "rounds", "backward", "rounds", "gradients"])?;
    for (name, plan) in &fitting {
        let [forward, backward, gradients] = [plan.forward, plan.backward, plan.gradients]
            .map(|cost| (bytes(cost.elements), cost.rounds.to_string()));
        line(out, name, [&forward.0, &forward.1, &backward.0, &backward.1, &gradients.0])?;
    }
    for Row { way, plan } in rows {
        if let Err(because) = plan {
            writeln!(out, "{:<30} doesn't fit: {because}", way.name())?;
        }
    }

    let of = match options.layers {
        1 => "that layer".to_owned(),
        layers => format!("{layers} layers"),
    };
    writeln!(
        out,
        "\nWhat a rank keeps of {of}, in bytes; and the share of all pairs of a query and a key\n\
         that the busiest rank has with a causal mask ({:.2}% is the least).\n",
        100.0 / options.ranks as f64
    )?;
    line(out, "", ["for backward", "", "parameters", "", "pairs"])?;
    for (name, plan) in &fitting {
        let [saved, parameters] =
            [plan.saved, plan.parameters].map(|elements| bytes(options.layers * elements));
        line(out, name, [&saved, "", &parameters, "", &format!("{:.2}%", 100.0 * plan.busiest)])?;
    }

    writeln!(out, "\nElements sent, where everything divides. {LETTERS}\n")?;
    for (name, plan) in &fitting {
        let [forward, backward] = plan.formulas.each_ref().map(|formula| &formula.text);
        match forward == backward {
            true => writeln!(out, "{name:<30} {forward}, and as many back")?,
            false => writeln!(out, "{name:<30} {forward}\n{:<30} {backward} back", "")?,
        }
    }
    Ok(())
}

const LETTERS: &str = "B batch, T tokens, H query heads, G key-value\n\
                       heads, D head dimension, P ranks; U x R = P: ranks of Ulysses and of the ring.";

fn header(out: &mut dyn Write, options: &Options, layer: &Layer) -> io::Result<()> {
    let layers::multi_head::Sizes { dim, heads, kv_heads, head_dim } = layer.block.attention;
    let plural =
        |n: usize, what: &str| format!("{} {what}{}", thousands(n as u64), if n == 1 { "" } else { "s" });
    writeln!(
        out,
        "# {}, batch {}, of {dim} elements; {} on {} of keys and values, head dimension {head_dim};\n\
         # {} hidden elements{}; on {}, {} an element",
        plural(layer.tokens, "token"),
        layer.batch,
        plural(heads, "head"),
        thousands(kv_heads as u64),
        thousands(layer.block.hidden as u64),
        if layer.block.gated { ", gated" } else { "" },
        plural(options.ranks, "rank"),
        plural(options.width(), "byte"),
    )?;
    writeln!(
        out,
        "#\n\
         # A layer is a block of attention and network. gradients: of parameters that several ranks have, to be\n\
         # added up once a step; where tokens are cut these are all parameters, as in data parallelism. All that\n\
         # is sent for activations is in the other columns. tensor + sequence gathers its inputs again for the\n\
         # backward pass, or keeps them whole."
    )
}

fn line(out: &mut dyn Write, name: &str, [a, b, c, d, e]: [&str; 5]) -> io::Result<()> {
    let line = format!("{name:<30} {a:>17} {b:>7} {c:>17} {d:>7} {e:>15}");
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::tests::output;

    #[test]
    fn a_line_for_each_way_in_each_part() {
        let text = output("--tokens 4096 --heads 16 --dim 1024 --ranks 8");
        for line in text.lines() {
            assert!(line.chars().count() <= 110 && line.trim_end() == line, "{line:?}");
        }
        let of = |name: &str| text.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
        let ulysses = of("ulysses   ");
        let words: Vec<&str> = ulysses[0].split_whitespace().collect();
        // 4 T dim / P 7/8 elements of 4 bytes: q, k, v in one exchange of 7 messages, the output in 7 more.
        assert_eq!(words[1..5], ["7,340,032", "14", "7,340,032", "14"], "{text}");
        assert_eq!(ulysses[1].split_whitespace().last(), Some("12.50%"), "{text}");
        assert!(ulysses[2].ends_with("B T D (2 H + 2 G)/P (P-1)/P, and as many back"), "{text}");
        assert_eq!(ulysses.len(), 3, "{text}");
        assert_eq!(
            of("ulysses 2 x ring (zigzag)").len() + of("ulysses 4 x ring (zigzag)").len(),
            6,
            "{text}"
        );
        assert_eq!(of("tensor  ").len(), 3, "{text}");
    }

    #[test]
    fn what_does_not_fit_says_why() {
        let text = output("--tokens 100 --heads 6 --kv-heads 2 --dim 12 --ranks 7");
        let why =
            "doesn't fit: 6 query heads can't be shared out among 7 ranks: at most 6 ranks was expected";
        let refused: Vec<&str> = text.lines().filter(|line| line.contains(why)).collect();
        assert_eq!(refused.len(), 4, "{text}");
        assert!(refused[0].starts_with("ulysses  ") && refused[1].starts_with("tensor  "), "{text}");
        assert!(text.contains("\nring (contiguous)  "), "{text}");
    }
}
