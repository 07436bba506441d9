//! How evenly the work of a stage fell on its tasks.

use springald_core::record::{StageRecord, StageState, TaskRecord};

/// A task is slow if it took so many times as long as the median one, and so many milliseconds longer.
const SLOW_TIMES: u64 = 2;
const SLOW_MS: u64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) min: u64,
    pub(super) median: u64,
    pub(super) max: u64,
}

impl Spread {
    /// None of nothing. Of an even number of values the median is the upper of the two in the middle.
    pub(super) fn of(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        Some(Self {
            min: *values.first()?,
            median: *values.get(values.len() / 2)?,
            max: *values.last()?,
        })
    }

    /// How many times the median the most is, where that is worth a word.
    pub(super) fn skew(&self) -> Option<f64> {
        let skewed =
            self.max > SLOW_TIMES.saturating_mul(self.median) && self.max - self.median >= SLOW_MS;
        (skewed && self.median > 0).then(|| self.max as f64 / self.median as f64)
    }
}

/// Milliseconds of a task that is done.
pub(super) fn task_ms(task: &TaskRecord) -> Option<u64> {
    let started = task.started_at_ms.unwrap_or(task.launched_at_ms);
    let done = task.state == StageState::Done;
    Some(task.ended_at_ms.filter(|_| done)?.saturating_sub(started))
}

pub(super) fn times(stage: &StageRecord) -> Option<Spread> {
    Spread::of(stage.tasks.iter().filter_map(task_ms))
}

pub(super) fn task_rows(stage: &StageRecord) -> Option<Spread> {
    let done = stage
        .tasks
        .iter()
        .filter(|task| task.state == StageState::Done);
    Spread::of(done.map(|task| task.rows))
}

/// The task that took longest of all that are done, with its stage and its milliseconds.
pub(super) fn slowest(stages: &[StageRecord]) -> Option<(&StageRecord, &TaskRecord, u64)> {
    stages
        .iter()
        .flat_map(|stage| stage.tasks.iter().map(move |task| (stage, task)))
        .filter_map(|(stage, task)| Some((stage, task, task_ms(task)?)))
        .max_by_key(|(.., ms)| *ms)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stage, task};
    use super::*;

    #[test]
    fn spreads() {
        assert_eq!(Spread::of([]), None);
        let one = Spread::of([7]).unwrap();
        assert_eq!((one.min, one.median, one.max), (7, 7, 7));
        let some = Spread::of([5, 1, 9, 3]).unwrap();
        assert_eq!((some.min, some.median, some.max), (1, 5, 9));
    }

    #[test]
    fn skew_is_named_where_it_matters() {
        let spread = |median, max| Spread {
            min: 0,
            median,
            max,
        };
        assert_eq!(spread(1000, 3000).skew(), Some(3.0));
        assert_eq!(spread(1000, 1900).skew(), None);
        assert_eq!(spread(10, 100).skew(), None);
        assert_eq!(spread(0, 9000).skew(), None);
    }

    #[test]
    fn the_slowest_task_is_found() {
        let mut stages = vec![stage(1, &[]), stage(2, &[1])];
        stages[0].tasks = vec![task(0, 100), task(1, 300)];
        stages[1].tasks = vec![task(0, 200)];
        let mut running = task(1, 9000);
        running.state = StageState::Running;
        stages[1].tasks.push(running);
        let (found, task, ms) = slowest(&stages).unwrap();
        assert_eq!((found.id, task.id, ms), (1, 1, 300));
        assert!(slowest(&[]).is_none());
    }
}
