//! `springald jobs`.

use springald_core::protocol::JobInfo;
use springald_core::rest::ListFilter;

use super::{State, job, ran_ms};
use crate::cli::ClusterArgs;
use crate::error::{Exit, Result, SUCCESS, say};
use crate::output::{Format, Kind, Listing, Printer};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald jobs
  springald jobs --state running --state waiting
  springald jobs --search nightly --limit 20
  springald jobs job-6740b1c2-00017                  its attempts and stages, too
  springald jobs job-6740b1c2-00017 --format json    and all that is known of it")]
pub(crate) struct JobsArgs {
    /// Show this job, with its attempts and stages
    id: Option<String>,

    /// Only jobs in this state; may be repeated
    #[arg(long, value_enum, conflicts_with = "id")]
    state: Vec<State>,

    /// Only jobs with this text in their name, session or id
    #[arg(long, value_name = "TEXT", conflicts_with = "id")]
    search: Option<String>,

    /// Only so many, the newest
    #[arg(long, value_name = "N", conflicts_with = "id", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: Option<u16>,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// How rows are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) async fn jobs(args: JobsArgs) -> Result<Exit> {
    let client = args.cluster.client("jobs")?;
    if let Some(id) = &args.id {
        return job::show(&client.job_record(id).await?, args.format);
    }
    let listed = client
        .jobs_like(&ListFilter {
            states: args.state.into_iter().map(Into::into).collect(),
            search: args.search,
            limit: args.limit.map(usize::from),
        })
        .await?;
    let mut jobs = listed.items;
    // The newest at the end, where the eye is after a long list.
    jobs.sort_by(|a, b| (a.submitted_at_ms, &a.id).cmp(&(b.submitted_at_ms, &b.id)));
    Printer::stdout(args.format).print_listing(&listing(&jobs))?;
    if args.limit.is_none() && listed.total > jobs.len() {
        say(&format!(
            "these are the newest {} of {}; --limit shows more",
            jobs.len(),
            listed.total
        ));
    }
    Ok(SUCCESS)
}

pub(super) fn listing(jobs: &[JobInfo]) -> Listing {
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
        listing.push(vec![
            job.id.as_str().into(),
            job.name.as_str().into(),
            job.session.as_str().into(),
            job.state.name().into(),
            job.submitted_at_ms.into(),
            ran_ms(job.started_at_ms, job.ended_at_ms),
            job.stages_done.into(),
            job.stages.into(),
            job.tasks_done.into(),
            job.tasks_running.into(),
            job.tasks.into(),
            job.attempts.into(),
            job.message.clone().into(),
        ]);
    }
    listing
}
