//! What a line of the history's files says. docs/history.md describes the form for others; it changes by new kinds and
//! new fields only, which readers pass over, and `v` is raised when what is there would mean something else.

use serde::{Deserialize, Serialize};
use springald_core::protocol::JobInfo;
use springald_core::record::{AttemptRecord, JobRecord, StageRecord, TaskRecord};

/// The version of the form that is written here, and the highest that is read.
pub(super) const VERSION: u32 = 1;

/// A line. The four fields at its front come in this order, so that a reader that looks for a few of many lines
/// need not parse the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) v: u32,
    pub(super) at_ms: u64,
    /// The job's; empty if the line is of none.
    #[serde(default)]
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) event: Event,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    /// The first line of each file.
    Master {
        version: String,
        /// `springald://host:port`
        address: String,
    },
    Submitted {
        job: JobInfo,
        sql: Option<String>,
        #[serde(default)]
        settings: Vec<(String, String)>,
    },
    /// An attempt began or ended.
    Attempt {
        job: JobInfo,
        attempt: AttemptRecord,
    },
    /// The counts of the job, while it runs.
    Progress {
        job: JobInfo,
    },
    Planned {
        plan: String,
    },
    /// A stage began or ended; its tasks have lines of their own.
    Stage {
        attempt: u32,
        stage: StageRecord,
    },
    /// A task ended.
    Task {
        attempt: u32,
        stage: u32,
        task: TaskRecord,
    },
    Ended {
        job: JobInfo,
    },
    /// All that is known of an ended job beside `ended`; the lines before are not needed any more.
    Record {
        record: Details,
    },
    #[serde(other)]
    Unknown,
}

/// A [`JobRecord`] without its job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) sql: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) stages: Vec<StageRecord>,
}

impl Details {
    pub(super) fn of(record: &JobRecord) -> Self {
        Self {
            sql: record.sql.clone(),
            plan: record.plan.clone(),
            settings: record.settings.clone(),
            attempts: record.attempts.clone(),
            stages: record.stages.clone(),
        }
    }

    pub(super) fn of_job(self, job: JobInfo) -> JobRecord {
        JobRecord {
            job,
            sql: self.sql,
            plan: self.plan,
            settings: self.settings,
            attempts: self.attempts,
            stages: self.stages,
        }
    }
}

/// The front of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) at_ms: u64,
    pub(super) id: &'a str,
    pub(super) event: &'a str,
}

impl<'a> Head<'a> {
    /// `None` if the line is torn, is not of this form, or of a later version of it.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        Self::quick(line).or_else(|| Self::parsed(line))
    }

    /// The front as it is written here; the rest of the line is not looked at.
    fn quick(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"{\"v\":1,\"at_ms\":")?;
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (at_ms, rest) = rest.split_at(digits);
        let at_ms = std::str::from_utf8(at_ms).ok()?.parse().ok()?;
        let (id, rest) = plain_text(rest.strip_prefix(b",\"id\":\"")?)?;
        let (event, _) = plain_text(rest.strip_prefix(b",\"event\":\"")?)?;
        Some(Self { at_ms, id, event })
    }

    /// Any JSON with these fields.
    fn parsed(line: &'a [u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Front<'a> {
            v: u32,
            at_ms: u64,
            #[serde(default)]
            id: &'a str,
            event: &'a str,
        }
        let front: Front<'_> = serde_json::from_slice(line).ok()?;
        (front.v == VERSION).then_some(Self {
            at_ms: front.at_ms,
            id: front.id,
            event: front.event,
        })
    }
}

/// The text up to the closing quote, and what follows it; `None` if there is an escape in it.
fn plain_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'"')?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    (!text.contains('\\')).then_some((text, &bytes[end + 1..]))
}

/// Adds a line to `out`. What cannot be written as JSON, which is nothing of ours, is left out.
pub(super) fn encode(line: &Line, out: &mut Vec<u8>) {
    let start = out.len();
    match serde_json::to_writer(&mut *out, line) {
        Ok(()) => out.push(b'\n'),
        Err(e) => {
            out.truncate(start);
            log::error!("an event of job {} cannot be written as JSON: {e}", line.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: Event) -> Vec<u8> {
        let line = Line {
            v: VERSION,
            at_ms: 17,
            id: "job-1".into(),
            event,
        };
        let mut out = vec![];
        encode(&line, &mut out);
        assert_eq!(serde_json::from_slice::<Line>(&out).unwrap(), line);
        out
    }

    #[test]
    fn the_front_of_what_is_written_is_read_without_parsing() {
        let planned = line(Event::Planned {
            plan: "A\n  B \"c\"".into(),
        });
        let head = Head::quick(&planned).unwrap();
        assert_eq!((head.at_ms, head.id, head.event), (17, "job-1", "planned"));
        assert_eq!(planned.iter().filter(|byte| **byte == b'\n').count(), 1);
        line(Event::Record {
            record: Details::default(),
        });
    }

    #[test]
    fn other_orders_kinds_and_fields_are_read_and_later_versions_are_not() {
        let other = br#"{"event":"lunch","new":[1],"at_ms":3,"v":1,"id":"x"}"#;
        let head = Head::of(other).unwrap();
        assert_eq!((head.at_ms, head.id, head.event), (3, "x", "lunch"));
        let read: Line = serde_json::from_slice(other).unwrap();
        assert_eq!(read.event, Event::Unknown);
        assert_eq!(
            Head::of(br#"{"v":2,"at_ms":3,"id":"x","event":"ended"}"#),
            None
        );
        for torn in [&b""[..], b"{\"v\":1,\"at_ms\":1", b"\xff\xfe", b"[]"] {
            assert_eq!(Head::of(torn), None);
        }
    }
}
