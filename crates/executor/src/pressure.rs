//! Freed memory stays with a worker, as it is dear to get again, until the process nears its limit or rests.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use springald_core::allocator;
use springald_core::process::resident_memory;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::tasks::Tasks;

/// Time between two looks at the memory. A core fills some 100 MiB in it.
const EVERY: Duration = Duration::from_millis(50);
/// A worker with less keeps nothing: its tasks can take what it has left between two looks.
const SMALL: u64 = 1 << 30;
/// Parts of the worker's memory: above the first, freed memory goes back at once; below the second it stays again.
const SCARCE: f64 = 0.75;
const AMPLE: f64 = 0.6;
/// A worker that has had no task for so long rests.
const REST: Duration = Duration::from_secs(120);

/// Looks after the memory of this process, of which it may have `limit` bytes, as long as it is polled.
pub(crate) async fn look_after(limit: u64, tasks: &Tasks) -> Infallible {
    allocator::keep_freed();
    let mut scarce = false;
    let mut worked = Instant::now();
    loop {
        sleep(EVERY).await;
        if is_scarce(scarce, resident_memory(), limit) != scarce {
            scarce = !scarce;
            off_the_loop(move || allocator::give_back(scarce)).await;
        }
        if tasks.count() > 0 {
            worked = Instant::now();
        } else if worked.elapsed() > REST {
            off_the_loop(allocator::collect).await;
            tasks.some().await;
            worked = Instant::now();
        }
    }
}

/// Whether freed memory is to go back at once, in a worker that holds `held` of `limit` and does so `by_now` or not.
fn is_scarce(by_now: bool, held: u64, limit: u64) -> bool {
    let share = held as f64 / limit as f64;
    limit < SMALL || share > if by_now { AMPLE } else { SCARCE }
}

/// To give back a gigabyte takes tens of milliseconds.
async fn off_the_loop(work: impl FnOnce() + Send + 'static) {
    // It cannot fail but by a panic, which has been said.
    let _ = spawn_blocking(work).await;
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn memory_is_scarce_above_one_part_until_it_is_below_another() {
        let shares = |by_now| [50, 70, 80].map(|held| is_scarce(by_now, held << 30, 100 << 30));
        assert_eq!(shares(false), [false, false, true]);
        assert_eq!(shares(true), [false, true, true]);
        assert!(is_scarce(true, 0, SMALL - 1) && is_scarce(false, 0, SMALL - 1));
    }

    #[tokio::test]
    async fn a_small_worker_gives_memory_back() {
        let freed = vec![vec![1_u8; 1 << 20]; 256];
        let ended = timeout(4 * EVERY, look_after(1, &Tasks::default())).await;
        assert!(ended.is_err());
        let held = resident_memory();
        drop(freed);
        let left = resident_memory();
        allocator::give_back(false);
        // Other tests run beside this one.
        assert!(held.saturating_sub(left) > 192 << 20, "{held} -> {left}");
    }
}
