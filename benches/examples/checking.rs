//! What it costs that every message is checked: the same program with and without, alternately.
//!
//! ```sh
//! RUSTFLAGS="--cfg unchecked" cargo build --release -p gears-benches --example checking --target-dir target/unchecked
//! cargo run --release -p gears-benches --example checking -- target/unchecked/release/examples/checking
//! ```
//!
//! Two cores of one machine may be neighbours or not, as the host sees fit, and a call between them then takes
//! three times as long. So the two builds take turns, and what is compared is turn with turn: the
//! median of the ratios of neighbours.

use collectives::{AllReduce, Result, Sum, World};
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

/// What is timed: a name, elements of an all-reduce, and calls.
const POINTS: [(&str, usize, usize); 3] =
    [("8 bytes", 2, 200_000), ("4 KiB", 1 << 10, 50_000), ("1 MiB", 1 << 18, 400)];

/// What one build measured and then the other.
type Turn = (Vec<f64>, Vec<f64>);

/// Pairs of turns.
const TURNS: usize = 41;

fn main() {
    match std::env::args().nth(1) {
        None => println!("{}", measure().map(|nanoseconds| nanoseconds.to_string()).join(" ")),
        Some(unchecked) => compare(&unchecked),
    }
}

/// Nanoseconds of one call at each point.
fn measure() -> [f64; POINTS.len()] {
    let world = World::new(2);
    POINTS.map(|(_, elements, calls)| {
        let run = world.run(|comm| {
            let mut x = vec![0.0_f32; elements];
            let mut time = |calls: usize| -> Result<f64> {
                let start = Instant::now();
                for _ in 0..calls {
                    comm.all_reduce_with(AllReduce::RecursiveDoubling, black_box(&mut x), &Sum)?;
                }
                Ok(start.elapsed().as_nanos() as f64 / calls as f64)
            };
            time(calls / 10)?;
            time(calls)
        });
        run.expect("a right program")[0]
    })
}

/// Runs this build and the other by turns.
fn compare(unchecked: &str) {
    let checked = std::env::current_exe().expect("this program has a path");
    let turn = |program: &std::ffi::OsStr| -> Vec<f64> {
        let output = Command::new(program).output().expect("a build of this program");
        let text = String::from_utf8(output.stdout).expect("numbers");
        text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    };
    let turns: Vec<Turn> =
        (0..TURNS).map(|_| (turn(checked.as_os_str()), turn(unchecked.as_ref()))).collect();
    println!("all-reduce on 2 ranks, recursive doubling, {TURNS} turns each; medians");
    for (point, (name, ..)) in POINTS.iter().enumerate() {
        let median = |of: &dyn Fn(&Turn) -> f64| {
            let mut values: Vec<f64> = turns.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[TURNS / 2]
        };
        println!(
            "{name:>8}: {:>10.1} ns checked, {:>10.1} ns unchecked, ratio {:.3}",
            median(&|turn| turn.0[point]),
            median(&|turn| turn.1[point]),
            median(&|turn| turn.0[point] / turn.1[point]),
        );
    }
}
