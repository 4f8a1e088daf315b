//! How long tasks will take, from how long those of their kind took.

use core::time::Duration;

use crate::{SortedMap, TaskKind};

/// After so many tasks of a kind it is known how long they take.
pub const KNOWN_AFTER: u8 = 2;
/// What takes longer is neither posted ahead, nor is anything behind it: others may be free sooner.
pub const LONGEST_AHEAD: Duration = Duration::from_millis(40);
/// The most work that a worker is given at a time: enough to go on with while its driver is busy with something else, even
/// where tasks are expected to take twice as long as they do.
pub const MOST_AHEAD: Duration = Duration::from_millis(80);
/// What takes no longer is not worth a message of its own.
pub const QUICK: Duration = Duration::from_micros(250);

/// So much work of quick tasks is not worth sharing out evenly.
pub(crate) const LITTLE: Duration = Duration::from_millis(1);

/// What is known of each kind.
#[derive(Debug, Default)]
pub(crate) struct Forecasts {
    kinds: SortedMap<TaskKind, Forecast>,
}

#[derive(Debug)]
struct Forecast {
    /// Up to [`KNOWN_AFTER`].
    runs: u8,
    expected: Duration,
}

impl Forecasts {
    /// How long tasks of a kind take; `None` if that is not known.
    pub(crate) fn expected(&self, kind: TaskKind) -> Option<Duration> {
        self.kinds
            .get(&kind)
            .filter(|forecast| forecast.runs >= KNOWN_AFTER)
            .map(|forecast| forecast.expected)
    }

    /// A task of this kind took so long. Expectations rise faster than they fall: to expect too much costs a message, to
    /// expect too little makes tasks wait. But one that was slow, perhaps because the machine was busy, makes no more of it than
    /// twice as long.
    pub(crate) fn learn(&mut self, kind: TaskKind, took: Duration) {
        let Some(forecast) = self.kinds.get_mut(&kind) else {
            return self.kinds.insert(kind, Forecast { runs: 1, expected: took });
        };
        let expected = forecast.expected;
        forecast.expected = if forecast.runs < KNOWN_AFTER {
            took.max(expected)
        } else if took > expected {
            took.min(expected * 2 + LEAST_RISE)
        } else {
            expected - (expected - took) / 8
        };
        forecast.runs = forecast.runs.saturating_add(1).min(KNOWN_AFTER);
    }
}

/// By how much an expectation can rise, however short it was.
const LEAST_RISE: Duration = Duration::from_micros(100);

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: TaskKind = TaskKind(1);

    fn after(took_us: &[u64]) -> Option<u128> {
        let mut forecasts = Forecasts::default();
        for &us in took_us {
            forecasts.learn(KIND, Duration::from_micros(us));
        }
        forecasts.expected(KIND).map(|expected| expected.as_micros())
    }

    #[test]
    fn nothing_is_known_of_a_kind_before_two_of_its_tasks_have_ended() {
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[5]), None);
        assert_eq!(after(&[5, 5]), Some(5));
        let mut forecasts = Forecasts::default();
        forecasts.learn(KIND, Duration::ZERO);
        forecasts.learn(KIND, Duration::ZERO);
        assert_eq!(forecasts.expected(TaskKind(2)), None, "another kind");
    }

    #[test]
    fn of_the_first_runs_the_longest_counts() {
        assert_eq!(after(&[10, 8_000]), Some(8_000));
        assert_eq!(after(&[8_000, 10]), Some(8_000));
    }

    #[test]
    fn one_slow_task_is_no_more_than_twice_as_slow_and_many_are_believed() {
        assert_eq!(after(&[10, 10, 8_000]), Some(120));
        assert_eq!(after(&[10, 10, 50]), Some(50));
        let mut samples = vec![10; 2];
        samples.extend([8_000; 7]);
        assert_eq!(after(&samples), Some(8_000));
    }

    #[test]
    fn quick_tasks_are_believed_by_and_by() {
        assert_eq!(after(&[8_000, 8_000, 0]), Some(7_000));
        assert_eq!(after(&[8_000, 8_000, 4_000]), Some(7_500));
        let mut samples = [0; 40];
        samples[0] = 8_000;
        assert!(after(&samples).is_some_and(|expected| expected < 60));
    }
}
