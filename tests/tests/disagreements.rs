//! Never lie: ranks that mean different things are told so, with both views side by side.

use collectives::transport::{Error as TransportError, Mismatch};
use collectives::{
    AllGather, AllReduce, AllToAll, Broadcast, Cause, Communicator, ExclusiveScan, Gather, Max, Result,
    RunError, Scan, Sum, World,
};
use std::marker::PhantomData;

fn line_of(mark: &str) -> u32 {
    gears_tests::line_of(include_str!("disagreements.rs"), mark)
}

/// A call, and the line that it stands on.
type Call = (u32, fn(&Communicator) -> Result<()>);

/// A row of the table: its name, and what ranks differ in (the lower rank's value first).
type Differs = (&'static str, &'static str, &'static str);

/// A mismatch as it is printed.
struct Told {
    headline: String,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// The lower rank's first, whoever sent.
    cells: [String; 2],
    marked: bool,
}

impl Told {
    /// Reads the table back from the text that begins with it.
    fn read(text: &str) -> Self {
        let mut lines = text.lines();
        let (headline, titles) = (lines.next().unwrap(), lines.next().unwrap());
        let starts: Vec<usize> = titles.match_indices("rank ").map(|(start, _)| start).collect();
        let [first, second] = starts[..] else { panic!("two titles are expected:\n{text}") };
        let rank = |title: &str| title.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap();
        let swapped = rank(&titles[first..]) > rank(&titles[second..]);
        let row = |line: &str| {
            let letters: Vec<char> = line.chars().collect();
            let part = |letters: &[char]| letters.iter().collect::<String>().trim().to_owned();
            let mut cells = [part(&letters[first..second]), part(&letters[second..])];
            if swapped {
                cells.reverse();
            }
            Row { name: part(&letters[4..first]), cells, marked: letters[2] == '≠' }
        };
        let rows = lines.take_while(|line| line.starts_with("  ")).map(row).collect();
        Self { headline: headline.to_owned(), rows }
    }

    fn row(&self, name: &str) -> &Row {
        self.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
    }

    /// Checks that these rows are marked, and no others, that all others are equal, and that the headline
    /// names what differs.
    fn check_marked(&self, expected: &[Differs]) {
        let marked = self.rows.iter().filter(|row| row.marked);
        let marked: Vec<_> = marked.map(|row| (&*row.name, &*row.cells[0], &*row.cells[1])).collect();
        assert_eq!(marked, expected, "{}", self.headline);
        for Row { name, cells: [a, b], marked } in &self.rows {
            assert!(*marked == (a != b) || name == "called at", "{name}: {a} and {b}");
            // Of different operations the headline says no more than that.
            let named = self.headline.contains(if self.row("operation").marked { "operation" } else { name });
            assert!(!marked || named, "{name} is not in: {}", self.headline);
        }
    }

    /// Checks that both calls are named by file and line.
    fn check_places(&self, lines: [u32; 2]) {
        for (cell, line) in self.row("called at").cells.iter().zip(lines) {
            assert!(cell.starts_with(&format!("{}:{line}:", file!())), "{cell}, not line {line}");
        }
    }
}

fn the_mismatch(error: &RunError) -> &Mismatch {
    let Cause::World(TransportError::Mismatch(mismatch)) = &error.cause else { panic!("{error}") };
    mismatch
}

/// Runs two calls that disagree, on two ranks and as their second collective, and returns what they are told.
fn mismatch(zero: Call, one: Call) -> Told {
    let world = World::new(2).run(|comm| {
        comm.barrier()?;
        let (_, call) = [zero, one][comm.rank()];
        call(comm)?;
        comm.barrier() // where a rank that had only to send is told
    });
    let error = world.unwrap_err();
    // Both ranks got it: neither was left waiting, neither believes that all is well.
    let told: Vec<usize> = error.consequences.iter().map(|(rank, _)| *rank).collect();
    assert_eq!(told, [0, 1], "{error}");
    let mut ranks = [the_mismatch(&error).sent.rank, the_mismatch(&error).expected.rank];
    ranks.sort_unstable();
    assert_eq!(ranks, [0, 1]);

    let text = error.to_string();
    let told = Told::read(&text);
    let headlines = ["mismatch: ranks 0 and 1 disagree", "mismatch: ranks 1 and 0 disagree"];
    assert!(headlines.iter().any(|start| told.headline.starts_with(start)), "{text}");
    told.check_places([zero.0, one.0]);
    told
}

/// Pairs of collectives that disagree, and the rows that tell.
#[rustfmt::skip] // a call must stand on the line that it says
fn pairs() -> Vec<(Call, Call, Vec<Differs>)> {
    use AllReduce::{HalvingDoubling, RecursiveDoubling, Ring, SegmentedRing};
    use Broadcast::ScatterAllGather;
    vec![
        ((line!(), |comm| comm.all_reduce_with(Ring, &mut [0.0_f32; 5], &Sum)),
         (line!(), |comm| comm.all_reduce_with(Ring, &mut [0.0_f32; 6], &Sum)),
         vec![("length", "5", "6")]),

        ((line!(), |comm| comm.all_reduce_with(RecursiveDoubling, &mut [0.0_f32; 4], &Sum)),
         (line!(), |comm| comm.all_reduce_with(RecursiveDoubling, &mut [0_i32; 4], &Sum)),
         vec![("element type", "f32", "i32")]),

        ((line!(), |comm| comm.all_reduce_with(RecursiveDoubling, &mut [0_u8; 4], &Sum)),
         (line!(), |comm| comm.all_reduce_with(RecursiveDoubling, &mut [0_u16; 4], &Sum)),
         vec![("element type", "u8", "u16")]), // that they differ in length goes without saying

        // The same name and as long on a wire, but one of them holds nothing.
        ((line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [PhantomData::<f32>; 4], 0)),
         (line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0.0_f32; 4], 0)),
         vec![("bytes in memory", "0", "4")]),

        ((line!(), |comm| comm.all_reduce(&mut [0_u8; 4], &Sum)),
         (line!(), |comm| comm.all_reduce(&mut [0_u8; 4], &Max)),
         vec![("reduction", "sum", "max")]),

        ((line!(), |comm| comm.all_reduce_with(Ring, &mut [0_u8; 4], &Sum)),
         (line!(), |comm| comm.all_reduce_with(HalvingDoubling, &mut [0_u8; 4], &Sum)),
         vec![("algorithm", "ring", "halving_doubling")]),

        ((line!(), |comm| comm.scan_with(Scan::Linear, &mut [0_u8; 4], &Sum)),
         (line!(), |comm| comm.exclusive_scan_with(ExclusiveScan::Linear, &mut [0_u8; 4], &Sum)),
         vec![("operation", "scan", "exclusive_scan")]),

        ((line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0_u8; 4], 0)),
         (line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0_u8; 4], 1)),
         vec![("root", "0", "1")]),

        ((line!(), |comm| comm.all_reduce_with(SegmentedRing { segment: 1 }, &mut [0_u8; 4], &Sum)),
         (line!(), |comm| comm.all_reduce_with(SegmentedRing { segment: 2 }, &mut [0_u8; 4], &Sum)),
         vec![("segment", "1", "2")]),

        // What only one of them has.
        ((line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0_u8; 4], 1)),
         (line!(), |comm| comm.all_reduce_with(Ring, &mut [0_u8; 4], &Sum)),
         vec![("operation", "broadcast", "all_reduce"), ("algorithm", "scatter_all_gather", "ring"),
              ("reduction", "-", "sum"), ("root", "1", "-")]),

        ((line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0_u8; 4], 1)),
         (line!(), |comm| comm.all_reduce_with(SegmentedRing { segment: 2 }, &mut [0_u8; 4], &Sum)),
         vec![("operation", "broadcast", "all_reduce"), ("algorithm", "scatter_all_gather", "segmented_ring"),
              ("reduction", "-", "sum"), ("parameter", "1", "2")]),

        // A split is no all-gather, though it works like one.
        ((line!(), |comm| comm.split(Some(0), 0).map(|_| ())),
         (line!(), |comm| comm.all_gather_with(AllGather::Bruck, &[0_i64; 2], &mut vec![0; 2 * comm.size()])),
         vec![("operation", "split", "all_gather"), ("length", "2", "4")]),
    ]
}

#[test]
fn the_row_that_differs_is_marked_and_only_that() {
    for (zero, one, expected) in pairs() {
        // Either rank may be the one that sent what the other looks at.
        for (zero, one, swap) in [(zero, one, false), (one, zero, true)] {
            let told = mismatch(zero, one);
            let turned = |&(name, a, b): &Differs| if swap { (name, b, a) } else { (name, a, b) };
            told.check_marked(&expected.iter().map(turned).collect::<Vec<_>>());
            assert!(told.headline.ends_with("(collective 2 of the world)"), "{}", told.headline);
            assert_eq!(told.row("collective").cells, ["2", "2"]);
        }
    }
}

/// Of counts only a hash travels with the messages.
#[test]
fn counts_that_differ_are_told_by_their_hash() {
    let told = mismatch(
        (line!(), |comm| comm.all_gather_v_with(AllGather::Bruck, &[0; 2], &[2, 2], &mut [0_u8; 4])),
        (line!(), |comm| comm.all_gather_v_with(AllGather::Bruck, &[0; 3], &[1, 3], &mut [0_u8; 4])),
    );
    let marked: Vec<&Row> = told.rows.iter().filter(|row| row.marked).collect();
    let [Row { name, cells: [a, b], .. }] = marked[..] else { panic!("{}", told.headline) };
    assert_eq!(name, "length");
    assert!(a != b && a.contains("counts") && b.contains("counts"), "{a} and {b}");
}

/// `all_to_all_v` has different counts on every rank, so only a message can have another length than expected.
#[test]
fn a_part_of_a_call_that_differs_is_marked() {
    let told = mismatch(
        (line!(), |comm| comm.all_to_all_v(&[7; 3], &[1, 2], &mut [0; 2], &[1, 1])),
        (line!(), |comm| comm.all_to_all_v(&[7; 2], &[1, 1], &mut [0; 4], &[3, 1])),
    );
    told.check_marked(&[("length of this message", "2", "3")]);
    assert!(
        told.headline.contains(" disagree on the length of this message (collective 2"),
        "{}",
        told.headline
    );
    // The call has no length of its own, and no counts that are compared.
    assert!(told.rows.iter().all(|row| row.name != "length"));

    // Unless the other call has.
    let told = mismatch(
        (line!(), |comm| comm.all_to_all_v(&[7; 2], &[1, 1], &mut [0; 2], &[1, 1])),
        (line!(), |comm| comm.all_to_all_with(AllToAll::Pairwise, &[7; 2], &mut [0; 2])),
    );
    told.check_marked(&[("operation", "all_to_all_v", "all_to_all"), ("length", "-", "2")]);
}

#[test]
fn messages_that_differ_are_told_from_collectives() {
    let lengths =
        mismatch((line!(), |comm| comm.send(1, &[0_u8; 3])), (line!(), |comm| comm.recv(0, &mut [0_u8; 5])));
    lengths.check_marked(&[("length", "3", "5")]);
    assert!(
        lengths.headline.ends_with("(operation 2, after collective 1 of the world)"),
        "{}",
        lengths.headline
    );

    let types = mismatch(
        (line!(), |comm| comm.send(1, &[0_u32; 3])),
        (line!(), |comm| comm.recv(0, &mut [0_f32; 3])),
    );
    types.check_marked(&[("element type", "u32", "f32")]);

    let ghosts = mismatch(
        (line!(), |comm| comm.send(1, &[PhantomData::<f32>; 3])),
        (line!(), |comm| comm.recv_reduce(0, &mut [0_f32; 3], &Sum)),
    );
    ghosts.check_marked(&[("bytes in memory", "0", "4")]);

    let kinds = mismatch(
        (line!(), |comm| comm.send(1, &[0_u8; 4])),
        (line!(), |comm| comm.broadcast_with(Broadcast::Flat, &mut [0_u8; 4], 0)),
    );
    assert!(kinds.headline.ends_with("(collective 2 of the world)"), "{}", kinds.headline);
    let Row { cells, marked, .. } = kinds.row("collective");
    assert!(*marked && cells[0].contains("message") && cells[1] == "2", "{cells:?}");
}

/// A message says where its sender was when it was sent, not where it is now. If that was before the receiver's place,
/// nobody is called behind.
#[test]
fn a_message_of_an_earlier_collective_is_called_that() {
    let world = World::new(2).run(|comm| {
        comm.barrier()?;
        if comm.rank() == 1 {
            // Short, so it doesn't wait for rank 0.
            comm.reduce(&[1_u8], &mut [], &Sum, 0)?; // reduces
        }
        comm.broadcast(&mut [1_u8], 0) // broadcasts
    });
    let error = world.unwrap_err();
    let told = Told::read(&error.to_string());
    assert_eq!(
        told.headline,
        "mismatch: rank 1, in collective 3 of the world, was sent a message of collective 2 by rank 0"
    );
    told.check_places([line_of("broadcasts"); 2]);
    assert!(told.row("collective").marked);
    assert_eq!(told.row("collective").cells, ["2", "3"]);
    // The journal has what was left out.
    let place = |rank: usize, record: usize| error.journals[rank][record].operation.origin.caller.line();
    assert_eq!([place(1, 1), place(0, 1)], ["reduces", "broadcasts"].map(line_of));
}

/// ... or the one that receives, and also on a communicator where it has another number.
#[test]
fn a_receiver_that_is_behind_is_named() {
    let leaves_out = |comm: &Communicator, first: bool| {
        if !first {
            comm.broadcast_with(Broadcast::Flat, &mut [0_u8], 2)?;
        }
        // Rank 0 takes from rank 1 first.
        let mut all = vec![0; if first { 3 } else { 0 }];
        comm.gather_with(Gather::Linear, &[0_u8], &mut all, 0)
    };
    let error = World::new(3).run(|comm| leaves_out(comm, comm.rank() == 0)).unwrap_err();
    let told = Told::read(&error.to_string());
    let headline = "mismatch: rank 0 is behind: collective 1 of the world, where rank 1 is at collective 2";
    assert_eq!(told.headline, headline);
    assert_eq!(error.divergence().unwrap().odd(), [0]);

    let world = World::new(4).run(|comm| {
        let Some(part) = comm.split((comm.rank() != 1).then_some(0), -(comm.rank() as i64))? else {
            return Ok(());
        };
        leaves_out(&part, comm.rank() == 3)
    });
    let error = world.unwrap_err();
    let told = Told::read(&error.to_string());
    let headline = "mismatch: rank 3 is behind: collective 1 of ranks [3, 2, 0] from split 1 of the world, \
                    where rank 2 is at collective 2";
    assert_eq!(told.headline, headline);
    assert_eq!(error.divergence().unwrap().odd(), [3]);
}

/// Short messages don't wait, so ranks that each take themselves for the root all return. What they leave
/// behind shows that they disagreed.
#[test]
fn ranks_that_all_send_as_the_root_are_told_so_in_the_end() {
    let call: Call = (line!(), |comm| comm.broadcast(&mut [1.0_f32], comm.rank()));
    let error = World::new(3).run(call.1).unwrap_err();
    let told = Told::read(&error.to_string());
    assert!(told.headline.starts_with("mismatch: ranks 0 and 1 disagree on the root"), "{error}");
    told.check_marked(&[("root", "0", "1")]);
    told.check_places([call.0; 2]);
    assert_eq!(error.divergence().unwrap().groups.len(), 3);
    assert!(error.consequences.is_empty(), "{error:?}");
}

/// No message can tell them, since both wait for one. That they wait for each other does.
#[test]
fn ranks_that_each_take_the_other_for_the_root_are_told_so() {
    let call: Call = (line!(), |comm| comm.broadcast(&mut [1.0_f32], 1 - comm.rank()));
    let error = World::new(2).run(call.1).unwrap_err();
    let told = Told::read(&error.to_string());
    told.check_marked(&[("root", "1", "0")]);
    told.check_places([call.0; 2]);
    let told: Vec<usize> = error.consequences.iter().map(|(rank, _)| *rank).collect();
    assert_eq!(told, [0, 1], "{error:?}");
}

/// Each waits for the other to receive. That is a deadlock, too; but it only came of their disagreement.
#[test]
fn ranks_that_both_send_as_the_root_are_told_what_they_disagree_on() {
    for (strict, length) in [(true, 1), (false, 10_000)] {
        for ranks in [2, 3, 5] {
            let main = |comm: &Communicator| {
                let root = comm.rank().min(1);
                comm.broadcast_with(Broadcast::Flat, &mut vec![0_u8; length], root)
            };
            let text = World::new(ranks).strict(strict).run(main).unwrap_err().to_string();
            let headline = "mismatch: ranks 0 and 1 disagree on the root (collective 1 of the world)";
            assert!(text.starts_with(headline), "{text}");
        }
    }
}
