//! What the mutants do, where it takes more than a line.

use collectives::{AllReduce, Communicator, Element, Layout, Reduce, Reduction, Result, ceil_log2};

/// The ranks `distance` to the right and to the left.
pub(super) fn neighbours(comm: &Communicator, distance: usize) -> (usize, usize) {
    let (rank, size) = (comm.rank(), comm.size());
    ((rank + distance) % size, (rank + size - distance % size) % size)
}

pub(super) fn signal(comm: &Communicator, (to, from): (usize, usize)) -> Result<()> {
    comm.send_recv(to, &[0_u8; 0], from, &mut [])
}

pub(super) fn even(length: usize, parts: usize) -> Vec<std::ops::Range<usize>> {
    let layout = Layout::even(length, parts);
    (0..parts).map(|i| layout.block(i)).collect()
}

pub(super) fn whole_tensor_ring<T: Element>(
    comm: &Communicator,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (right, left) = neighbours(comm, 1);
    let mut passing = buffer.to_vec();
    for _ in 1..comm.size() {
        let mut arrived = vec![T::zeroed(); buffer.len()];
        comm.send_recv(right, &passing, left, &mut arrived)?;
        op.fold(buffer, &arrived);
        passing = arrived;
    }
    op.finish(buffer, comm.size());
    Ok(())
}

/// The ring all-reduce, with what can be wrong about it as arguments.
pub(super) fn ring<T: Element>(
    comm: &Communicator,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
    blocks: &[std::ops::Range<usize>],
    second_half: usize,
    send_then_receive: bool,
) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let (right, left) = neighbours(comm, 1);
    let index = |i: usize| blocks[(i + 2 * size) % size].clone();
    let exchange = |sent: &[T], into: &mut [T]| match send_then_receive {
        true => comm.send(right, sent).and_then(|()| comm.recv(left, into)),
        false => comm.send_recv(right, sent, left, into),
    };
    for step in 0..size - 1 {
        let sent = buffer[index(rank + size - step)].to_vec();
        let block = index(rank + size - step - 1);
        let mut arrived = vec![T::zeroed(); block.len()];
        exchange(&sent, &mut arrived)?;
        op.fold(&mut buffer[block], &arrived);
    }
    for step in 0..second_half {
        let sent = buffer[index(rank + size + 1 - step)].to_vec();
        exchange(&sent, &mut buffer[index(rank + size - step)])?;
    }
    op.finish(buffer, size);
    Ok(())
}

pub(super) fn partner_order<T: Element>(
    comm: &Communicator,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    if !comm.size().is_power_of_two() {
        return comm.all_reduce_with(AllReduce::RecursiveDoubling, buffer, op);
    }
    for k in 0..ceil_log2(comm.size()) {
        let partner = comm.rank() ^ (1 << k);
        let sent = buffer.to_vec();
        comm.send_recv_reduce(partner, &sent, partner, buffer, op)?;
    }
    op.finish(buffer, comm.size());
    Ok(())
}

/// In each round whoever has the buffer sends it 2^k on, whether or not the round the circle is full.
pub(super) fn stray_messages<T: Element>(
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let v = (rank + size - root) % size;
    output.copy_from_slice(input);
    for k in 0..ceil_log2(size) {
        let distance = 1 << k;
        if v < distance {
            comm.send((rank + distance) % size, output)?;
        } else if v < 2 * distance {
            comm.recv((rank + size - distance) % size, output)?;
        }
    }
    Ok(())
}

pub(super) fn rotated_order<T: Element>(
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    if op.commutes() || root == 0 {
        return comm.reduce_with(Reduce::Binomial, input, output, op, root);
    }
    if rank != root {
        return comm.send(root, input);
    }
    output.copy_from_slice(input);
    for distance in 1..size {
        comm.recv_reduce((root + distance) % size, output, op)?;
    }
    op.finish(output, size);
    Ok(())
}
