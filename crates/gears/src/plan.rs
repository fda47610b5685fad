//! `gears plan`: what each way to share a layer out among ranks would send and keep, by the functions that tests hold
//! against counted traffic ([`parallel::plan`]).
//!
//! | module | idea |
//! |---|---|
//! | [`table`] | for people |
//! | [`json`] | an object for each way |

mod json;
mod table;

use clap::builder::RangedU64ValueParser;
use layers::multi_head::Sizes;
use parallel::plan::{Layer, Plan, Way};
use parallel::tensor::BlockSizes;
use std::io::{self, Write};

/// Compare the ways to share a transformer layer out among ranks: what fits, what is sent, what is kept
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Tokens of the whole sequence
    #[arg(long, value_name = "N", default_value_t = 32_768, value_parser = count(1 << 24))]
    tokens: usize,

    /// Query heads
    #[arg(long, value_name = "H", default_value_t = 32, value_parser = count(1 << 16))]
    heads: usize,

    /// Key-value heads, each shared by as many query heads [default: as many as query heads]
    #[arg(long, value_name = "K", value_parser = count(1 << 16))]
    kv_heads: Option<usize>,

    /// Elements of a token
    #[arg(long, value_name = "D", default_value_t = 4096, value_parser = count(1 << 20))]
    dim: usize,

    /// Ranks
    #[arg(long, value_name = "P", default_value_t = 8, value_parser = count(1 << 10))]
    ranks: usize,

    /// So many sequences side by side
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = count(1 << 16))]
    batch: usize,

    /// Elements of a head [default: the dimension over the heads]
    #[arg(long, value_name = "N", value_parser = count(1 << 16))]
    head_dim: Option<usize>,

    /// Hidden elements of the network [default: four times the dimension]
    #[arg(long, value_name = "N", value_parser = count(1 << 22))]
    hidden: Option<usize>,

    /// The network is a SwiGLU: three matrices, not two
    #[arg(long)]
    gated: bool,

    /// Layers: what is kept is that of all of them
    #[arg(long, value_name = "L", default_value_t = 1, value_parser = count(1 << 12))]
    layers: usize,

    /// The type of the elements
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,

    /// The size of an element, instead of a type
    #[arg(long, value_name = "N", value_parser = count(16), conflicts_with = "dtype")]
    bytes_per_element: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Dtype {
    F64,
    F32,
    Bf16,
    F16,
}

fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::<usize>::new().range(1..=most)
}

/// What came of a way.
struct Row {
    way: Way,
    /// Or why it doesn't fit.
    plan: parallel::Result<Plan>,
}

/// Runs the subcommand.
pub(crate) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let layer = options.layer().unwrap_or_else(|error| crate::refuse(error));
    let row = |way| Row { way, plan: layer.plan(way, options.ranks) };
    let rows: Vec<Row> = Way::all(options.ranks).into_iter().map(row).collect();
    match options.json {
        true => json::write(out, options, &layer, &rows)?,
        false => table::write(out, options, &layer, &rows)?,
    }
    Ok(true)
}

impl Options {
    /// Without biases, and with RMSNorm.
    fn layer(&self) -> layers::Result<Layer> {
        let &Options { dim, heads, gated, batch, tokens, .. } = self;
        let head_dim = match self.head_dim {
            Some(head_dim) => head_dim,
            None => Sizes::new(dim, heads)?.head_dim,
        };
        let attention = Sizes { dim, heads, kv_heads: self.kv_heads.unwrap_or(heads), head_dim };
        // What makes no sense on one rank isn't a way that doesn't fit.
        if let Err(parallel::Error::Layer(error)) =
            parallel::heads::HeadMap::new(heads, attention.kv_heads, 1)
        {
            return Err(error);
        }
        let hidden = self.hidden.unwrap_or(4 * dim);
        Ok(Layer {
            block: BlockSizes { attention, hidden, gated, centred: false, biases: false },
            batch,
            tokens,
        })
    }

    /// Bytes of an element.
    fn width(&self) -> usize {
        let of_type = match self.dtype {
            Dtype::F64 => 8,
            Dtype::F32 => 4,
            Dtype::Bf16 | Dtype::F16 => 2,
        };
        self.bytes_per_element.unwrap_or(of_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    pub(super) fn output(arguments: &str) -> String {
        let arguments = ["plan"].into_iter().chain(arguments.split_whitespace());
        let options = Cli::try_parse_from(arguments).expect("good arguments").options;
        let mut out = Vec::new();
        assert!(run(&mut out, &options).expect("it runs"));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_is_asked_for_is_what_is_planned() {
        let arguments =
            "plan --tokens 10 --heads 6 --kv-heads 2 --dim 20 --head-dim 7 --batch 3 --gated --hidden 9";
        let options = Cli::try_parse_from(arguments.split(' ')).expect("good arguments").options;
        let attention = Sizes { dim: 20, heads: 6, kv_heads: 2, head_dim: 7 };
        let block = BlockSizes { attention, hidden: 9, gated: true, centred: false, biases: false };
        assert_eq!(options.layer().expect("a layer"), Layer { block, batch: 3, tokens: 10 });
    }

    #[test]
    fn elements_have_a_size() {
        let width = |arguments: &str| {
            let arguments = ["plan"].into_iter().chain(arguments.split_whitespace());
            Cli::try_parse_from(arguments).expect("good arguments").options.width()
        };
        assert_eq!(["", "--dtype f64", "--dtype bf16", "--bytes-per-element 1"].map(width), [4, 8, 2, 1]);
    }
}
