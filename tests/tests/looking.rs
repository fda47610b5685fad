//! `all_to_all_look`: an all-to-all whose blocks are shown where they lie.

use collectives::{AllToAll, Communicator, Layout, Result, World};

/// What rank `from` sends rank `to`: uneven, some of it nothing.
fn count(from: usize, to: usize) -> usize {
    (3 * from + 5 * to) % 7 * ((from + to) % 4)
}

fn block(from: usize, to: usize) -> Vec<u64> {
    (0..count(from, to)).map(|i| (from * 1_000_000 + to * 1000 + i) as u64).collect()
}

/// A rank, and the block that it sent.
type Shown = (usize, Vec<u64>);

/// What is shown, in order, and how often something was computed meanwhile.
fn look(comm: &Communicator) -> Result<(Vec<Shown>, usize)> {
    let (rank, ranks) = (comm.rank(), comm.size());
    let input: Vec<u64> = (0..ranks).flat_map(|to| block(rank, to)).collect();
    let sent: Vec<_> = (0..ranks).map(|to| count(rank, to)).collect();
    let taken: Vec<_> = (0..ranks).map(|from| count(from, rank)).collect();
    let (mut shown, mut computed) = (Vec::new(), 0);
    let look = |from: usize, block: &[u64]| shown.push((from, block.to_vec()));
    let result = comm.all_to_all_look(&input, &sent, &taken, look, || {
        computed += 1;
        rank * 10
    })?;
    assert_eq!(result, rank * 10, "what was computed is returned");
    Ok((shown, computed))
}

#[test]
fn every_block_is_shown_once_the_own_one_first() {
    for strict in [false, true] {
        for ranks in 1..=8 {
            let shown = World::new(ranks).strict(strict).run(look).unwrap();
            for (rank, (mut shown, computed)) in shown.into_iter().enumerate() {
                assert_eq!(computed, 1);
                assert_eq!(shown[0].0, rank);
                shown.sort();
                let expected: Vec<_> = (0..ranks).map(|from| (from, block(from, rank))).collect();
                assert_eq!(shown, expected);
            }
        }
    }
}

#[test]
fn it_sends_what_pairwise_sends() {
    for ranks in 1..=8 {
        let counted = World::new(ranks).counting(true).run(|comm| {
            comm.reset_traffic();
            look(comm)?;
            Ok(comm.traffic().expect("the world counts").total)
        });
        for (rank, counted) in counted.unwrap().into_iter().enumerate() {
            let blocks = Layout::of_counts((0..ranks).map(|to| count(rank, to)));
            let cost = AllToAll::Pairwise.cost(&blocks, rank);
            assert_eq!((counted.messages, counted.bytes), (cost.messages as u64, 8 * cost.elements as u64));
        }
    }
}

/// So a rank may copy while another looks.
#[test]
fn it_meets_all_to_all_v() {
    let outputs = World::new(2).run(|comm| match comm.rank() {
        0 => {
            let mut output = vec![0; 3];
            let look =
                |from: usize, block: &[i32]| output[[0, 1][from]..][..block.len()].copy_from_slice(block);
            comm.all_to_all_look(&[1, 2, 3], &[1, 2], &[1, 2], look, || ())?;
            Ok(output)
        }
        _ => {
            let mut output = vec![0; 3];
            comm.all_to_all_v(&[4, 5, 6], &[2, 1], &mut output, &[2, 1])?;
            Ok(output)
        }
    });
    assert_eq!(outputs.unwrap(), [[1, 4, 5], [2, 3, 6]]);
}

#[test]
fn lengths_that_differ_are_told_to_both() {
    let error = World::new(2).run(|comm| {
        let counts = [[1, 2], [1, 1]][comm.rank()];
        let input = vec![0_u8; counts.iter().sum()];
        comm.all_to_all_look(&input, &counts, &[1; 2], |_, _| (), || ())
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("rank 0") && error.contains("rank 1") && error.contains("all_to_all_v"),
        "{error}"
    );
}

#[test]
fn bad_calls() {
    let says = |send: &[usize], take: &[usize]| {
        let ranks = send.len();
        let run = World::new(ranks).run(|comm| {
            let error =
                comm.all_to_all_look(&[0_u8; 3], send, take, |_, _| (), || ()).unwrap_err().to_string();
            Ok(error.split(", called at").next().unwrap_or_default().to_string())
        });
        let errors = run.unwrap();
        assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
        errors[0].clone()
    };
    assert_eq!(
        says(&[2, 2], &[2, 2]),
        "all_to_all_look: input holds 3 elements, 4 were expected (the sum of send_counts)"
    );
    assert_eq!(
        says(&[2, 1], &[2]),
        "all_to_all_look: recv_counts holds 1 elements, 2 were expected (one count a rank)"
    );
    assert_eq!(
        says(&[3], &[2]),
        "all_to_all_look: the block kept holds 3 elements, 2 were expected (the count received)"
    );
}
