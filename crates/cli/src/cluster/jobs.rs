//! `springald jobs`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use springald_core::protocol::{JobInfo, JobState};

use crate::cli::ClusterArgs;
use crate::error::{Exit, Result, SUCCESS};
use crate::output::{Format, Kind, Listing, Printer};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald jobs
  springald jobs --state running
  springald jobs abc123 --format json")]
pub(crate) struct JobsArgs {
    /// Show this job only
    id: Option<String>,

    /// Only jobs in this state; may be repeated
    #[arg(long, value_enum, conflicts_with = "id")]
    state: Vec<State>,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// How rows are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    Waiting,
    Running,
    Done,
    Failed,
    Cancelled,
}

pub(crate) async fn jobs(args: JobsArgs) -> Result<Exit> {
    let client = args.cluster.client("jobs")?;
    let mut jobs = match &args.id {
        Some(id) => vec![client.job(id).await?],
        None => client.jobs().await?,
    };
    jobs.retain(|job| args.state.is_empty() || args.state.contains(&job.state.into()));
    // The newest at the end, where the eye is after a long list.
    jobs.sort_by(|a, b| (a.submitted_at_ms, &a.id).cmp(&(b.submitted_at_ms, &b.id)));
    Printer::stdout(args.format).print_listing(&listing(&jobs, now_ms()))?;
    Ok(SUCCESS)
}

fn listing(jobs: &[JobInfo], now_ms: u64) -> Listing {
    let mut listing = Listing::new(&[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("session", Kind::Text),
        ("state", Kind::Text),
        ("submitted_at_ms", Kind::Time),
        ("ran_ms", Kind::Millis),
        ("stages_done", Kind::Number),
        ("stages", Kind::Number),
        ("tasks_done", Kind::Number),
        ("tasks_running", Kind::Number),
        ("tasks", Kind::Number),
        ("attempts", Kind::Number),
        ("message", Kind::Text),
    ]);
    for job in jobs {
        let state = match job.state {
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        };
        let ran = job
            .started_at_ms
            .map(|started| job.ended_at_ms.unwrap_or(now_ms).saturating_sub(started));
        listing.push(vec![
            job.id.as_str().into(),
            job.name.as_str().into(),
            job.session.as_str().into(),
            state.into(),
            job.submitted_at_ms.into(),
            ran.map_or(Value::Null, Value::from),
            job.stages_done.into(),
            job.stages.into(),
            job.tasks_done.into(),
            job.tasks_running.into(),
            job.tasks.into(),
            job.attempts.into(),
            job.message.clone().map_or(Value::Null, Value::from),
        ]);
    }
    listing
}

impl From<JobState> for State {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => Self::Waiting,
            JobState::Running => Self::Running,
            JobState::Done => Self::Done,
            JobState::Failed => Self::Failed,
            JobState::Cancelled => Self::Cancelled,
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
