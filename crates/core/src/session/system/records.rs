//! The records of jobs as they come from the master, a line of JSON each: a history of thousands is never in memory as
//! a whole.

use datafusion::common::Result;
use futures::stream::{self, Stream};
use reqwest::Response;

use crate::cluster::ClusterClient;
use crate::error::Error;
use crate::record::JobRecord;

/// How much of each record is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Detail {
    Job,
    Stages,
}

/// The records of these jobs, or of all, some at a time.
pub(super) async fn records(
    cluster: &ClusterClient,
    jobs: Option<&[String]>,
    detail: Detail,
) -> Result<impl Stream<Item = Result<Vec<JobRecord>>> + use<>> {
    let detail = match detail {
        Detail::Job => "job",
        Detail::Stages => "stages",
    };
    let lines = Lines {
        answer: cluster.rest().records(jobs, detail).await?,
        pending: vec![],
    };
    Ok(stream::try_unfold(lines, |mut lines| async move {
        let some = lines.next().await?;
        Ok(some.map(|some| (some, lines)))
    }))
}

struct Lines {
    answer: Response,
    /// What came of a line whose end has not.
    pending: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<JobRecord>>> {
        loop {
            if let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let whole = std::mem::replace(&mut self.pending, rest);
                return parse(&whole).map(Some);
            }
            let more = self.answer.chunk().await;
            match more.map_err(|e| cut_short(&e))? {
                Some(bytes) => self.pending.extend_from_slice(&bytes),
                None if self.pending.is_empty() => return Ok(None),
                None => return Err(cut_short(&"the last line has no end")),
            }
        }
    }
}

fn parse(lines: &[u8]) -> Result<Vec<JobRecord>> {
    let lines = lines.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).map_err(|e| cut_short(&e)))
        .collect()
}

fn cut_short(why: &dyn std::fmt::Display) -> datafusion::error::DataFusionError {
    Error::failed(format!(
        "the master's records of jobs could not be read: {why}"
    ))
    .with_hint("ask again; if the history is long, name jobs: WHERE job_id = '…'")
    .into()
}
