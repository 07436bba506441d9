//! The plan of one stage, with what was measured of each operator.

use maud::{Markup, html};
use springald_core::record::{OperatorRecord, StageRecord};

use super::layout::scrolled;
use super::text::{bytes_or_dash, count, duration};

/// Steps to the right that can be seen; deeper operators stand with the last.
const DEEPEST: u32 = 24;

pub(super) fn table(stage: &StageRecord) -> Markup {
    let all: f64 = stage
        .operators
        .iter()
        .filter_map(|operator| operator.cpu_ms)
        .sum();
    let table = html! {
        table.operators {
            caption { "Operators, the last one at the top" }
            thead {
                tr {
                    th scope="col" { "Operator" }
                    th.num scope="col" { "Rows" }
                    th.num scope="col" { "Processor time" }
                    th.num scope="col" { "Spilled" }
                }
            }
            tbody {
                @for (at, operator) in stage.operators.iter().enumerate() {
                    (row(stage.id, at, operator, all))
                }
            }
        }
    };
    html! {
        @if !stage.operators.is_empty() {
            (scrolled(&format!("scroll-operators-{}", stage.id), "Operators", &table))
        }
    }
}

fn row(stage: u32, at: usize, operator: &OperatorRecord, all: f64) -> Markup {
    let depth = format!("depth-{}", operator.depth.min(DEEPEST));
    // What took a good part of the time is to be seen at a glance.
    let hot = operator
        .cpu_ms
        .is_some_and(|ms| ms >= 1.0 && ms >= all / 3.0);
    let metrics: Vec<_> = operator
        .metrics
        .iter()
        .filter(|(_, value)| *value > 0)
        .collect();
    html! {
        tr {
            th scope="row" class=(depth) {
                @if operator.detail.is_empty() && metrics.is_empty() {
                    (operator.name)
                } @else {
                    details id=(format!("operator-{stage}-{at}")) {
                        summary { (operator.name) " " span.detail { (operator.detail) } }
                        @if !operator.detail.is_empty() { p.whole { (operator.detail) } }
                        @if !metrics.is_empty() {
                            dl.metrics {
                                @for (name, value) in metrics {
                                    div { dt { (name) } dd { (count(*value)) } }
                                }
                            }
                        }
                    }
                }
            }
            td.num { (operator.rows.map_or_else(|| "–".to_owned(), count)) }
            td.num.hot[hot] { (operator.cpu_ms.map_or_else(|| "–".to_owned(), milliseconds)) }
            td.num { (bytes_or_dash(operator.spilled_bytes.unwrap_or(0))) }
        }
    }
}

fn milliseconds(ms: f64) -> String {
    match ms < 10.0 {
        true => format!("{:.1} ms", ms.max(0.0)),
        false => duration(ms as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{operator, stage};
    use super::*;

    #[test]
    fn operators_show_what_was_measured() {
        let mut one = stage(3, &[]);
        one.operators = vec![operator("AggregateExec"), operator("DataSourceExec")];
        one.operators[0].rows = Some(12_345);
        one.operators[0].cpu_ms = Some(0.04);
        one.operators[1].cpu_ms = Some(1_234.0);
        one.operators[1].depth = 99;
        one.operators[1].detail = "file_groups=<x>".into();
        one.operators[1].metrics = vec![("bytes_scanned".into(), 7), ("nothing".into(), 0)];
        let text = table(&one).into_string();
        assert!(text.contains("12,345") && text.contains("0.0 ms"), "{text}");
        assert!(text.contains("class=\"num hot\">1.2 s"), "{text}");
        assert!(
            text.contains("depth-24") && text.contains("&lt;x&gt;"),
            "{text}"
        );
        assert!(
            text.contains("bytes_scanned") && !text.contains("nothing"),
            "{text}"
        );
        assert_eq!(table(&stage(4, &[])).into_string(), "");
    }
}
