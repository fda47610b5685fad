//! What is asked for, and what that comes to.

use super::dtype::{self, Dtype};
use super::sizes::Sizes;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use std::time::Duration;
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::gear::{Gear, ladder};
use testkit::timed::start::Repeat;
use testkit::timed::{measure, size};

/// Measure collectives (an all-reduce also against the least time that memory allows)
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// What to measure
    #[arg(value_name = "OPERATION", value_parser = operations())]
    operations: Operations,

    /// Use P ranks (1 to 256), each a thread
    #[arg(long, value_name = "P", default_value_t = 2,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub(crate) ranks: usize,

    /// An algorithm; `all` of the operation's, simplest first; or `auto`, the plain method's own choice
    #[arg(long, value_name = "NAME", default_value = "auto")]
    algorithm: String,

    /// One size, or powers of 4 times MIN and then MAX, as in `8..64M`: bytes of the whole array that a rank
    /// puts in or gets out
    #[arg(long, value_name = "MIN..MAX", default_value = "8..67108864")]
    bytes: Sizes,

    /// The type of the elements
    #[arg(long, default_value = "f32", value_parser = dtypes())]
    pub(crate) dtype: &'static Dtype,

    /// Time each point N times, instead of for a fifth of a second
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    iterations: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// One operation, or all.
#[derive(Clone, Debug)]
struct Operations(Vec<Operation>);

const ALL: &str = "all";
const AUTO: &str = "auto";

fn operations() -> impl TypedValueParser<Value = Operations> {
    let names = Operation::ALL.map(Operation::name);
    PossibleValuesParser::new(names.into_iter().chain([ALL])).map(|name| {
        let asked = |operation: &Operation| name == ALL || name == operation.name();
        Operations(Operation::ALL.into_iter().filter(asked).collect())
    })
}

fn dtypes() -> impl TypedValueParser<Value = &'static Dtype> {
    PossibleValuesParser::new(dtype::ALL.iter().map(|dtype| dtype.name))
        .try_map(|name| dtype::ALL.iter().find(|dtype| dtype.name == name).ok_or("no such type"))
}

impl Options {
    /// How often each point is measured.
    pub(crate) fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat { warm_up: 3, ..Repeat::times(times) },
            None => Repeat { warm_up: 3, at_least: 5, budget: Duration::from_millis(200), at_most: 10_000 },
        }
    }

    /// What is measured, in order. An error, to be shown, if there is no such algorithm or it refuses the
    /// number of ranks.
    pub(crate) fn choices(&self) -> Result<Vec<Choice>, String> {
        let ladders = || self.operations.0.iter().flat_map(|&operation| ladder(operation));
        let choices: Vec<_> = match &*self.algorithm {
            AUTO => return Ok(self.operations.0.iter().copied().map(Choice::Plain).collect()),
            ALL => return Ok(ladders().map(Choice::Algorithm).collect()),
            name => ladders().filter(|a| a.name() == name).map(Choice::Algorithm).collect(),
        };
        if choices.is_empty() {
            let mut names: Vec<_> = ladders().map(|algorithm| algorithm.name()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(format!(
                "there is no algorithm `{}` here, but: {AUTO}, {ALL}, {}",
                self.algorithm,
                names.join(", ")
            ));
        }
        match choices.iter().find_map(|&choice| self.refusal(choice)) {
            Some(reason) => Err(reason),
            None => Ok(choices),
        }
    }

    /// Why the algorithm can't be used on so many ranks, if it can't: what it says itself.
    pub(crate) fn refusal(&self, choice: Choice) -> Option<String> {
        let case = Case::new(self.ranks, 0);
        if choice.supports(&case, true) {
            return None;
        }
        measure::<u8>(choice, &case, Repeat::times(1)).err().map(|error| error.cause.to_string())
    }

    /// The sizes, in whole elements.
    pub(crate) fn cases(&self, operation: Operation) -> Vec<Case> {
        let case = |bytes| size::case(operation, self.ranks, bytes, self.dtype.bytes);
        let mut cases: Vec<_> = self.bytes.iter().map(case).collect();
        cases.dedup(); // Several may round to the same one, and those of a barrier are all alike.
        cases
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

    fn parse(arguments: &str) -> Result<Options, String> {
        let arguments = ["bench"].into_iter().chain(arguments.split_whitespace());
        Cli::try_parse_from(arguments).map(|cli| cli.options).map_err(|error| error.to_string())
    }

    fn options(arguments: &str) -> Options {
        parse(arguments).expect("good arguments")
    }

    fn chosen(arguments: &str) -> Vec<&'static str> {
        options(arguments).choices().expect("an algorithm").into_iter().map(Choice::name).collect()
    }

    #[test]
    fn algorithms_by_name() {
        assert_eq!(chosen("all_to_all"), ["auto"]);
        assert_eq!(chosen("all_to_all --algorithm all"), ["linear", "pairwise", "bruck"]);
        assert_eq!(chosen("all_to_all --algorithm bruck"), ["bruck"]);
        assert_eq!(chosen("all"), ["auto"; 11]);
        // Those operations that have one of that name:
        assert_eq!(chosen("all --algorithm ring"), ["ring"; 3]);
    }

    #[test]
    fn mistakes_are_answered_with_what_would_be_right() {
        let says = |arguments: &str, parts: &[&str]| {
            let message = parse(arguments).and_then(|options| options.choices()).expect_err("a mistake");
            for part in parts {
                assert!(message.contains(part), "{message}");
            }
        };
        says("all_reduec", &["all_reduec", "all_reduce", "barrier", "exclusive_scan"]);
        says("all_reduce --dtype f23", &["f23", "f32", "bf16"]);
        says("all_reduce --algorithm rign", &["`rign`", "auto", "all", "halving_doubling", "ring"]);
        says("barrier --algorithm butterfly --ranks 3", &["power of two", "3"]);
        says("all_reduce --ranks 0", &["0", "1..=256"]);
        says("all_reduce --iterations 0", &["0", "1..="]);
        says("all_reduce --bytes 9..8", &["9", "8"]);
    }

    #[test]
    fn what_does_not_fit_is_skipped_when_all_are_asked_for() {
        let options = options("barrier --algorithm all --ranks 3");
        let choices = options.choices().expect("no error");
        let refused: Vec<_> = choices.into_iter().filter_map(|choice| options.refusal(choice)).collect();
        assert_eq!(refused.len(), 1);
        assert!(refused[0].contains("power of two"), "{refused:?}");
    }

    #[test]
    fn sizes_are_whole_elements() {
        let lengths = |arguments: &str| {
            let options = options(arguments);
            let cases = options.cases(options.operations.0[0]);
            cases.into_iter().map(|case| case.length).collect::<Vec<_>>()
        };
        assert_eq!(lengths("all_reduce --bytes 8..100"), [2, 8, 25]);
        assert_eq!(lengths("all_reduce --bytes 103"), [25]);
        assert_eq!(lengths("all_reduce --bytes 103 --dtype u8"), [103]);
        assert_eq!(lengths("all_gather --bytes 103 --ranks 3"), [8]); // 96 bytes
        assert_eq!(lengths("scatter --bytes 8..128 --ranks 8"), [1, 4]); // 8 bytes would be nothing
        assert_eq!(lengths("barrier --bytes 8..128"), [0]);
    }
}
