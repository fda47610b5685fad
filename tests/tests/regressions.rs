//! Mistakes that others made, by name: each must not happen here.

use collectives::*;

/// FateScript's `mpi.py`: the broadcast sent to ranks that didn't expect it when P was no power of two, and
/// the next call read the stray messages.
#[test]
fn fatescript_broadcast_leaves_no_stray_messages() {
    for ranks in [3, 5, 6, 7, 9] {
        for &algorithm in Broadcast::ALL {
            for root in 0..ranks {
                World::new(ranks)
                    .run(|comm| {
                        let mut first = [if comm.rank() == root { 1_u8 } else { 0 }; 3];
                        comm.broadcast_with(algorithm, &mut first, root)?;
                        let mut second = [if comm.rank() == 0 { 2_u8 } else { 0 }; 3];
                        comm.broadcast_with(algorithm, &mut second, 0)?;
                        assert_eq!((first, second), ([1; 3], [2; 3]));
                        Ok(())
                    })
                    .unwrap(); // a message left over would be an error
            }
        }
    }
}

/// FateScript's `mpi.py`: the ring sent before it received, which worked until the data outgrew the buffers.
#[test]
fn fatescript_ring_does_not_deadlock_on_400_000_elements() {
    for ranks in 2..=5 {
        for &algorithm in AllReduce::ALL {
            let sums = World::new(ranks)
                .run(|comm| {
                    let mut x = vec![comm.rank() as f32 + 1.0; 400_000];
                    comm.all_reduce_with(algorithm, &mut x, &Sum)?;
                    let expected = (ranks * (ranks + 1) / 2) as f32;
                    Ok(x.iter().all(|&sum| sum == expected))
                })
                .unwrap();
            assert!(sums.into_iter().all(|correct| correct), "{algorithm} on {ranks} ranks");
        }
    }
}

/// FateScript's `mpi.py`: scatter dealt out every P-th element where everything else is contiguous.
#[test]
fn fatescript_scatter_is_contiguous() {
    for &algorithm in Scatter::ALL {
        let blocks = World::new(3)
            .run(|comm| {
                let input: Vec<u32> = if comm.rank() == 0 { (0..6).collect() } else { vec![] };
                let mut block = [0; 2];
                comm.scatter_with(algorithm, &input, &mut block, 0)?;
                Ok(block)
            })
            .unwrap();
        assert_eq!(blocks, [[0, 1], [2, 3], [4, 5]]);
    }
}

/// FateScript's `mpi.py`: the butterfly barrier on a number of ranks that is no power of two.
#[test]
fn fatescript_butterfly_refuses_other_than_powers_of_two() {
    for ranks in 1..=16 {
        let refused =
            World::new(ranks).run(|comm| Ok(comm.barrier_with(Barrier::Butterfly).is_err())).unwrap();
        assert!(refused.into_iter().all(|refused| refused != ranks.is_power_of_two()));
    }
}

/// PyTorch's tutorial (issue 31572), ARENA 3.0 (407): a "ring all-reduce" that passes whole tensors. The
/// ring sends 2N(P-1)/P elements per rank; the specimen, P/2 times as many.
#[test]
fn tutorial_ring_is_told_from_the_ring_by_its_traffic() {
    let sent = |algorithm| {
        let traffic = World::new(8).counting(true).run(|comm| {
            comm.all_reduce_with(algorithm, &mut [1.0_f32; 800], &Sum)?;
            Ok(comm.traffic().unwrap().total.bytes)
        });
        traffic.unwrap()
    };
    assert_eq!(sent(AllReduce::Ring), [2 * 700 * 4; 8]);
    assert_eq!(sent(AllReduce::WholeBufferRing), [7 * 800 * 4; 8]);
}

/// burn-collective: chunk ranges out of range for 5 elements on 4 ranks.
#[test]
fn burn_ring_of_5_elements_on_4_ranks() {
    for &algorithm in AllReduce::ALL {
        let sums = World::new(4)
            .run(|comm| {
                let mut x: [i32; 5] = std::array::from_fn(|i| (10 * comm.rank() + i) as i32);
                comm.all_reduce_with(algorithm, &mut x, &Sum)?;
                Ok(x)
            })
            .unwrap();
        assert_eq!(sums, [[60, 64, 68, 72, 76]; 4], "{algorithm}");
    }
}

/// burn-collective: on a mismatch, late ranks waited for ever.
#[test]
fn burn_mismatch_reaches_late_ranks() {
    let error = World::new(3)
        .run(|comm| {
            if comm.rank() == 2 {
                // Late: the others have long disagreed.
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            comm.all_reduce(&mut vec![0_f32; 4 + comm.rank()], &Sum)
        })
        .unwrap_err();
    let told: Vec<usize> = error.consequences.iter().map(|(rank, _)| *rank).collect();
    assert_eq!(told, [0, 1, 2], "{error:?}");
}

/// mpi-pytest 12, rsmpi 197: one rank raises, the others hang without a trace.
#[test]
fn rsmpi_one_rank_raises_and_nobody_hangs() {
    for raising in 0..4 {
        for &algorithm in AllReduce::ALL {
            let error = World::new(4)
                .run(|comm| {
                    assert!(comm.rank() != raising, "raised");
                    comm.all_reduce_with(algorithm, &mut [0_f32; 10_000], &Sum)
                })
                .unwrap_err();
            assert_eq!(error.rank, raising);
            assert!(
                matches!(&error.cause, Cause::Panicked { message, .. } if message == "raised"),
                "{error}"
            );
            assert_eq!(error.consequences.len(), 3, "{error:?}");
        }
    }
}

/// gloo 511, nccl 296, pytorch 78022 (since fixed): errors that named no rank, or only one of the two, and at most
/// one side of what they disagreed about.
#[test]
fn gloo_errors_name_both_ranks_and_both_lengths() {
    let error = World::new(2)
        .run(|comm| match comm.rank() {
            0 => comm.send(1, &[0_f32; 3]),
            _ => comm.recv(0, &mut [0_f32; 5]),
        })
        .unwrap_err();
    let Cause::World(transport::Error::Mismatch(mismatch)) = &error.cause else { panic!("{error}") };
    let sides = [mismatch.sent, mismatch.expected].map(|side| (side.rank, side.envelope.elements));
    assert_eq!(sides, [(0, 3), (1, 5)]);
    let text = error.to_string();
    assert!(text.starts_with("mismatch: ranks 0 and 1 disagree on the length"), "{text}");
    let lengths = text.lines().find(|line| line.contains("≠ length")).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(lengths.split_whitespace().collect::<Vec<_>>(), ["≠", "length", "3", "5"]);
}

/// DeepSpeed 5177, 7384, 7842: a length that the number of ranks doesn't divide was silently corrupted.
#[test]
fn deepspeed_lengths_that_do_not_divide() {
    for ranks in [3, 4, 7] {
        for length in [1, 10, 1001] {
            let blocks = Layout::even(length, ranks);
            let counts: Vec<usize> = (0..ranks).map(|rank| blocks.len(rank)).collect();
            World::new(ranks)
                .run(|comm| {
                    let own: Vec<usize> = blocks.block(comm.rank()).collect();
                    let mut all = vec![0; length];
                    comm.all_gather_v(&own, &counts, &mut all)?;
                    assert!(all.iter().copied().eq(0..length));
                    let mut sums = vec![0; own.len()];
                    comm.reduce_scatter_v(&all, &counts, &mut sums, &Sum)?;
                    assert!(sums.iter().zip(&own).all(|(sum, x)| *sum == ranks * x));
                    comm.all_reduce(&mut all, &Sum)?;
                    assert!(all.iter().enumerate().all(|(i, sum)| *sum == ranks * i));
                    // The forms without counts say so instead of cutting off.
                    let refused = comm.all_to_all(&vec![0; ranks + 1], &mut vec![0; ranks + 1]);
                    assert!(matches!(
                        refused,
                        Err(Error::BadCall { call: BadCall::NotAMultiple { .. }, .. })
                    ));
                    Ok(())
                })
                .unwrap();
        }
    }
}
