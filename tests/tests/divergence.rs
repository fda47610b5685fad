//! Where ranks parted ways: with more than two of them, the error says who differs from whom, and since when.

use collectives::transport::{Error::Mismatch, Record};
use collectives::{
    AllGather, AllReduce, Broadcast, Cause, Communicator, ExclusiveScan, Gather, Max, Result, RunError, Scan,
    Sum, World,
};

/// A call, and the line that it stands on.
type Call = (u32, fn(&Communicator) -> Result<()>);

/// Pairs of collectives that disagree.
#[rustfmt::skip] // a call must stand on the line that it says
fn pairs() -> [(Call, Call); 8] {
    use AllReduce::{Ring, TwoLevel};
    use Broadcast::{Flat, ScatterAllGather};
    [
        ((line!(), |comm| comm.all_reduce_with(Ring, &mut [0_u8; 5], &Sum)),
         (line!(), |comm| comm.all_reduce_with(Ring, &mut [0_u8; 6], &Sum))),

        ((line!(), |comm| comm.all_reduce_with(Ring, &mut [0_i32; 5], &Sum)),
         (line!(), |comm| comm.all_reduce_with(Ring, &mut [0_f32; 5], &Sum))),

        ((line!(), |comm| comm.all_reduce(&mut [0_u8; 5], &Sum)),
         (line!(), |comm| comm.all_reduce(&mut [0_u8; 5], &Max))),

        ((line!(), |comm| comm.all_reduce_with(TwoLevel { group: 3 }, &mut [0_u8; 5], &Sum)),
         (line!(), |comm| comm.all_reduce_with(TwoLevel { group: 2 }, &mut [0_u8; 5], &Sum))),

        ((line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0_u8; 8], 0)),
         (line!(), |comm| comm.broadcast_with(ScatterAllGather, &mut [0_u8; 8], 1))),

        ((line!(), |comm| comm.broadcast_with(Flat, &mut [0_u8], 0)),
         (line!(), |comm| comm.broadcast_with(Flat, &mut [0_u8], 1))),

        ((line!(), |comm| comm.scan_with(Scan::Linear, &mut [0_u8; 4], &Sum)),
         (line!(), |comm| comm.exclusive_scan_with(ExclusiveScan::Linear, &mut [0_u8; 4], &Sum))),

        ((line!(), |comm| comm.split(Some(0), 0).map(|_| ())),
         (line!(), |comm| comm.all_gather_with(AllGather::Bruck, &[0_i64; 2], &mut vec![0; 2 * comm.size()]))),
    ]
}

/// Checks that the report has a line for the rank, with its call.
fn check_line(error: &RunError, ranks: &str, (line, _): Call) {
    let (text, end) = (error.to_string(), format!(", called at {}:{line}:", file!()));
    let ranks = format!("  {ranks}: ");
    assert!(text.lines().any(|line| line.starts_with(&ranks) && line.contains(&end)), "{ranks}\n{text}");
}

/// "ranks 0, 1 and 3" of 4, for all but one.
fn others(ranks: usize, odd: usize) -> (Vec<usize>, String) {
    let others: Vec<usize> = (0..ranks).filter(|&rank| rank != odd).collect();
    let (last, first) = others.split_last().expect("more ranks than one");
    let first: Vec<String> = first.iter().map(usize::to_string).collect();
    let named = format!("ranks {} and {last}", first.join(", "));
    (others, named)
}

#[test]
fn the_odd_one_among_many_is_named() {
    for ranks in [3, 4, 7] {
        for odd in 0..ranks {
            for (most, one) in pairs() {
                let call = |comm: &Communicator| (if comm.rank() == odd { one } else { most }).1(comm);
                let world = World::new(ranks).run(|comm| {
                    call(comm)?;
                    comm.barrier() // where those are told who had nothing to receive
                });
                let error = world.unwrap_err();
                let divergence = error.divergence().unwrap_or_else(|| panic!("{error}"));
                let (others, named) = others(ranks, odd);
                let [(majority, record), (minority, own)] = &divergence.groups[..] else {
                    panic!("{error:?}")
                };
                assert_eq!((majority, minority), (&others, &vec![odd]), "{error:?}");
                let lines = [record, own].map(|record| record.operation.origin.caller.line());
                assert_eq!(lines, [most.0, one.0]);
                assert_eq!(divergence.odd(), [odd]);
                assert!(error.to_string().contains("collective 1 of the world was not the same"), "{error}");
                check_line(&error, &named, most);
                check_line(&error, &format!("rank {odd}"), one);
            }
        }
    }
}

/// A rank that leaves something out is odd from there on, and may go on for some time: what counts is where it
/// began.
#[test]
fn the_earliest_divergence_is_told() {
    let together = std::sync::Barrier::new(4);
    let world = World::new(4).run(|comm| {
        // Short messages to the root don't wait for it, so the others are through when it begins.
        if comm.rank() == 0 {
            together.wait();
        }
        for length in (1..=4).filter(|length| (comm.rank(), *length) != (3, 2)) {
            let mut all = vec![0_u8; if comm.rank() == 0 { 4 * length } else { 0 }];
            comm.gather_with(Gather::Linear, &vec![0; length], &mut all, 0)?;
        }
        if comm.rank() > 0 {
            together.wait();
        }
        Ok(())
    });
    let error = world.unwrap_err();
    // Rank 3 has made three calls, and differs in the second and the third.
    assert_eq!(error.journals.iter().map(Vec::len).collect::<Vec<_>>(), [2, 4, 4, 3], "{error:?}");
    let divergence = error.divergence().unwrap();
    assert_eq!(divergence.odd(), [3]);
    let told = |(ranks, record): &(Vec<usize>, Record)| {
        let envelope = record.operation.envelope;
        (ranks.clone(), envelope.sequence, envelope.length)
    };
    let groups: Vec<_> = divergence.groups.iter().map(told).collect();
    assert_eq!(groups, [(vec![0, 1, 2], 2, 2), (vec![3], 2, 3)]);
    assert!(error.to_string().contains("\ncollective 2 of the world was not the same"), "{error}");
}

#[test]
fn without_a_majority_nobody_is_odd() {
    let differing = |ranks: usize, parts: usize| {
        let world = World::new(ranks).run(|comm| {
            let mut buffer = vec![0_u8; 4 + comm.rank() % parts];
            comm.all_reduce_with(AllReduce::Ring, &mut buffer, &Sum)
        });
        world.unwrap_err()
    };
    let groups = |error: &RunError| -> Vec<Vec<usize>> {
        error.divergence().unwrap().groups.into_iter().map(|(ranks, _)| ranks).collect()
    };
    // Two ranks stand side by side in the table already.
    let two = differing(2, 2);
    assert_eq!(groups(&two), [[0], [1]]);
    assert!(two.divergence().unwrap().odd().is_empty());
    assert!(!two.to_string().contains("not the same"), "{two}");

    let halves = differing(4, 2);
    assert_eq!(groups(&halves), [[0, 2], [1, 3]]);
    assert!(halves.divergence().unwrap().odd().is_empty());
    let text = halves.to_string();
    assert!(text.contains("\n  ranks 0 and 2: ") && text.contains("\n  ranks 1 and 3: "), "{text}");

    let all = differing(3, 3);
    assert_eq!(groups(&all), [[0], [1], [2]]);
    assert!(all.divergence().unwrap().odd().is_empty());

    // The largest group first, else in rank order.
    let three = differing(5, 3);
    assert_eq!(groups(&three), [vec![0, 3], vec![1, 4], vec![2]]);

    // More than half, not just more than any other.
    let largest = differing(5, 4);
    assert_eq!(groups(&largest), [vec![0, 4], vec![1], vec![2], vec![3]]);
    assert!(largest.divergence().unwrap().odd().is_empty());
}

/// Where the ranks disagree on several communicators, numbers don't tell which is the cause.
#[test]
fn the_divergence_of_the_mismatch_is_told() {
    // Nobody receives what the ranks send as the root in the part, so nobody notices until the world's collective.
    let together = std::sync::Barrier::new(4);
    let world = World::new(4).run(|comm| {
        let part = comm.split(Some(comm.rank() as u32 / 2), 0)?.expect("a color");
        comm.barrier()?;
        part.broadcast(&mut [0_u8], part.rank())?; // unnoticed
        together.wait();
        comm.all_reduce_with(AllReduce::Ring, &mut vec![0_u8; 4 + comm.rank() / 3], &Sum)
    });
    let error = world.unwrap_err();
    let Cause::World(Mismatch(mismatch)) = &error.cause else { panic!("{error}") };
    assert!(mismatch.members.is_world(), "{error}");
    let divergence = error.divergence().unwrap();
    assert!(divergence.to_string().starts_with("collective 3 of the world was not the same"), "{divergence}");
    assert_eq!(divergence.odd(), [3]);
}

/// If the root cause is something else: what came first for a rank that took part in both.
#[test]
fn without_a_mismatch_the_first_divergence_is_told() {
    // The one that comes first has the higher number.
    for (first_in_part, number) in [(false, 2), (true, 3)] {
        let together = std::sync::Barrier::new(3);
        let world = World::new(3).run(|comm| {
            let part = comm.split(Some(u32::from(comm.rank() < 2)), 0)?.expect("a color");
            if first_in_part {
                part.barrier()?;
                part.barrier()?;
            }
            // All are the root, and send what nobody receives: number 2 of the world, number 1 or 3 of the part.
            for in_part in [first_in_part, !first_in_part] {
                let comm = if in_part { &part } else { comm };
                comm.broadcast_with(Broadcast::Flat, &mut [0_u8], comm.rank())?;
            }
            together.wait();
            if comm.rank() == 2 { Err(collectives::Error::other("on purpose")) } else { Ok(()) }
        });
        let error = world.unwrap_err();
        assert!(matches!(error.cause, Cause::Returned(_)), "{error}");
        let text = error.divergence().unwrap().to_string();
        let place = if first_in_part { "ranks [0, 1] from split 1 of the world" } else { "the world" };
        assert!(text.starts_with(&format!("collective {number} of {place} was not the same")), "{text}");
    }
}

/// Members are named by their numbers in the world; ranks of another part call what they like.
#[test]
fn the_odd_one_of_a_part_is_named() {
    let together = std::sync::Barrier::new(6);
    let world = World::new(6).run(|comm| {
        let part = comm.split(Some(comm.rank() as u32 % 2), 0)?.expect("all have a color");
        together.wait();
        let length = if comm.rank() == 3 { 5 } else { 6 + comm.rank() % 2 };
        part.all_reduce_with(AllReduce::Ring, &mut vec![0_u8; length], &Sum)
    });
    let error = world.unwrap_err();
    let divergence = error.divergence().unwrap();
    assert_eq!(divergence.odd(), [3]);
    assert_eq!(divergence.groups[0].0, [1, 5]);
    let text = divergence.to_string();
    let headline = "collective 1 of ranks [1, 3, 5] from split 1 of the world was not the same for all:\n";
    assert!(text.starts_with(headline), "{text}");
    assert!(text.contains("\n  ranks 1 and 5: all_reduce/ring of 7 u8"), "{text}");
    assert!(text.contains("\n  rank 3: all_reduce/ring of 5 u8"), "{text}");
    let Cause::World(Mismatch(mismatch)) = &error.cause else { panic!("{error}") };
    assert!([mismatch.sent.rank, mismatch.expected.rank].contains(&3), "{error}");
    assert_eq!((&*mismatch.members.ranks, &*mismatch.members.splits), (&[1, 3, 5][..], &[1][..]));
}

#[test]
fn ranks_that_agree_have_not_parted_ways() {
    let world = World::new(3).run(|comm| {
        comm.barrier()?;
        assert!(comm.rank() != 1, "on purpose");
        comm.barrier()
    });
    let error = world.unwrap_err();
    assert!(error.divergence().is_none(), "{error:?}");
    assert!(!format!("{error:?}").contains("not the same"), "{error:?}");
}

/// Of counts a hash is all there is to compare.
#[test]
fn the_one_with_other_counts_is_named() {
    let world = World::new(4).run(|comm| {
        let counts = if comm.rank() == 1 { [1, 2, 2, 3] } else { [2; 4] };
        comm.all_gather_v_with(AllGather::Bruck, &vec![0_u8; counts[comm.rank()]], &counts, &mut [0; 8])
    });
    let error = world.unwrap_err();
    assert_eq!(error.divergence().unwrap().odd(), [1]);
    let text = error.to_string();
    assert!(text.contains("all_gather_v/bruck") && text.contains("counts"), "{text}");
}

/// Ranks that never came to the call are no majority for anybody, and are listed.
#[test]
fn ranks_that_are_not_on_record_are_said_not_to_be() {
    // Short messages wait for nobody, so each of these goes on: 0 and 1 agree, 2 takes itself for the root.
    let together = std::sync::Barrier::new(6);
    let world = World::new(6).run(|comm| {
        if comm.rank() < 3 {
            comm.broadcast_with(Broadcast::Flat, &mut [0_u8], comm.rank() / 2 * 2)?;
        }
        together.wait();
        if comm.rank() == 5 { Err(collectives::Error::other("on purpose")) } else { Ok(()) }
    });
    let error = world.unwrap_err();
    let divergence = error.divergence().unwrap();
    let ranks: Vec<&[usize]> = divergence.groups.iter().map(|(ranks, _)| &ranks[..]).collect();
    assert_eq!(ranks, [&[0, 1][..], &[2]]);
    assert_eq!(divergence.unknown(), [3, 4, 5]);
    assert!(divergence.odd().is_empty(), "two of six are no majority");
    assert!(error.to_string().ends_with("\n  ranks 3, 4 and 5: not on record"), "{error}");
}
