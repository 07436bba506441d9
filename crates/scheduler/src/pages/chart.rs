//! Small drawings: a line over time, and bars.

use std::fmt::Write;

use maud::{Markup, html};

use super::samples::KEPT;
use super::text::percent;

/// A line of what was used over time, under the line of what there was. The newest sample is at the right. `label` says
/// the same in words.
pub(super) fn sparkline(label: &str, used: &[u64], there: &[u64]) -> Markup {
    let most = used.iter().chain(there).copied().max().unwrap_or(0).max(1);
    let first = KEPT.saturating_sub(used.len());
    let y = |value: u64| 98.0 - percent(value as f64, most as f64) * 0.94;
    let line = |values: &[u64]| {
        let mut path = String::new();
        for (at, value) in values.iter().enumerate() {
            let command = if at == 0 { 'M' } else { 'L' };
            // Writing to a text does not fail.
            let _ = write!(path, "{command}{} {:.1}", first + at, y(*value));
        }
        path
    };
    let over = line(used);
    let area = match used.len() {
        0 => String::new(),
        n => format!("{over}L{} 100L{first} 100Z", first + n - 1),
    };
    html! {
        svg.spark viewBox=(format!("0 0 {} 100", KEPT - 1)) preserveAspectRatio="none" role="img" aria-label=(label) {
            path.ceiling vector-effect="non-scaling-stroke" d=(line(there)) {}
            path.area d=(area) {}
            path.line vector-effect="non-scaling-stroke" d=(over) {}
        }
    }
}

/// A thin bar that is filled in part; what it says stands beside it in words.
pub(super) fn bar(part: u64, whole: u64) -> Markup {
    let filled = percent(part as f64, whole as f64);
    html! {
        svg.bar width="100%" height="4" aria-hidden="true" {
            rect.trough width="100%" height="4" rx="2" {}
            @if filled > 0.0 {
                rect.fill width=(format!("{filled:.1}%")) height="4" rx="2" {}
            }
        }
    }
}

/// How far a job is: its tasks that are done, and those that run.
pub(super) fn progress(done: u64, running: u64, all: u64) -> Markup {
    let width = |part: u64| format!("{:.2}%", percent(part as f64, all as f64));
    html! {
        svg.progress width="100%" height="8" role="progressbar"
            aria-label="Tasks done" aria-valuemin="0" aria-valuenow=(done) aria-valuemax=(all.max(1)) {
            rect.trough width="100%" height="8" rx="4" {}
            @if running > 0 {
                rect.begun width=(width(done + running)) height="8" rx="4" {}
            }
            @if done > 0 {
                rect.fill width=(width(done)) height="8" rx="4" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_the_right() {
        let text = sparkline("x", &[0, 2], &[4, 4]).into_string();
        assert!(text.contains("d=\"M448 98.0L449 51.0\""), "{text}");
        let empty = sparkline("x", &[], &[]).into_string();
        assert!(empty.contains("d=\"\""), "{empty}");
    }

    #[test]
    fn bars_stay_inside() {
        assert!(bar(9, 3).into_string().contains("width=\"100.0%\""));
        assert!(!bar(0, 0).into_string().contains("fill"));
        let text = progress(1, 1, 4).into_string();
        assert!(text.contains("25.00%") && text.contains("50.00%"), "{text}");
    }
}
