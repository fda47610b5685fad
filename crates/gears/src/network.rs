//! `gears network`: draws a sorting network, counts its comparators, and proves that it sorts.

use crate::text::{mark, thousands};
use bitonic::network::{Drawing, Kind, MOST_WIRES, Network, Unverified, information_bound};
use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use std::io::{self, Write};
use std::path::PathBuf;

/// Draw a sorting network, count its comparators and verify that it sorts
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Wires, for one key each [default: as many as there are keys in the input]
    #[arg(long, value_name = "N", required_unless_present = "input",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    wires: Option<usize>,

    /// Which network
    #[arg(long, value_name = "KIND", default_value = Kind::Bitonic.name(),
          value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::name)).map(named))]
    kind: Kind,

    /// Integers to send along the wires, the first along the first
    #[arg(long, value_name = "KEY,..", value_delimiter = ',', allow_hyphen_values = true)]
    input: Option<Vec<i64>>,

    /// Also draw into this file, as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn named(name: String) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).expect("one of the possible values")
}

/// Columns, where the drawing doesn't go to a terminal.
const COLUMNS: usize = 120;

/// Random inputs, where there are too many wires to try all of zeros and ones.
const SAMPLES: u64 = 100;

/// Runs the subcommand.
pub(crate) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    show(out, options, terminal.map_or(COLUMNS, |(width, _)| width.0.into()))
}

/// All of it, where so many columns fit.
fn show(out: &mut dyn Write, options: &Options, columns: usize) -> io::Result<bool> {
    let given = options.input.as_ref().map(Vec::len);
    let wires = options.wires.or(given).expect("clap asks for one of them");
    if let Some(given) = given.filter(|&given| given != wires) {
        crate::refuse(format_args!(
            "the number of keys in the input is {given}, and as many as there are wires, {wires}, were expected"
        ));
    }
    let network = options.kind.build(wires);
    let plain = Drawing::of(&network);
    let drawing = options.input.as_ref().map_or(plain.clone(), |keys| plain.with_input(keys));
    // First, so that a file that can't be written isn't found out below a page of text.
    if let Some(file) = &options.svg {
        let error = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        std::fs::write(file, drawing.svg()).map_err(error)?;
    }

    let plural = |n: usize, what| format!("{} {what}{}", thousands(n as u64), if n == 1 { "" } else { "s" });
    writeln!(
        out,
        "# {}, {}: {} in {}",
        options.kind.name(),
        plural(wires, "wire"),
        plural(network.size(), "comparator"),
        plural(network.depth(), "stage"),
    )?;
    draw(out, &drawing.text(), columns)?;
    if let Some(file) = &options.svg {
        writeln!(out, "# drawn in {}", file.display())?;
    }
    let counted = count(out, options.kind, &network)?;
    Ok(verify(out, &network)? && counted)
}

/// The picture, if it isn't too wide, and what its signs mean.
fn draw(out: &mut dyn Write, text: &str, columns: usize) -> io::Result<()> {
    let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    if width > columns {
        return writeln!(
            out,
            "#\n# The drawing is {} columns wide, and {columns} fit here: --svg FILE draws it in any width.\n#",
            thousands(width as u64)
        );
    }
    let legend = match text.contains('▼') {
        false => "the smaller key goes to the upper end of a line",
        true => "the greater key goes to the end with the arrow",
    };
    let swaps = if text.contains('╨') { "; doubled lines: the keys change places" } else { "" };
    writeln!(out, "# {legend}{swaps}\n\n{text}")
}

/// Size and depth, against the closed forms and the bounds.
fn count(out: &mut dyn Write, kind: Kind, network: &Network) -> io::Result<bool> {
    let (wires, size, depth) = (network.wires(), network.size(), network.depth());
    let bound = information_bound(wires);
    let least = bound.ceil() as usize;
    let at_once = (wires / 2).max(1);
    let (closed_size, closed_depth) = (kind.size(wires), kind.depth(wires));
    let agree = [size == closed_size, depth == closed_depth];
    writeln!(
        out,
        "# size   {} (closed form: {}); no sort that compares has fewer than lg {wires}! = {bound:.1}{}",
        thousands(size as u64),
        thousands(closed_size as u64),
        mark(agree[0]),
    )?;
    writeln!(
        out,
        "# depth  {} (closed form: {}); no network has fewer than {} stages: {} comparators, {at_once} at once{}",
        thousands(depth as u64),
        thousands(closed_depth as u64),
        least.div_ceil(at_once),
        thousands(least as u64),
        mark(agree[1]),
    )?;
    Ok(agree == [true; 2])
}

/// Whether it sorts: tries all inputs of zeros and ones, or some random ones if these are too many.
fn verify(out: &mut dyn Write, network: &Network) -> io::Result<bool> {
    match network.verify() {
        Ok(inputs) => {
            writeln!(
                out,
                "# sorts: all {} inputs of zeros and ones come out sorted, and so does everything (0-1 principle)",
                thousands(inputs)
            )?;
            Ok(true)
        }
        Err(Unverified::TooManyWires { wires }) => sample(out, network, wires),
        Err(Unverified::Unsorted(unsorted)) => {
            writeln!(out, "# doesn't sort: {unsorted}{}", mark(false))?;
            Ok(false)
        }
    }
}

fn sample(out: &mut dyn Write, network: &Network, wires: usize) -> io::Result<bool> {
    let mut rng = fastrand::Rng::with_seed(1);
    let sorted = |_: &u64| {
        let mut keys: Vec<usize> = (0..wires).collect();
        rng.shuffle(&mut keys);
        network.apply(&mut keys);
        keys.is_sorted()
    };
    let sorted = (0..SAMPLES).filter(sorted).count() as u64;
    writeln!(
        out,
        "# sampled: {sorted} of {SAMPLES} random permutations come out sorted, which is no proof; all inputs of zeros\n\
         # and ones are tried for {MOST_WIRES} wires at most{}",
        mark(sorted == SAMPLES)
    )?;
    Ok(sorted == SAMPLES)
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

    fn output(arguments: &str) -> String {
        let arguments = ["network"].into_iter().chain(arguments.split_whitespace());
        let options = Cli::try_parse_from(arguments).expect("good arguments").options;
        let mut out = Vec::new();
        assert!(show(&mut out, &options, COLUMNS).expect("it runs"));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_small_network() {
        let expected = "\
# bitonic, 4 wires: 6 comparators in 3 stages
# the smaller key goes to the upper end of a line

0 ──┬───┬─────┬──
1 ──┴───┼─┬───┴──
2 ──┬───┼─┴───┬──
3 ──┴───┴─────┴──

# size   6 (closed form: 6); no sort that compares has fewer than lg 4! = 4.6
# depth  3 (closed form: 3); no network has fewer than 3 stages: 5 comparators, 2 at once
# sorts: all 16 inputs of zeros and ones come out sorted, and so does everything (0-1 principle)
";
        assert_eq!(output("--wires 4"), expected);
    }

    #[test]
    fn keys_on_the_wires() {
        let expected = "\
# odd-even-transposition, 3 wires: 3 comparators in 3 stages
# the smaller key goes to the upper end of a line; doubled lines: the keys change places

30 ─╥─ -4 ─── -4 ─┬─ -4
-4 ─╨─ 30 ─╥─  0 ─┴─  0
 0 ───  0 ─╨─ 30 ─── 30
";
        for wires in ["", "--wires 3 "] {
            let text = output(&format!("{wires}--kind odd-even-transposition --input 30,-4,0"));
            assert!(text.starts_with(expected), "{text}");
        }
        let text = output("--input -1,5,-7,0 --kind alternating");
        assert!(
            text.contains("\n# the greater key goes to the end with the arrow; doubled lines: "),
            "{text}"
        );
    }

    #[test]
    fn no_line_is_too_wide() {
        for kind in Kind::ALL {
            for wires in [1, 2, 7, 16, 20, 24, 25, 32, 100] {
                let text = output(&format!("--wires {wires} --kind {}", kind.name()));
                assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
            }
        }
        let text = output("--wires 64");
        assert!(text.contains("columns wide, and 120 fit here: --svg FILE draws it"), "{text}");
    }

    #[test]
    fn what_cannot_be_tried_is_sampled_and_says_so() {
        let text = output("--wires 29 --kind odd-even-merge");
        let sampled = "# sampled: 100 of 100 random permutations come out sorted, which is no proof; ";
        assert!(
            text.contains(sampled) && text.contains("\n# and ones are tried for 28 wires at most\n"),
            "{text}"
        );
        assert!(!text.contains("# sorts"), "{text}");
        assert!(output("--wires 24").contains("# sorts: all 16,777,216 inputs of zeros and ones "));
    }

    #[test]
    fn a_network_that_does_not_sort_disagrees() {
        for wires in [8, 64] {
            let mut stages = Kind::Bitonic.build(wires).stages().to_vec();
            stages.pop();
            let network = Network::new(wires, stages).expect("a network");
            let mut out = Vec::new();
            let counted = count(&mut out, Kind::Bitonic, &network).expect("it runs");
            let verified = verify(&mut out, &network).expect("it runs");
            let text = String::from_utf8(out).expect("text");
            assert!(
                !counted && !verified && text.lines().filter(|l| l.ends_with("  DISAGREES")).count() == 3,
                "{text}"
            );
            assert_eq!(text.contains("doesn't sort: 10000000 comes out as 00000010"), wires == 8, "{text}");
        }
    }
}
