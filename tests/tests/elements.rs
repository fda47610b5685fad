//! What can travel, and how it is reduced at the edges of its type.

use collectives::*;
use half::{bf16, f16};
use std::marker::PhantomData;

fn all_reduced<T: Element>(inputs: [T; 2], op: &dyn Reduction<T>) -> T {
    let results = World::new(2)
        .run(|comm| {
            let mut x = [inputs[comm.rank()]];
            comm.all_reduce(&mut x, op)?;
            Ok(x[0])
        })
        .unwrap();
    assert_eq!(bytemuck::bytes_of(&results[0]), bytemuck::bytes_of(&results[1]));
    results[0]
}

#[test]
fn integers_wrap() {
    assert_eq!(all_reduced([u8::MAX, 3], &Sum), 2);
    assert_eq!(all_reduced([i32::MIN, -1], &Sum), i32::MAX);
    assert_eq!(all_reduced([i64::MAX, 2], &Product), -2);
}

#[test]
fn means_round_towards_zero() {
    assert_eq!(all_reduced([-3, -4], &Mean), -3);
    assert_eq!(all_reduced([3_u8, 4], &Mean), 3);
    assert_eq!(all_reduced([0.5_f32, 1.0], &Mean), 0.75);
    assert_eq!(all_reduced([f16::from_f32(0.5), f16::ONE], &Mean), f16::from_f32(0.75));
    assert_eq!(all_reduced([bf16::from_f32(3.0), bf16::ONE], &Mean), bf16::from_f32(2.0));
}

#[test]
fn extremes_of_floats_do_not_depend_on_rank_order() {
    for [a, b] in [[0.0_f32, -0.0], [-0.0, 0.0]] {
        assert!(all_reduced([a, b], &Min).is_sign_negative());
        assert!(all_reduced([a, b], &Max).is_sign_positive());
    }
    for [a, b] in [[f64::NAN, 1.0], [1.0, f64::NAN], [f64::NAN, f64::INFINITY]] {
        assert!(all_reduced([a, b], &Min).is_nan());
        assert!(all_reduced([a, b], &Max).is_nan());
    }
    assert_eq!(all_reduced([f16::NEG_INFINITY, f16::ONE], &Min), f16::NEG_INFINITY);
    assert_eq!(all_reduced([bf16::NEG_INFINITY, bf16::ONE], &Max), bf16::ONE);
}

#[test]
fn exclusive_scans_begin_with_the_identity() {
    let first = |op: &dyn Reduction<i16>| {
        let values = World::new(3).run(|comm| {
            let mut x = [7 + comm.rank() as i16];
            comm.exclusive_scan(&mut x, op)?;
            Ok(x[0])
        });
        values.unwrap()
    };
    assert_eq!(first(&Sum), [0, 7, 15]);
    assert_eq!(first(&Product), [1, 7, 56]);
    assert_eq!(first(&Min), [i16::MAX, 7, 7]);
    assert_eq!(first(&Max), [i16::MIN, 7, 8]);
    // The mean of nothing doesn't exist, nor has a function of the caller's a known identity.
    assert_eq!(first(&Mean), [7, 7, 7]);
    assert_eq!(first(&Custom::commutative(&Name("xor"), |a, b| a ^ b)), [7, 7, 7 ^ 8]);
}

/// The door that the simulator needs: a buffer of a billion ghosts takes no memory, runs through the same
/// algorithms and is counted in full.
#[test]
fn ghosts_take_no_memory_and_are_counted_in_full() {
    type Ghost = PhantomData<f32>;
    const LENGTH: usize = 1_000_000_000;
    let nothing = Custom::commutative(&Name("ghost"), |_: Ghost, _: Ghost| PhantomData);
    for &algorithm in AllReduce::ALL.iter().filter(|&&a| !matches!(a, AllReduce::SegmentedRing { .. })) {
        let traffic = World::new(3)
            .counting(true)
            .run(|comm| {
                let mut ghosts = vec![PhantomData; LENGTH];
                comm.all_reduce_with(algorithm, &mut ghosts, &nothing)?;
                Ok(comm.traffic().unwrap().total)
            })
            .unwrap();
        for (rank, counts) in traffic.into_iter().enumerate() {
            let cost = algorithm.cost(3, rank, LENGTH);
            assert_eq!(counts.messages, cost.messages as u64);
            assert_eq!(counts.bytes, 4 * cost.elements as u64, "{algorithm}, rank {rank}");
        }
    }
}

#[test]
fn counters_tell_operations_apart_and_can_be_reset() {
    World::new(4)
        .counting(true)
        .run(|comm| {
            comm.all_reduce_with(AllReduce::Ring, &mut [0_u16; 8], &Sum)?;
            comm.barrier_with(Barrier::Dissemination)?;
            let half = comm.split(Some(comm.rank() as u32 % 2), 0)?.unwrap();
            half.all_reduce_with(AllReduce::Ring, &mut [0_u16; 8], &Sum)?;
            let traffic = comm.traffic().unwrap();
            // 2 (P-1) messages of 2 elements in the world, and of 4 in the half.
            let all_reduce = traffic.of("all_reduce");
            assert_eq!((all_reduce.messages, all_reduce.bytes), (6 + 2, 6 * 4 + 2 * 8));
            assert_eq!((traffic.of("barrier").messages, traffic.of("barrier").bytes), (2, 0));
            assert_eq!(traffic.of("broadcast"), Counts::default());
            let sum: u64 = traffic.by_call.iter().map(|(_, counts)| counts.messages).sum();
            assert_eq!(traffic.total.messages, sum);
            comm.reset_traffic();
            assert_eq!(comm.traffic().unwrap().total, Counts::default());
            Ok(())
        })
        .unwrap();
    let uncounted = World::new(1).run(|comm| Ok(comm.traffic().is_none()));
    assert_eq!(uncounted.unwrap(), [true]);
}

#[test]
fn splits_number_by_key_and_leave_out_who_gives_no_color() {
    let seen = World::new(6)
        .run(|comm| {
            let color = (comm.rank() != 4).then_some(comm.rank() as u32 % 2);
            let part = comm.split(color, -(comm.rank() as i64))?; // the highest rank becomes the first
            let Some(part) = part else { return Ok((usize::MAX, 0, vec![])) };
            let mut members = vec![0; part.size()];
            part.all_gather(&[comm.rank()], &mut members)?;
            Ok((part.rank(), part.size(), members))
        })
        .unwrap();
    assert_eq!(seen[0], (1, 2, vec![2, 0]));
    assert_eq!(seen[1], (2, 3, vec![5, 3, 1]));
    assert_eq!(seen[2], (0, 2, vec![2, 0]));
    assert_eq!(seen[4], (usize::MAX, 0, vec![]));
    assert_eq!(seen[5], (0, 3, vec![5, 3, 1]));
}

#[test]
fn communicators_do_not_mix_their_messages() {
    World::new(2)
        .run(|comm| {
            let same = comm.split(Some(0), 0)?.unwrap();
            let other = 1 - comm.rank();
            let mut x = [0_u8; 2];
            if comm.rank() == 0 {
                comm.send(other, &[1_u8])?;
                same.send(other, &[2_u8])?;
            } else {
                // In the other order: each communicator has mailboxes of its own.
                same.recv(other, &mut x[1..])?;
                comm.recv(other, &mut x[..1])?;
                assert_eq!(x, [1, 2]);
            }
            Ok(())
        })
        .unwrap();
}
