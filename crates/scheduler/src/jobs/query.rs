//! A client's query as it arrived, and the making of an attempt out of it. The plan is decoded anew for
//! each attempt, so that none sees the file listings or the paths of another.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ballista_core::config::BALLISTA_JOB_NAME;
use ballista_core::extension::SessionConfigHelperExt;
use ballista_core::serde::protobuf::execute_query_params::Query as Encoded;
use ballista_core::serde::protobuf::{ExecuteQueryParams, KeyValuePair};
use ballista_scheduler::scheduler_server::event::SubmitPlan;
use datafusion::common::Result;
use datafusion::common::exec_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::sink::DataSinkExec;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use springald_core::config::{JOB_DESCRIPTION, SpringaldConfig, parse_bytes};
use springald_core::{codec, session};

use super::planning::Planning;
use crate::Ballista;

/// The folder of one write job, below its target; see [`springald_core::protocol::PublishRequest`].
const STAGING: &str = "_staging-";

/// What a client sent.
pub(crate) struct Query {
    pub(crate) name: String,
    pub(crate) session: String,
    pub(crate) settings: SpringaldConfig,
    /// The statement that the job comes from, as its client says.
    pub(crate) sql: Option<String>,
    /// The settings that differ from their defaults.
    pub(crate) changed: Vec<(String, String)>,
    /// Bytes that a worker must offer for each of its cores.
    pub(crate) memory_per_core: u64,
    config: SessionConfig,
    encoded: Encoded,
}

/// What goes to Ballista.
pub(crate) struct Prepared {
    pub(crate) context: Arc<SessionContext>,
    pub(crate) plan: SubmitPlan,
    pub(crate) writes: Writes,
}

/// Where the files go that the plan writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Writes {
    Nothing,
    /// Into a staging folder; each attempt has a folder of its own there.
    Staged(PathBuf),
    /// Into one file, which its store puts in place when it is whole, over that of an attempt before.
    OneFile,
    /// Straight to where readers look, so files of a lost attempt would be read beside those of the next.
    InPlace,
}

impl Writes {
    /// Whether the job may be run again when an attempt was lost.
    pub(crate) fn repeatable(&self) -> bool {
        *self != Self::InPlace
    }

    /// Whether a task that failed leaves files behind that would be counted.
    pub(crate) fn leaves_files(&self) -> bool {
        matches!(self, Self::Staged(_) | Self::InPlace)
    }
}

impl Query {
    /// Fails if the request is not a whole one, in words for the client.
    pub(crate) fn new(params: ExecuteQueryParams) -> springald_core::Result<Self> {
        let Some(encoded) = params.query else {
            return Err(springald_core::Error::invalid(
                "the request carries no query",
            ));
        };
        let mut sent = params.settings;
        // For the record alone: it would travel to the workers with each task.
        let sql = take(&mut sent, JOB_DESCRIPTION).filter(|sql| !sql.is_empty());
        let config = session::config().update_from_key_value_pair(&sent);
        let settings = springald_core::config::of(&config);
        let memory_per_core = parse_bytes(&settings.job_memory_per_core)?;
        let changed = changed(&config);
        let named = sent.into_iter().find(|pair| pair.key == BALLISTA_JOB_NAME);
        let name = named
            .and_then(|pair| pair.value)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| settings.app_name.clone());
        Ok(Self {
            name,
            session: params.session_id,
            settings,
            sql,
            changed,
            memory_per_core,
            config,
            encoded,
        })
    }

    /// Decodes the plan for attempt number `attempt`.
    pub(super) async fn prepare(
        &self,
        ballista: &Ballista,
        attempt: u32,
        planning: Planning,
    ) -> Result<Prepared> {
        let context = ballista
            .state
            .session_manager
            .create_or_update_session(&self.session, &planning.of(&self.config))
            .await
            .map_err(|e| e.into_datafusion())?;
        let task_context = context.task_ctx();
        let mut writes = Writes::Nothing;
        let plan = match &self.encoded {
            Encoded::LogicalPlan(bytes) => {
                let plan = LogicalPlanNode::try_decode(bytes)?
                    .try_into_logical_plan(&task_context, codec::logical().as_ref())?;
                let (plan, found) = stage(plan, attempt)?;
                writes = found;
                SubmitPlan::Logical(plan)
            }
            Encoded::PhysicalPlan(bytes) => {
                let plan = PhysicalPlanNode::try_decode(bytes)?
                    .try_into_physical_plan(&task_context, codec::physical().as_ref())?;
                if plan.exists(|node| Ok(node.is::<DataSinkExec>()))? {
                    writes = Writes::InPlace;
                }
                SubmitPlan::Physical(plan)
            }
            Encoded::SubstraitPlan(_) => {
                return exec_err!("Substrait plans are not taken by this master");
            }
        };
        Ok(Prepared {
            context,
            plan,
            writes,
        })
    }
}

/// Takes the value of a key out of what a client sent.
fn take(sent: &mut Vec<KeyValuePair>, key: &str) -> Option<String> {
    let at = sent.iter().position(|pair| pair.key == key)?;
    sent.swap_remove(at).value
}

/// The settings that are not as every session begins with, but the name, which is the job's.
fn changed(config: &SessionConfig) -> Vec<(String, String)> {
    static DEFAULTS: OnceLock<HashMap<String, Option<String>>> = OnceLock::new();
    let defaults = DEFAULTS.get_or_init(|| {
        let entries = session::config().options().entries().into_iter();
        entries.map(|entry| (entry.key, entry.value)).collect()
    });
    let mut changed = vec![];
    for entry in config.options().entries() {
        if entry.key != BALLISTA_JOB_NAME && defaults.get(&entry.key) != Some(&entry.value) {
            changed.push((entry.key, entry.value.unwrap_or_default()));
        }
    }
    changed.sort();
    changed
}

/// The folder of one attempt inside a staging folder.
pub(crate) fn attempt_folder(staging: &Path, attempt: u32) -> PathBuf {
    staging.join(format!("attempt-{attempt}"))
}

/// A path as people and plans write it, with or without `file://`, without a slash at its end.
pub(crate) fn local_path(path: &str) -> PathBuf {
    let path = path.strip_prefix("file://").unwrap_or(path);
    Path::new(path).components().collect()
}

/// Sends what the plan writes into a folder of this attempt, where the client staged it.
fn stage(plan: LogicalPlan, attempt: u32) -> Result<(LogicalPlan, Writes)> {
    let mut writes = Writes::Nothing;
    let plan = plan.transform_down(|node| match node {
        LogicalPlan::Copy(mut copy) => {
            writes = match staging_of(&copy.output_url) {
                Some(staging) => {
                    copy.output_url = into_attempt(&copy.output_url, &staging, attempt);
                    Writes::Staged(staging)
                }
                None if is_one_file(&copy) => Writes::OneFile,
                None => Writes::InPlace,
            };
            let copy = LogicalPlan::Copy(copy);
            Ok(Transformed::new(copy, true, TreeNodeRecursion::Stop))
        }
        LogicalPlan::Dml(dml) => {
            writes = Writes::InPlace;
            Ok(Transformed::new(
                LogicalPlan::Dml(dml),
                false,
                TreeNodeRecursion::Stop,
            ))
        }
        node => Ok(Transformed::no(node)),
    })?;
    Ok((plan.data, writes))
}

/// As DataFusion decides it.
fn is_one_file(copy: &CopyTo) -> bool {
    let named = Path::new(&copy.output_url).extension().is_some();
    named && !copy.output_url.ends_with('/') && copy.partition_by.is_empty()
}

/// The staging folder that a local path lies in.
fn staging_of(url: &str) -> Option<PathBuf> {
    if url.contains("://") && !url.starts_with("file://") {
        return None;
    }
    let path = local_path(url);
    let staged = |c: Component<'_>| c.as_os_str().to_string_lossy().starts_with(STAGING);
    let depth = path.components().position(staged)?;
    Some(path.components().take(depth + 1).collect())
}

fn into_attempt(url: &str, staging: &Path, attempt: u32) -> String {
    let path = local_path(url);
    let rest = path.strip_prefix(staging).unwrap_or(Path::new(""));
    let scheme = if url.starts_with("file://") {
        "file://"
    } else {
        ""
    };
    let mut moved = attempt_folder(staging, attempt);
    moved.extend(rest);
    let folder = if url.ends_with('/') || rest.as_os_str().is_empty() {
        "/"
    } else {
        ""
    };
    format!("{scheme}{}{folder}", moved.display())
}

/// Whether a folder is one that a write job stages into.
pub(crate) fn is_staging(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(STAGING))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn copy_to(target: &str) -> LogicalPlan {
        let sql = format!("COPY (SELECT 1 AS a) TO '{target}' STORED AS PARQUET");
        let context = SessionContext::new();
        context.state().create_logical_plan(&sql).await.unwrap()
    }

    fn output(plan: &LogicalPlan) -> &str {
        match plan {
            LogicalPlan::Copy(copy) => &copy.output_url,
            plan => panic!("{plan}"),
        }
    }

    #[tokio::test]
    async fn each_attempt_writes_into_its_own_folder() {
        let staged = Writes::Staged("/w/t/_staging-1".into());
        for (target, moved) in [
            ("/w/t/_staging-1/", "/w/t/_staging-1/attempt-2/"),
            ("/w/t/_staging-1", "/w/t/_staging-1/attempt-2/"),
            (
                "file:///w/t/_staging-1/",
                "file:///w/t/_staging-1/attempt-2/",
            ),
            (
                "/w/t/_staging-1/part.parquet",
                "/w/t/_staging-1/attempt-2/part.parquet",
            ),
        ] {
            let (plan, writes) = stage(copy_to(target).await, 2).unwrap();
            assert_eq!((output(&plan), &writes), (moved, &staged));
        }
    }

    #[tokio::test]
    async fn other_writes_stay_where_they_are_and_are_known() {
        let (plan, writes) = stage(copy_to("/w/t/").await, 1).unwrap();
        assert_eq!((output(&plan), writes), ("/w/t/", Writes::InPlace));
        let (_, writes) = stage(copy_to("s3://b/_staging-1/").await, 1).unwrap();
        assert_eq!(writes, Writes::InPlace);
        let (_, writes) = stage(copy_to("/w/t.parquet").await, 1).unwrap();
        assert!(writes.repeatable() && !writes.leaves_files());
        let read = SessionContext::new()
            .state()
            .create_logical_plan("SELECT 1")
            .await
            .unwrap();
        assert_eq!(stage(read, 1).unwrap().1, Writes::Nothing);
    }

    #[test]
    fn the_text_of_a_job_is_for_its_record_alone() {
        let pair = |key: &str, value: &str| KeyValuePair {
            key: key.into(),
            value: Some(value.into()),
        };
        let query = Query::new(ExecuteQueryParams {
            query: Some(Encoded::LogicalPlan(vec![])),
            settings: vec![
                pair(JOB_DESCRIPTION, "SELECT 1"),
                pair("springald.job_max_attempts", "2"),
                pair("springald.app_name", "springald"),
            ],
            ..ExecuteQueryParams::default()
        })
        .unwrap();
        assert_eq!(query.sql.as_deref(), Some("SELECT 1"));
        assert_eq!(query.settings.job_description, "");
        let changed = ("springald.job_max_attempts".into(), "2".into());
        assert_eq!(query.changed, [changed]);
    }

    #[test]
    fn a_request_without_a_query_is_refused() {
        assert!(Query::new(ExecuteQueryParams::default()).is_err());
    }
}
