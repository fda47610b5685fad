//! gears beside other libraries, from the records that `benches/peers/collectives.py --json` makes: one for each number
//! of ranks, `notes/measured/collectives-RANKS.json`.
//!
//! | generator | what |
//! |---|---|
//! | `peers_records` | all records: where, when, how often, against what; every point; where gears is the slower one |
//! | `peers_summary ranks=2` | how many times faster, operations by sizes |
//! | `peers_short ranks=2` | short calls beside what two cores need for a flag |
//! | `peers_long ranks=2` | the all-reduce beside what memory and caches allow |

use crate::heads::{bytes, number, settings};
use crate::markdown::{root, table};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let make = match generator {
        "peers_records" if rest.is_empty() => return Some(records()),
        "peers_summary" => summary,
        "peers_short" => short,
        "peers_long" => long,
        _ => return None,
    };
    let ranks = settings(rest, ["ranks"]).and_then(|[ranks]| number(ranks));
    Some(ranks.and_then(|ranks| make(&Record::read(ranks)?)))
}

const FOLDER: &str = "notes/measured";

/// A chapter for each record that there is.
fn records() -> Result<String, String> {
    let entries = std::fs::read_dir(root().join(FOLDER)).map_err(|error| error.to_string())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ranks = |name: String| name.strip_prefix("collectives-")?.strip_suffix(".json")?.parse().ok();
    let all: BTreeSet<usize> = names.filter_map(ranks).collect();
    let chapter = |&ranks: &usize| {
        let record = Record::read(ranks)?;
        let parts = [format!("## {ranks} ranks"), run(&record)?, ratios(&record)?, slower(&record)];
        Ok(parts.map(|part| part.trim_end().to_owned()).join("\n\n"))
    };
    let chapters: Vec<String> = all.iter().map(chapter).collect::<Result<_, String>>()?;
    if chapters.is_empty() { Err(format!("no records in {FOLDER}")) } else { Ok(chapters.join("\n\n")) }
}

/// All rounds of one number of ranks.
struct Record {
    ranks: usize,
    json: Value,
    points: Vec<Point>,
}

/// All rounds of one operation at one size. Times are in microseconds.
struct Point {
    operation: String,
    /// None for a barrier.
    bytes: Option<usize>,
    chosen: String,
    gears: f64,
    /// The one with the least median.
    fastest: Option<(String, f64)>,
    /// In each round: the time of its fastest peer over that of gears.
    ratios: Vec<f64>,
    /// Of a short call: what an exchange of flags took in the same rounds.
    exchange: Option<f64>,
    roofline_pct: Option<f64>,
}

impl Record {
    fn read(ranks: usize) -> Result<Self, String> {
        let path = format!("{FOLDER}/collectives-{ranks}.json");
        let text = std::fs::read_to_string(root().join(&path)).map_err(|error| format!("{path}: {error}"))?;
        Self::of(ranks, &text).map_err(|problem| format!("{path}: {problem}"))
    }

    fn of(ranks: usize, text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let points = json["points"].as_array().ok_or("no points")?;
        let points = points.iter().filter(|point| point["ranks"] == ranks).map(Point::of);
        let points: Vec<Point> = points.collect::<Result<_, _>>()?;
        if points.is_empty() {
            return Err(format!("no points of {ranks} ranks"));
        }
        Ok(Self { ranks, json, points })
    }

    /// Medians of a floor, by the bytes of a thread's buffer.
    fn floors(&self, name: &str) -> BTreeMap<Option<usize>, f64> {
        let floors = self.json["floors"][self.ranks.to_string()].as_array().into_iter().flatten();
        let floors = floors.filter(|floor| floor["bench"] == name);
        floors
            .filter_map(|floor| Some((size(&floor["bytes"]), floor["time_us"]["median"].as_f64()?)))
            .collect()
    }

    fn floor(&self, name: &str) -> Result<f64, String> {
        self.floors(name).get(&None).copied().ok_or_else(|| format!("no floor `{name}`"))
    }

    fn named(&self, operation: &str) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |point| point.operation == operation)
    }
}

impl Point {
    fn of(json: &Value) -> Result<Self, String> {
        let operation = json["op"].as_str().ok_or("a point without operation")?.to_owned();
        let problem = |what: &str| format!("{operation} of {} bytes: {what}", json["bytes"]);
        let gears = median(&times(&json["gears_us"])).ok_or_else(|| problem("no times"))?;
        let peers = json["peers_us"].as_object().ok_or_else(|| problem("no peers"))?;
        let peers = peers.iter().filter_map(|(name, all)| Some((name.clone(), median(&times(all))?)));
        let fastest = peers.min_by(|(_, a), (_, b)| a.total_cmp(b));
        let ratios = times(&json["ratios"]);
        if fastest.is_some() == ratios.is_empty() {
            return Err(problem("ratios without peers, or peers without ratios"));
        }
        let (bytes, chosen) = (size(&json["bytes"]), json["chosen"].as_str().unwrap_or("").to_owned());
        let [exchange, roofline_pct] =
            ["exchange_us", "roofline_pct"].map(|name| median(&times(&json[name])));
        Ok(Self { bytes, chosen, gears, fastest, ratios, exchange, roofline_pct, operation })
    }

    fn size(&self) -> String {
        self.bytes.map_or(String::new(), bytes)
    }

    fn ratio(&self) -> String {
        median(&self.ratios).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
    }

    fn range(&self) -> String {
        let of = |pick: fn(f64, f64) -> f64| self.ratios.iter().copied().reduce(pick);
        match (of(f64::min), of(f64::max)) {
            (Some(least), Some(most)) => format!("{least:.2} to {most:.2}"),
            _ => String::new(),
        }
    }
}

fn size(bytes: &Value) -> Option<usize> {
    bytes.as_u64().and_then(|bytes| bytes.try_into().ok())
}

fn times(json: &Value) -> Vec<f64> {
    json.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// Three digits that mean something.
fn three(x: f64) -> String {
    match x {
        _ if x >= 99.95 => format!("{x:.0}"),
        _ if x >= 9.995 => format!("{x:.1}"),
        _ if x >= 0.9995 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

fn strings<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn run(record: &Record) -> Result<String, String> {
    let json = &record.json;
    let text = |name: &str| json[name].as_str().ok_or_else(|| format!("no {name}"));
    let (machine, date) = (text("machine")?, text("date")?);
    let rounds = json["rounds"].as_u64().ok_or("no rounds")?;
    let laps = match json["laps"].as_u64() {
        Some(laps) => format!("{laps} laps"),
        None => "0.2 s".to_owned(),
    };
    let [ping_pong, exchange] = [record.floor("ping_pong")?, record.floor("flag_exchange")?].map(three);
    let mut lines = vec![
        format!("- {machine}, {date}; {rounds} rounds, {laps} a turn"),
        format!(
            "- a flag takes {ping_pong} µs from one core to the other, an exchange of flags {exchange} µs"
        ),
    ];
    let libraries = json["libraries"].as_object().into_iter().flatten();
    for (name, version) in libraries {
        let version: Vec<&str> = version.as_str().unwrap_or("").split_whitespace().collect();
        lines.push(format!("- {name}: {}", version.join(" ")));
    }
    let missing = json["missing"].as_object().into_iter().flatten();
    lines.extend(missing.map(|(what, why)| format!("- left out: {what}: {}", why.as_str().unwrap_or(""))));
    Ok(lines.join("\n"))
}

fn ratios(record: &Record) -> Result<String, String> {
    let head = [
        "operation",
        "bytes",
        "fastest peer",
        "its µs",
        "gears µs",
        "times faster",
        "range",
        "flags µs",
        "gears by",
    ];
    let mut rows = vec![strings(head)];
    for point in &record.points {
        let (name, time) = match &point.fastest {
            Some((name, time)) => (name.clone(), three(*time)),
            None => ("none".to_owned(), String::new()),
        };
        let (operation, chosen) = (point.operation.clone(), point.chosen.clone());
        let gears = three(point.gears);
        let flags = point.exchange.map_or(String::new(), three);
        rows.push(vec![
            operation,
            point.size(),
            name,
            time,
            gears,
            point.ratio(),
            point.range(),
            flags,
            chosen,
        ]);
    }
    Ok(table(&rows))
}

/// Said, and not left to be found.
fn slower(record: &Record) -> String {
    let lost = record.points.iter().filter(|point| median(&point.ratios).is_some_and(|ratio| ratio < 1.0));
    let told: Vec<String> = lost
        .map(|point| match point.bytes {
            Some(size) => format!("{} of {} ({})", point.operation, bytes(size), point.ratio()),
            None => format!("{} ({})", point.operation, point.ratio()),
        })
        .collect();
    match &told[..] {
        [] => "gears is the faster one at every point.".to_owned(),
        _ => format!(
            "The fastest peer is faster than gears at {} of {} points: {}.",
            told.len(),
            record.points.len(),
            told.join(", ")
        ),
    }
}

fn summary(record: &Record) -> Result<String, String> {
    let sizes: BTreeSet<usize> = record.points.iter().filter_map(|point| point.bytes).collect();
    let mut operations: Vec<&str> = record.points.iter().map(|point| point.operation.as_str()).collect();
    operations.dedup();
    let mut rows = vec![vec!["times faster".to_owned()]];
    rows[0].extend(sizes.iter().map(|&size| bytes(size)));
    for operation in operations {
        let mut row = vec![operation.to_owned()];
        // A barrier stands where the shortest are.
        for (i, &size) in sizes.iter().enumerate() {
            let here = |point: &&Point| point.bytes == Some(size) || (point.bytes.is_none() && i == 0);
            row.push(record.named(operation).find(here).map_or(String::new(), Point::ratio));
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

/// Calls of up to so many bytes are short.
const SHORT: usize = 512;

fn short(record: &Record) -> Result<String, String> {
    let head = ["", "bytes", "µs", "an exchange of flags", "gears takes", "the fastest peer takes"];
    let mut rows = vec![strings(head)];
    for point in record.points.iter().filter(|point| point.bytes.is_none_or(|bytes| bytes <= SHORT)) {
        let exchange = point.exchange.ok_or_else(|| format!("{}: no exchange of flags", point.operation))?;
        let times = |time: f64| format!("{:.2} times that", time / exchange);
        let peer = point.fastest.as_ref().map_or(String::new(), |(_, time)| times(*time));
        let (name, time) = (point.operation.clone(), point.gears);
        rows.push(vec![name, point.size(), three(time), three(exchange), times(time), peer]);
    }
    Ok(table(&rows))
}

fn long(record: &Record) -> Result<String, String> {
    let hand_over = record.floors("hand_over");
    let mut rows =
        vec![strings(["all_reduce of", "µs", "of the update roofline", "of the hand-over of half"])];
    for point in record.named("all_reduce").filter(|point| point.bytes.is_some_and(|bytes| bytes > SHORT)) {
        let percent = |share: f64| format!("{share:.0}%");
        let roofline = point.roofline_pct.ok_or_else(|| format!("{}: no roofline", point.size()))?;
        let at = |size: Option<usize>| hand_over.get(&size).copied();
        // Half as much as at S is the geometric mean of a quarter and the whole.
        let half = match (at(point.bytes.map(|bytes| bytes / 4)), at(point.bytes)) {
            (Some(quarter), Some(whole)) => Some((quarter * whole).sqrt()),
            (None, Some(whole)) => Some(whole / 2.0),
            _ => None,
        };
        let half = half.map_or(String::new(), |time| percent(100.0 * time / point.gears));
        rows.push(vec![point.size(), three(point.gears), percent(roofline), half]);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests;
