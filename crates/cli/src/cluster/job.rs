//! `springald jobs ID`: one job with its attempts and stages.

use std::io::Write;

use springald_core::record::{AttemptRecord, JobRecord, StageRecord, StageState};

use super::jobs::listing;
use super::ran_ms;
use crate::error::{Error, Exit, Result, SUCCESS};
use crate::output::{Format, Kind, Listing, Printer};

/// As tables, one below the other; as one object in JSON; in the other formats, which hold one table, its line of the
/// list of jobs.
pub(super) fn show(record: &JobRecord, format: Format) -> Result<Exit> {
    let printer = Printer::stdout(format);
    let job = listing(std::slice::from_ref(&record.job));
    match format {
        Format::Table => {}
        Format::Json => {
            let mut text = serde_json::to_string_pretty(record)
                .map_err(|e| Error::failed(format!("the record cannot be written: {e}")))?;
            text.push('\n');
            write(&text)?;
            return Ok(SUCCESS);
        }
        _ => {
            printer.print_listing(&job)?;
            return Ok(SUCCESS);
        }
    }
    printer.print_listing(&job)?;
    if let Some(sql) = &record.sql {
        write(&format!("\n{}\n", sql.trim()))?;
    }
    if !record.attempts.is_empty() {
        write("\nAttempts\n")?;
        printer.print_listing(&attempts(&record.attempts))?;
    }
    if !record.stages.is_empty() {
        write("\nStages\n")?;
        printer.print_listing(&stages(&record.stages))?;
    }
    Ok(SUCCESS)
}

fn write(text: &str) -> Result<()> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(Error::Stdout)
}

fn attempts(attempts: &[AttemptRecord]) -> Listing {
    let mut listing = Listing::new(&[
        ("number", Kind::Number),
        ("started_at_ms", Kind::Time),
        ("ran_ms", Kind::Millis),
        ("message", Kind::Text),
    ]);
    for attempt in attempts {
        listing.push(vec![
            attempt.number.into(),
            attempt.started_at_ms.into(),
            ran_ms(Some(attempt.started_at_ms), attempt.ended_at_ms),
            attempt.message.clone().into(),
        ]);
    }
    listing
}

fn stages(stages: &[StageRecord]) -> Listing {
    let mut listing = Listing::new(&[
        ("id", Kind::Number),
        ("state", Kind::Text),
        ("inputs", Kind::Text),
        ("tasks_done", Kind::Number),
        ("tasks", Kind::Number),
        ("ran_ms", Kind::Millis),
        ("cpu_ms", Kind::Millis),
        ("rows_in", Kind::Number),
        ("rows_out", Kind::Number),
        ("bytes_out", Kind::Bytes),
        ("spilled_bytes", Kind::Bytes),
        ("message", Kind::Text),
    ]);
    for stage in stages {
        let inputs: Vec<String> = stage.inputs.iter().map(ToString::to_string).collect();
        let done = stage
            .tasks
            .iter()
            .filter(|task| task.state == StageState::Done);
        listing.push(vec![
            stage.id.into(),
            stage.state.name().into(),
            inputs.join(" ").into(),
            done.count().into(),
            stage.tasks.len().into(),
            ran_ms(stage.started_at_ms, stage.ended_at_ms),
            stage.cpu_ms.into(),
            stage.rows_in.into(),
            stage.rows_out.into(),
            stage.bytes_out.into(),
            stage.spilled_bytes.into(),
            stage.message.clone().into(),
        ]);
    }
    listing
}
