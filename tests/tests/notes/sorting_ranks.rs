//! What sorts across ranks send, and what happens to blocks of different lengths, for the chapter on them.
//!
//! | generator | what |
//! |---|---|
//! | `sort_ranks_cost keys=65536 bytes=4 ranks=2,3,4` | rounds, and keys of the busiest rank, of each way |
//! | `sort_ranks_uneven most=2 ranks=2,3,4` | how many vectors of lengths compare-splits without infinities fail to sort |
//! | `sort_ranks_balance keys=65536 ranks=2,4,8` | samples, and the excess of sample sort |

use crate::heads::{number, numbers, settings};
use crate::markdown::table;
use bitonic::network::{Comparator, Kind};
use bitonic::ranks::{RankSort, sample};

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "sort_ranks_cost" => cost(rest),
        "sort_ranks_uneven" => uneven(rest),
        "sort_ranks_balance" => balance(rest),
        _ => return None,
    })
}

fn header(title: &str, ranks: &[usize]) -> Vec<String> {
    let columns = ranks.iter().map(|ranks| format!("P = {ranks}"));
    [title.to_owned()].into_iter().chain(columns).collect()
}

fn cost(text: &str) -> Result<String, String> {
    let [keys, bytes, ranks] = settings(text, ["keys", "bytes", "ranks"])?;
    let (keys, bytes, ranks) = (number(keys)?, number(bytes)?, numbers(ranks)?);
    let mut rounds = vec![header("rounds", &ranks)];
    let mut sent = vec![header("blocks sent by the busiest rank", &ranks)];
    for way in RankSort::ALL {
        let mut rows = [vec![way.name().to_owned()], vec![way.name().to_owned()]];
        for &ranks in &ranks {
            let costs: Vec<_> = (0..ranks).map(|rank| way.cost(&vec![keys; ranks], rank, bytes)).collect();
            let busiest = costs.iter().map(|sent| *sent.keys.end()).max().unwrap_or(0);
            let fixed = costs.iter().all(|sent| sent.keys.start() == sent.keys.end());
            let blocks = busiest as f64 / keys as f64;
            rows[0].push(costs[0].rounds.to_string());
            rows[1].push(if fixed { format!("{blocks}") } else { format!("<= {blocks:.2}") });
        }
        let [first, second] = rows;
        rounds.push(first);
        sent.push(second);
    }
    Ok([table(&rounds), table(&sent)].join("\n"))
}

/// Whether compare-splits of blocks that keep their lengths sort all blocks of zeros and ones. Of a sorted
/// block only the number of its zeros matters.
fn sorts(kind: Kind, lengths: &[usize]) -> bool {
    let network = kind.build(lengths.len());
    let inputs: usize = lengths.iter().map(|length| length + 1).product();
    (0..inputs).all(|mut input| {
        let digit = |&length: &usize| {
            let zeros = input % (length + 1);
            input /= length + 1;
            zeros
        };
        let mut zeros: Vec<usize> = lengths.iter().map(digit).collect();
        for Comparator { low, high } in network.comparators() {
            let both = zeros[low] + zeros[high];
            zeros[low] = both.min(lengths[low]);
            zeros[high] = both - zeros[low];
        }
        // A rank with a one, and none after it with a zero.
        let first_one = zeros.iter().zip(lengths).position(|(zeros, length)| zeros < length);
        first_one.is_none_or(|first| zeros[first + 1..].iter().all(|&zeros| zeros == 0))
    })
}

fn uneven(text: &str) -> Result<String, String> {
    let [most, ranks] = settings(text, ["most", "ranks"])?;
    let (most, ranks) = (number(most)?, numbers(ranks)?);
    let mut rows = vec![header("not sorted, of all vectors of lengths", &ranks)];
    for kind in Kind::ALL {
        let mut row = vec![kind.name().to_owned()];
        for &ranks in &ranks {
            let all = (most + 1).pow(ranks as u32);
            let fails = |&number: &usize| {
                let place = |rank| number / (most + 1_usize).pow(rank) % (most + 1);
                !sorts(kind, &(0..ranks as u32).map(place).collect::<Vec<_>>())
            };
            row.push(format!("{} of {all}", (0..all).filter(fails).count()));
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

fn balance(text: &str) -> Result<String, String> {
    let [keys, ranks] = settings(text, ["keys", "ranks"])?;
    let (keys, ranks) = (number(keys)?, numbers(ranks)?);
    let mut rows = vec![
        header("a rank's", &ranks),
        vec!["keys between samples, g".to_owned()],
        vec!["samples, of all ranks".to_owned()],
        vec!["excess, at most".to_owned()],
        vec!["of its block".to_owned()],
    ];
    for &ranks in &ranks {
        let lengths = vec![keys; ranks];
        let (gap, excess) = (sample::gap(&lengths), sample::excess(&lengths));
        rows[1].push(gap.to_string());
        rows[2].push((ranks * (keys / gap)).to_string());
        rows[3].push(excess.to_string());
        rows[4].push(format!("{:.1}%", 100.0 * excess as f64 / keys as f64));
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in
            ["sort_ranks_cost keys=1 ranks=2", "sort_ranks_uneven most=x ranks=2", "sort_ranks_balance"]
        {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
    }

    #[test]
    fn equal_blocks_are_sorted_and_those_of_the_chapter_are_not() {
        for kind in Kind::ALL {
            for ranks in 1..=6 {
                assert!(sorts(kind, &vec![2; ranks]), "{kind:?} of {ranks}");
            }
        }
        for kind in [Kind::Bitonic, Kind::OddEvenTransposition] {
            assert!(!sorts(kind, &[1, 0, 1]), "{kind:?}");
        }
    }
}
