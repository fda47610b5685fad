//! A collective as a command: `gears bench all_reduce --ranks 4`.

use super::options::Options;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use testkit::case::Operation;
use testkit::choice::Choice;
use testkit::gear::{Gear, ladder};

/// A collective, or all, and how to measure it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    operations: Vec<Operation>,
    pub(super) options: Options,
}

/// In place of an operation, and of an algorithm.
const ALL: &str = "all";
/// In place of an algorithm.
const AUTO: &str = "auto";

/// What it does, in a few words.
fn about(operation: Operation) -> &'static str {
    match operation {
        Operation::Barrier => "Nobody goes on before all have come",
        Operation::Broadcast => "What one rank has, to all",
        Operation::Scatter => "One rank's blocks, one to each rank",
        Operation::Gather => "A block of each rank, to one rank",
        Operation::AllGather => "A block of each rank, to all",
        Operation::Reduce => "The sum over the ranks, to one rank",
        Operation::AllReduce => "The sum over the ranks, to all",
        Operation::ReduceScatter => "The sum over the ranks, a block of it to each rank",
        Operation::AllToAll => "A block from each rank to each other",
        Operation::Scan => "The sum over the ranks up to each rank's own",
        Operation::ExclusiveScan => "The sum over the ranks before each rank",
    }
}

/// A command for each collective, and one for all of them.
impl Subcommand for Request {
    fn augment_subcommands(command: Command) -> Command {
        let names = Operation::ALL.map(|operation| (operation.name(), about(operation)));
        names.into_iter().chain([(ALL, "Every collective")]).fold(command, |command, (name, about)| {
            command.subcommand(Options::augment_args(Command::new(name)).about(about))
        })
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        name == ALL || Operation::ALL.iter().any(|operation| operation.name() == name)
    }
}

impl FromArgMatches for Request {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (asked, matches) =
            matches.subcommand().ok_or(ErrorKind::MissingSubcommand).map_err(clap::Error::new)?;
        let is_asked = |operation: &Operation| asked == ALL || asked == operation.name();
        let operations = Operation::ALL.into_iter().filter(is_asked).collect();
        Ok(Self { operations, options: Options::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Request {
    /// What is measured, in order. An error, to be shown, if there is no such algorithm or it refuses the
    /// number of ranks.
    pub(crate) fn choices(&self) -> Result<Vec<Choice>, String> {
        let ladders = || self.operations.iter().flat_map(|&operation| ladder(operation));
        let choices: Vec<_> = match &*self.options.algorithm {
            AUTO => return Ok(self.operations.iter().copied().map(Choice::Plain).collect()),
            ALL => return Ok(ladders().map(Choice::Algorithm).collect()),
            name => ladders().filter(|a| a.name() == name).map(Choice::Algorithm).collect(),
        };
        if choices.is_empty() {
            let mut names: Vec<_> = ladders().map(|algorithm| algorithm.name()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(format!(
                "there is no algorithm `{}` here, but: {AUTO}, {ALL}, {}",
                self.options.algorithm,
                names.join(", ")
            ));
        }
        match choices.iter().find_map(|&choice| self.options.refusal(choice)) {
            Some(reason) => Err(reason),
            None => Ok(choices),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        request: Request,
    }

    fn parse(arguments: &str) -> Result<Request, String> {
        let arguments = ["bench"].into_iter().chain(arguments.split_whitespace());
        Cli::try_parse_from(arguments).map(|cli| cli.request).map_err(|error| error.to_string())
    }

    fn request(arguments: &str) -> Request {
        parse(arguments).expect("good arguments")
    }

    fn chosen(arguments: &str) -> Vec<&'static str> {
        request(arguments).choices().expect("an algorithm").into_iter().map(Choice::name).collect()
    }

    #[test]
    fn algorithms_by_name() {
        assert_eq!(chosen("all_to_all"), ["auto"]);
        assert_eq!(chosen("all_to_all --algorithm all"), ["linear", "pairwise", "bruck", "shared_columns"]);
        assert_eq!(chosen("all_to_all --algorithm bruck"), ["bruck"]);
        assert_eq!(chosen("all"), ["auto"; 11]);
        // Those operations that have one of that name:
        assert_eq!(chosen("all --algorithm ring"), ["ring"; 3]);
    }

    #[test]
    fn mistakes_are_answered_with_what_would_be_right() {
        let says = |arguments: &str, parts: &[&str]| {
            let message = parse(arguments).and_then(|request| request.choices()).expect_err("a mistake");
            for part in parts {
                assert!(message.contains(part), "{message}");
            }
        };
        says("all_reduec", &["all_reduec", "all_reduce"]);
        says("all_reduec", &["unrecognized"]);
        says("all_reduce --dtype f23", &["f23", "f32", "bf16"]);
        says("all_reduce --algorithm rign", &["`rign`", "auto", "all", "halving_doubling", "ring"]);
        says("barrier --algorithm butterfly --ranks 3", &["power of two", "3"]);
        says("all_reduce --ranks 0", &["0", "1..=256"]);
        says("all_reduce --iterations 0", &["0", "1..="]);
        says("all_reduce --bytes 9..8", &["9", "8"]);
    }

    #[test]
    fn what_does_not_fit_is_skipped_when_all_are_asked_for() {
        let request = request("barrier --algorithm all --ranks 3");
        let choices = request.choices().expect("no error");
        let refused: Vec<_> =
            choices.into_iter().filter_map(|choice| request.options.refusal(choice)).collect();
        assert_eq!(refused.len(), 1);
        assert!(refused[0].contains("power of two"), "{refused:?}");
    }

    #[test]
    fn sizes_are_whole_elements() {
        let lengths = |arguments: &str| {
            let request = request(arguments);
            let cases = request.options.cases(request.operations[0]);
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
