//! What `Communicator::plan` says equals what the plain call is counted to do.

use collectives::transport::{self, Counting, Incoming, Operation as Begun, Outgoing, Threads, Transport};
use collectives::{
    AllGather, AllReduce, AllToAll, BadCall, Blocks, Broadcast, Call, Communicator, Custom, Error, Name,
    Plan, Reduce, ReduceScatter, Reduction, Result, Setting, Sum, Traffic,
};
use std::marker::PhantomData;
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::gear::{Algorithm, Gear};
use testkit::oracle::oracle;
use testkit::values::{Fill, composition, element};

/// The call that a case describes, on one rank.
fn call<'a>(operation: Operation, case: &Case, counts: &'a [usize], commutes: bool) -> Call<'a> {
    let &Case { length, root, uneven, .. } = case;
    let blocks = if uneven { Blocks::Counts(counts) } else { Blocks::Equal(length) };
    match operation {
        Operation::Barrier => Call::Barrier,
        Operation::Broadcast => Call::Broadcast { length, root },
        Operation::Reduce => Call::Reduce { length, root, commutes },
        Operation::AllReduce => Call::AllReduce { length, commutes },
        Operation::Gather => Call::Gather { blocks, root },
        Operation::Scatter => Call::Scatter { blocks, root },
        Operation::AllGather => Call::AllGather { blocks },
        Operation::ReduceScatter => Call::ReduceScatter { blocks, commutes },
        Operation::AllToAll if uneven => Call::AllToAllV { send_counts: counts },
        Operation::AllToAll => Call::AllToAll { block: length },
        Operation::Scan => Call::Scan { length },
        Operation::ExclusiveScan => Call::ExclusiveScan { length },
    }
}

/// Lengths of every kind of choice: empty, short, and so on up to megabytes on few ranks.
fn cases(operation: Operation, ranks: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [0, 1, 5, 100, 600, 3000, 20_000, 140_000, 600_000] {
        let fits = length * ranks <= 1 << 20;
        for uneven in [false, true] {
            for root in [0, ranks - 1] {
                let distinct = (operation.has_counts() || !uneven) && (operation.has_root() || root == 0);
                if fits && distinct && (operation != Operation::Barrier || length == 0) {
                    cases.push(Case { ranks, length, uneven, root });
                }
            }
        }
    }
    cases
}

/// A world in which ranks can't lend, as on a network: the ranks of `Threads`, with messages alone.
struct Messages(Box<dyn Transport>);

impl Transport for Messages {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn begin(&self, operation: &Begun) -> transport::Result<()> {
        self.0.begin(operation)
    }

    fn transfer(
        &self,
        operation: &Begun,
        outgoing: Option<Outgoing<'_>>,
        incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> transport::Result<Option<u32>> {
        self.0.transfer(operation, outgoing, incoming, during)
    }

    fn oversubscribed(&self) -> bool {
        self.0.oversubscribed()
    }

    fn subworld(&self, members: &[usize], tag: u64) -> transport::Result<Box<dyn Transport>> {
        Ok(Box::new(Self(self.0.subworld(members, tag)?)))
    }
}

/// Runs `main` on ranks that count, and that lend each other their buffers or don't.
fn run<R: Send>(ranks: usize, lends: bool, main: impl Fn(&Communicator) -> Result<R> + Sync) -> Vec<R> {
    let ran = Threads::new(ranks).run(|endpoint| {
        let endpoint: Box<dyn Transport> = match lends {
            true => Box::new(endpoint),
            false => Box::new(Messages(Box::new(endpoint))),
        };
        main(&Communicator::new(Box::new(Counting::new(endpoint))))
    });
    ran.unwrap()
}

/// What one rank plans for a case, and what it is then counted to do.
fn planned_and_counted(
    comm: &Communicator,
    operation: Operation,
    case: &Case,
    commutes: bool,
) -> Result<(Plan, Traffic)> {
    comm.reset_traffic();
    let rank = comm.rank();
    let counts = match operation {
        Operation::AllToAll => case.pair_counts(rank).0,
        _ => case.counts(),
    };
    let plan = comm.plan::<u64>(call(operation, case, &counts, commutes))?;
    let (any, composition) = (&Sum as &dyn Reduction<u64>, composition());
    let op = if commutes { any } else { &composition };
    let input = vec![1; case.input_length(operation, rank)];
    let mut output = vec![0; case.output_length(operation, rank)];
    Choice::Plain(operation).run(comm, case, &input, &mut output, op)?;
    Ok((plan, comm.traffic().expect("it counts")))
}

fn plans_are_kept(operation: Operation, ranks: usize, lends: bool, commutes: bool) {
    let cases = cases(operation, ranks);
    let ran = run(ranks, lends, |comm| {
        assert_eq!((comm.setting().ranks, comm.setting().lends), (ranks, lends));
        cases
            .iter()
            .map(|case| planned_and_counted(comm, operation, case, commutes))
            .collect::<Result<Vec<_>>>()
    });
    for (index, case) in cases.iter().enumerate() {
        let rounds = ran.iter().map(|of_rank| of_rank[index].1.total.rounds).max().expect("ranks");
        for of_rank in &ran {
            let (plan, traffic) = &of_rank[index];
            let counted = (traffic.total.messages, traffic.total.bytes, rounds);
            assert_eq!((plan.messages, plan.bytes, plan.rounds), counted, "{plan}; {case}, lends: {lends}");
            for (call, _) in &traffic.by_call {
                assert_eq!((call.operation, call.algorithm), (plan.operation, plan.algorithm), "{case}");
            }
        }
    }
}

#[test]
fn plans_are_what_is_counted() {
    for operation in Operation::ALL {
        for ranks in [1, 2, 3, 4, 5, 8] {
            for lends in [true, false] {
                plans_are_kept(operation, ranks, lends, true);
                if operation.reduces() {
                    plans_are_kept(operation, ranks, lends, false);
                }
            }
        }
    }
}

#[test]
fn a_plan_refuses_what_the_call_would_refuse() {
    let setting = Setting { ranks: 3, oversubscribed: false, lends: true };
    let refusal = |rank, call| match setting.plan::<f32>(rank, call) {
        Err(Error::BadCall { call, .. }) => call,
        other => panic!("{other:?}"),
    };
    let nobody = |operation, argument| BadCall::NoSuchRank { operation, argument, rank: 3, ranks: 3 };
    assert_eq!(refusal(3, Call::Barrier), nobody("barrier", "rank"));
    assert_eq!(refusal(0, Call::Broadcast { length: 1, root: 3 }), nobody("broadcast", "root"));
    let blocks = Blocks::Counts(&[1, 2]);
    assert_eq!(refusal(0, Call::Gather { blocks, root: 3 }), nobody("gather_v", "root"));
    assert_eq!(
        refusal(0, Call::AllGather { blocks }),
        BadCall::Length {
            operation: "all_gather_v",
            argument: "counts",
            holds: 2,
            expected: 3,
            because: "one count a rank"
        }
    );
    let (operation, argument) = ("all_to_all_v", "send_counts");
    let send_counts = &[usize::MAX, 1, 0];
    assert_eq!(refusal(0, Call::AllToAllV { send_counts }), BadCall::TooLong { operation, argument });
}

#[test]
fn plans_read_well() {
    let setting = Setting { ranks: 1, oversubscribed: false, lends: false };
    let text = |ranks, call| Setting { ranks, ..setting }.plan::<u8>(0, call).unwrap().to_string();
    assert_eq!(
        text(1, Call::Scan { length: 1 }),
        "scan of 1 u8 on 1 rank: linear, 0 messages, 0 bytes, 0 rounds"
    );
    assert_eq!(
        text(2, Call::ReduceScatter { blocks: Blocks::Counts(&[7, 1]), commutes: false }),
        "reduce_scatter_v of 8 u8 on 2 ranks: pairwise, 1 message, 1 byte, 1 round"
    );
    assert_eq!(text(2, Call::Barrier), "barrier on 2 ranks: dissemination, 1 message, 0 bytes, 1 round");
}

/// Shared columns where ranks can't lend: right results, and the messages, the envelope and the cost of another
/// algorithm.
#[test]
fn where_ranks_do_not_lend_messages_stand_in() {
    let stand_ins: [(Algorithm, Algorithm, bool); 7] = [
        (AllReduce::SharedColumns.into(), AllReduce::Ring.into(), true),
        (AllReduce::SharedColumns.into(), AllReduce::HalvingDoubling.into(), false),
        (ReduceScatter::SharedColumns.into(), ReduceScatter::Pairwise.into(), false),
        (Reduce::SharedColumns.into(), Reduce::ReduceScatterGather.into(), false),
        (AllGather::SharedColumns.into(), AllGather::Ring.into(), true),
        (AllToAll::SharedColumns.into(), AllToAll::Pairwise.into(), true),
        (Broadcast::SharedColumns.into(), Broadcast::Binomial.into(), true),
    ];
    for (shared, messages, commutes) in stand_ins {
        let operation = shared.operation();
        for ranks in 1..=5 {
            let cases: Vec<Case> =
                cases(operation, ranks).into_iter().filter(|case| case.length < 1000).collect();
            let counted = run(ranks, false, |comm| {
                let one = |case| right_and_counted(comm, shared, case, commutes);
                cases.iter().map(one).collect::<Result<Vec<_>>>()
            });
            for (rank, of_rank) in counted.iter().enumerate() {
                for (traffic, case) in of_rank.iter().zip(&cases) {
                    let cost = messages.cost(case, rank, commutes);
                    let expected = (cost.messages as u64, 8 * cost.elements as u64);
                    assert_eq!((traffic.total.messages, traffic.total.bytes), expected, "{shared:?}, {case}");
                    for (call, _) in &traffic.by_call {
                        assert_eq!(call.algorithm, messages.name(), "{shared:?}, {case}");
                    }
                }
            }
        }
    }
}

/// Checks the result of one call, and says what was sent.
fn right_and_counted(
    comm: &Communicator,
    algorithm: Algorithm,
    case: &Case,
    commutes: bool,
) -> Result<Traffic> {
    let (operation, rank) = (algorithm.operation(), comm.rank());
    let composition = composition();
    let op = if commutes { &Sum as &dyn Reduction<u64> } else { &composition };
    let input =
        |rank| (0..case.input_length(operation, rank)).map(|i| element(Fill::Any, 3, rank, i)).collect();
    let inputs: Vec<Vec<u64>> = (0..case.ranks).map(input).collect();
    let mut output = vec![0; case.output_length(operation, rank)];
    comm.reset_traffic();
    Choice::Algorithm(algorithm).run(comm, case, &inputs[rank], &mut output, op)?;
    assert_eq!(output, oracle(operation, case, rank, &inputs, op), "{algorithm:?}, {case}");
    Ok(comm.traffic().expect("it counts"))
}

/// Ghosts take no memory, so a loan of them has no bytes; what they stand for is counted.
#[test]
fn a_billion_ghosts_are_lent() {
    type Ghost = PhantomData<f32>;
    const GHOSTS: usize = 1_000_000_000;
    let nothing = Custom::commutative(&Name("nothing"), |a: Ghost, _| a);
    let sent = run(2, true, |comm| {
        let mut buffer = vec![Ghost::default(); GHOSTS];
        comm.broadcast_with(Broadcast::SharedColumns, &mut buffer, 1)?;
        comm.all_to_all_with(AllToAll::SharedColumns, &buffer.clone(), &mut buffer)?;
        comm.all_gather_with(AllGather::SharedColumns, &[Ghost::default(); GHOSTS / 2], &mut buffer)?;
        comm.all_reduce_with(AllReduce::SharedColumns, &mut buffer[..1000], &nothing)?;
        Ok(comm
            .traffic()
            .expect("it counts")
            .by_call
            .into_iter()
            .map(|(_, counts)| counts.bytes)
            .collect::<Vec<_>>())
    });
    let half = 4 * GHOSTS as u64 / 2;
    assert_eq!(sent, [[half, half, half, 4000]; 2]);
}
