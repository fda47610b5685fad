use super::*;
use collectives::transport::Threads as Ranks;
use std::thread::sleep;

#[test]
fn a_clock_runs_in_transfers_alone() {
    let pause = Duration::from_millis(20);
    let clocks = Ranks::new(2).run(|endpoint| {
        let clock = Rc::new(Clock::default());
        let comm = Communicator::new(Box::new(Clocked::new(Box::new(endpoint), Rc::clone(&clock))));
        let (other, mut x) = (1 - comm.rank(), [0_u32; 3]);
        clock.reset();
        let start = Instant::now();
        comm.send_recv_during(other, &[1; 3], other, &mut x, || sleep(pause))?;
        let (rest, time, sent) = (start.elapsed().saturating_sub(pause), clock.time(), clock.sent());
        comm.split(Some(0), 0)?.expect("a color was given").barrier()?;
        Ok::<_, collectives::Error>((time, rest, sent, clock.time()))
    });
    for (time, rest, sent, later) in clocks.expect("they end well") {
        assert_eq!(sent, 12);
        assert!(time <= rest, "{time:?}, {rest:?} without the pause");
        assert!(time > Duration::ZERO && later > time, "{time:?}, {later:?}");
    }
}

#[test]
fn the_slowest_rank_and_the_mean_share_count() {
    let ms = Duration::from_millis;
    let lap = |time, transfers, sent| Lap { time: ms(time), transfers: ms(transfers), sent, alone: None };
    let first = Lap { alone: Some([ms(20), ms(11)]), ..lap(10, 1, 5) };
    let measured = together(vec![vec![first; 3], vec![lap(8, 4, 7); 3]], 1);
    assert_eq!(measured.times, [ms(10); 2]);
    assert_eq!(
        (measured.one_thread.as_slice(), measured.threads.as_slice()),
        (&[ms(20); 2][..], &[ms(11); 2][..])
    );
    assert_eq!((measured.sent, measured.wrong), (7, 0));
    assert!((measured.communicating - 0.3).abs() < 1e-12);
}
