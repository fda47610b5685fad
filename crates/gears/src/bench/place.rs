//! Where and when something was measured.

use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

/// `2 cores of an AMD EPYC (avx512)`, as the processor calls itself.
pub(crate) fn machine() -> String {
    let cores = available_parallelism().map_or("unknown".into(), |cores| cores.to_string());
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    format!("{cores} cores of `{name}` ({})", simd::level().name())
}

/// `2026-11-22`, in Greenwich.
pub(crate) fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    date(now / 86_400)
}

/// The date so many days after 1970-01-01.
fn date(days: u64) -> String {
    let is_leap =
        |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let (mut year, mut month, mut days) = (1970, 1, days);
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let dates = [0, 58, 59, 364, 365, 789, 790, 11_016, 20_779].map(date);
        let expected = [
            "1970-01-01",
            "1970-02-28",
            "1970-03-01",
            "1970-12-31",
            "1971-01-01",
            "1972-02-29",
            "1972-03-01",
            "2000-02-29",
            "2026-11-22",
        ];
        assert_eq!(dates, expected);
    }
}
