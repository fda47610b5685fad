//! Predicted times on a machine where a message of n bytes takes a + nb seconds, and reducing n bytes takes
//! ng.
//!
//! Nothing is computed from closed forms. Each algorithm runs, with its own code, on ghosts (elements that
//! take no memory but cost as much on the wire), through a transport that adds up virtual time: a receive
//! ends a + nb after both sides were ready, a send a + nb after it began, and one of each may overlap. So
//! times are exact for the model also where the busiest rank's bytes are not the whole story, as at a
//! tree's root.
//!
//! Settings: `ranks=2,4,8 a=2us b=0.1ns g=0.05ns sizes=8,64KiB,1MiB`; elements are `f32`.

use crate::ladder::{Rung, ladder};
use crate::markdown::table;
use collectives::transport::{Incoming, Operation, Outgoing, Result, Threads, Transport};
use collectives::{Communicator, Name, Reduction};
use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;

/// Stands for an `f32`.
pub(crate) type Ghost = PhantomData<f32>;

const GHOST_BYTES: usize = 4;

/// The longest buffer that a crossover is looked for with, in elements: 64 MiB.
const LONGEST: usize = 16 << 20;

thread_local! {
    /// Bytes that this rank has reduced and not yet paid for.
    static REDUCED: Cell<f64> = const { Cell::new(0.0) };
}

/// A reduction of ghosts: does nothing, and notes how much.
pub(crate) struct GhostSum;

impl GhostSum {
    fn note(&self, elements: usize) {
        REDUCED.set(REDUCED.get() + (elements * GHOST_BYTES) as f64);
    }
}

impl Reduction<Ghost> for GhostSum {
    fn name(&self) -> &'static Name {
        &Name("sum of ghosts")
    }

    fn apply(&self, _: Ghost, _: Ghost) -> Ghost {
        PhantomData
    }

    fn fold(&self, left: &mut [Ghost], right: &[Ghost]) {
        self.note(left.len().min(right.len()));
    }

    fn fold_left(&self, left: &[Ghost], right: &mut [Ghost]) {
        self.note(left.len().min(right.len()));
    }

    fn combine(&self, out: &mut [Ghost], _: &[Ghost], _: &[Ghost]) {
        self.note(out.len());
    }
}

/// a, b and g, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Machine {
    latency: f64,
    byte: f64,
    reduced_byte: f64,
}

impl Machine {
    fn message(&self, bytes: u64) -> f64 {
        self.latency + bytes as f64 * self.byte
    }

    /// Virtual seconds until the last rank is done.
    fn time(self, rung: &Rung, ranks: usize, length: usize) -> f64 {
        let times = Threads::new(ranks).run(|endpoint| {
            let clock = Rc::new(Cell::new(0.0));
            let modelled = Modelled { inner: Box::new(endpoint), machine: self, clock: Rc::clone(&clock) };
            let comm = Communicator::new(Box::new(modelled));
            rung.run(&comm, length / ranks * ranks)?;
            Ok::<f64, collectives::Error>(clock.get() + REDUCED.take() * self.reduced_byte)
        });
        let times = times.unwrap_or_else(|error| panic!("{} on {ranks} ranks: {error}", rung.name));
        times.into_iter().fold(0.0, f64::max)
    }
}

/// A transport on which every message takes as long as the machine says, by a clock of each rank's own.
struct Modelled {
    inner: Box<dyn Transport>,
    machine: Machine,
    clock: Rc<Cell<f64>>,
}

impl Transport for Modelled {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn begin(&self, operation: &Operation) -> Result<()> {
        self.inner.begin(operation)
    }

    fn transfer(
        &self,
        operation: &Operation,
        mut outgoing: Option<Outgoing<'_>>,
        incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        let machine = self.machine;
        let start = self.clock.get() + REDUCED.take() * machine.reduced_byte;
        let mut end = start;
        if let Some(outgoing) = &mut outgoing {
            outgoing.stamp = (start as f32).to_bits();
            end = start + machine.message(operation.envelope.with_elements(outgoing.elements).wire_bytes());
        }
        let wire_bytes =
            incoming.as_ref().map_or(0, |i| operation.envelope.with_elements(i.elements).wire_bytes());
        let stamp = self.inner.transfer(operation, outgoing, incoming, during)?;
        if let Some(stamp) = stamp {
            let sent = f64::from(f32::from_bits(stamp));
            end = end.max(start.max(sent) + machine.message(wire_bytes));
        }
        self.clock.set(end);
        Ok(stamp)
    }

    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>> {
        let inner = self.inner.subworld(members, tag)?;
        Ok(Box::new(Self { inner, machine: self.machine, clock: Rc::clone(&self.clock) }))
    }
}

/// What a region asks for.
#[derive(Default)]
struct Settings {
    ranks: Vec<usize>,
    machine: Machine,
    /// In bytes.
    sizes: Vec<usize>,
}

impl Settings {
    fn parse(settings: &[&str]) -> Result<Self, String> {
        let mut parsed = Self::default();
        for setting in settings {
            let wrong = || format!("can't read the setting `{setting}`");
            let (name, value) = setting.split_once('=').ok_or_else(wrong)?;
            match name {
                "ranks" => parsed.ranks = list(value, |ranks| ranks.parse().ok()).ok_or_else(wrong)?,
                "sizes" => parsed.sizes = list(value, bytes).ok_or_else(wrong)?,
                "a" => parsed.machine.latency = seconds(value).ok_or_else(wrong)?,
                "b" => parsed.machine.byte = seconds(value).ok_or_else(wrong)?,
                "g" => parsed.machine.reduced_byte = seconds(value).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            }
        }
        match parsed.ranks.contains(&0) || parsed.ranks.is_empty() {
            true => Err("the setting `ranks` is missing or 0".to_owned()),
            false => Ok(parsed),
        }
    }
}

/// The items of a list with commas.
pub(crate) fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(item).collect()
}

const UNITS: [(&str, usize); 3] = [("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn bytes(text: &str) -> Option<usize> {
    let found = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.unwrap_or((text, &1));
    Some(number.parse::<usize>().ok()? * factor)
}

fn seconds(text: &str) -> Option<f64> {
    let units = [("us", 1e-6), ("ns", 1e-9), ("ps", 1e-12), ("ms", 1e-3)];
    units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

fn show_bytes(bytes: usize) -> String {
    let (unit, factor) = UNITS.into_iter().find(|(_, factor)| bytes >= *factor).unwrap_or(("B", 1));
    format!("{} {unit}", significant(bytes as f64 / factor as f64))
}

/// Three digits that mean something.
pub(crate) fn significant(x: f64) -> String {
    match x {
        _ if x >= 99.95 || x == 0.0 => format!("{x:.0}"),
        _ if x >= 9.995 => format!("{x:.1}").trim_end_matches(".0").to_owned(),
        _ => format!("{x:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// Those that work with messages: what the model is of has no memory to share.
fn rungs(operation: &str) -> Result<Vec<Rung>, String> {
    let rungs = ladder(operation).ok_or_else(|| format!("no operation `{operation}`"))?;
    Ok(rungs.into_iter().filter(|rung| rung.name != "shared_columns").collect())
}

/// `model OPERATION ranks=... a=... b=... g=... sizes=...`: microseconds by algorithm and size, the fastest
/// in bold: a table for each number of ranks, or, if there is one size only, one table with a column for
/// each.
pub(crate) fn times(operation: &str, settings: &[&str]) -> Result<String, String> {
    let settings = Settings::parse(settings)?;
    let rungs = rungs(operation)?;
    let columns = |title: String, columns: &[(String, usize, usize)]| {
        let mut rows = vec![vec![title]];
        rows.extend(rungs.iter().map(|rung| vec![rung.name.to_owned()]));
        for (head, ranks, size) in columns {
            rows[0].push(head.clone());
            let times = rungs.iter().map(|rung| time(settings.machine, rung, *ranks, *size));
            for (row, cell) in rows[1..].iter_mut().zip(show_times(&times.collect::<Vec<_>>())) {
                row.push(cell);
            }
        }
        table(&rows)
    };
    if let [size] = settings.sizes[..] {
        let title = if size == 0 { "us".to_owned() } else { format!("us, {}", show_bytes(size)) };
        let heads = settings.ranks.iter().map(|&ranks| (format!("P = {ranks}"), ranks, size));
        return Ok(columns(title, &heads.collect::<Vec<_>>()));
    }
    let of_ranks = settings.ranks.iter().map(|&ranks| {
        let heads = settings.sizes.iter().map(|&size| (show_bytes(size), ranks, size));
        columns(format!("us, P = {ranks}"), &heads.collect::<Vec<_>>())
    });
    Ok(of_ranks.collect::<Vec<_>>().join("\n"))
}

/// In microseconds; the least in bold, with what is as fast.
fn show_times(times: &[Option<f64>]) -> Vec<String> {
    let least = times.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let cell = |time: &Option<f64>| match *time {
        None => "-".to_owned(),
        Some(time) if time <= least * 1.000_01 => format!("**{}**", significant(time * 1e6)),
        Some(time) => significant(time * 1e6),
    };
    times.iter().map(cell).collect()
}

/// `fastest OPERATION ranks=... a=... b=... g=... sizes=...`: the fastest algorithm by size and number of
/// ranks. Of equally fast ones the simplest.
pub(crate) fn fastest(operation: &str, settings: &[&str]) -> Result<String, String> {
    let settings = Settings::parse(settings)?;
    let rungs = rungs(operation)?;
    let mut rows = vec![vec!["bytes".to_owned()]];
    rows[0].extend(settings.ranks.iter().map(|ranks| format!("P = {ranks}")));
    for &size in &settings.sizes {
        let mut row = vec![show_bytes(size)];
        for &ranks in &settings.ranks {
            let mut best = ("-", f64::INFINITY);
            for rung in &rungs {
                if let Some(time) = time(settings.machine, rung, ranks, size)
                    && time < best.1 * 0.999_99
                {
                    best = (rung.name, time);
                }
            }
            row.push(best.0.to_owned());
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

/// `crossover OPERATION FROM TO ranks=... a=... b=... g=...`: the size from which TO is faster than FROM.
pub(crate) fn crossover(operation: &str, names: [&str; 2], settings: &[&str]) -> Result<String, String> {
    let settings = Settings::parse(settings)?;
    let rungs = rungs(operation)?;
    let find = |name: &str| {
        let found = rungs.iter().find(|rung| rung.name == name);
        found.ok_or_else(|| format!("no {operation} algorithm `{name}`"))
    };
    let (from, to) = (find(names[0])?, find(names[1])?);
    let mut rows = vec![vec!["P".to_owned(), format!("{} is faster than {} from", to.name, from.name)]];
    for &ranks in &settings.ranks {
        if !from.works_for(ranks) || !to.works_for(ranks) {
            rows.push(vec![ranks.to_string(), "-".to_owned()]);
            continue;
        }
        let is_faster = |blocks: usize| {
            let time = |rung| settings.machine.time(rung, ranks, blocks * ranks);
            time(to) < time(from) * 0.999_99
        };
        let (mut slow, mut fast) = (0, LONGEST / ranks);
        let cell = match (is_faster(slow), is_faster(fast)) {
            (true, _) => "always".to_owned(),
            (false, false) => "never".to_owned(),
            (false, true) => {
                while slow + 1 < fast {
                    let middle = slow.midpoint(fast);
                    if is_faster(middle) { fast = middle } else { slow = middle }
                }
                show_bytes(fast * ranks * GHOST_BYTES)
            }
        };
        rows.push(vec![ranks.to_string(), cell]);
    }
    Ok(table(&rows))
}

/// Seconds, if the algorithm takes so many ranks.
fn time(machine: Machine, rung: &Rung, ranks: usize, size: usize) -> Option<f64> {
    rung.works_for(ranks).then(|| machine.time(rung, ranks, size / GHOST_BYTES))
}

#[cfg(test)]
mod tests;
