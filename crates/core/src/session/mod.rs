//! A user's session: where its work runs, the tables it knows, and the statements it runs.

mod builder;
mod cache;
mod catalog;
pub(crate) mod description;
mod files;
mod found_files;
mod publish;
mod spark_functions;
mod spark_sql;
mod spelling;
mod statement;
mod statistics;
pub(crate) mod system;
pub(crate) mod tables;
mod union_order;
mod upload;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::optimizer::with_ballista_optimizer_rules;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider,
};
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::sqlparser::parser::ParserError;
use parking_lot::Mutex;

pub use builder::{MAX_MESSAGE_BYTES, config, function_registry, local_config, runtime_env, state};
pub use publish::publish;
pub use statement::split_statements;
pub use tables::table_at;
pub use upload::Upload;
pub use write::SaveMode;

use crate::cache::{BlockStore, CacheSite};
use crate::cluster::{ClusterClient, ClusterPlanner, JobListener, LocalCluster, WorkspaceFiles};
use crate::config as settings;
use crate::error::{Error, Result, engine_message, find_ours};
use crate::master_url::MasterUrl;
use crate::optimizer;
use crate::process::kilobytes;
use crate::security::security;
use catalog::SessionTables;
use union_order::UnionsInOrder;

/// Partitions of a cluster's exchanges for each of its cores: two, so that one slow task does not hold up a stage.
/// More make the many short stages of a query like TPC-H q21 longer, by 60 % with eight a core.
const PARTITIONS_A_CORE: usize = 2;

/// Partitions when no worker is there yet to say how many cores there are.
const UNKNOWN_PARTITIONS: usize = 16;

/// A session. Statements run one after the other or side by side; dropping it ends an embedded cluster.
pub struct Session {
    context: Arc<SessionContext>,
    master: MasterUrl,
    tables: Arc<SessionTables>,
    cluster: Option<Arc<ClusterClient>>,
    /// The folder whose `warehouse` holds tables made here, as the writing processes see it.
    workspace: PathBuf,
    /// Shared with sessions that [`Session::another`] has made.
    embedded: Mutex<Option<Arc<LocalCluster>>>,
}

impl Session {
    /// Begins a session on `master` with `(key, value)` settings over those of the environment.
    ///
    /// # Errors
    /// If the master cannot be reached or is of another version, or a setting is unknown or wrong.
    pub async fn connect(master: &MasterUrl, conf: &[(String, String)]) -> Result<Self> {
        match master {
            MasterUrl::Local { threads } => Self::local(master, *threads, conf),
            MasterUrl::LocalCluster { workers, cores } => {
                let started = LocalCluster::start(*workers, *cores, &workspace()).await?;
                Self::join(master, started.address(), Some(Arc::new(started)), conf).await
            }
            MasterUrl::Cluster { host, port } => {
                Self::join(master, (host.clone(), *port), None, conf).await
            }
        }
    }

    /// Another session on the same master: with tables and settings of its own, on the same embedded cluster.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and if this session has ended.
    pub async fn another(&self, conf: &[(String, String)]) -> Result<Self> {
        let MasterUrl::LocalCluster { .. } = self.master else {
            return Self::connect(&self.master, conf).await;
        };
        let embedded = self.embedded.lock().clone();
        let embedded = embedded.ok_or_else(|| {
            Error::invalid("the session has ended, and its cluster with it")
                .with_hint("begin another one")
        })?;
        Self::join(&self.master, embedded.address(), Some(embedded), conf).await
    }

    fn local(
        master: &MasterUrl,
        threads: Option<usize>,
        conf: &[(String, String)],
    ) -> Result<Self> {
        let tables = Arc::new(SessionTables::default());
        let catalogs = catalogs(&tables)?;
        let threads = threads.unwrap_or_else(all_cores);
        let store = BlockStore::new(local_cache_bytes(), None);
        let site = CacheSite::new(store, String::new(), threads);
        let config = local_config(threads).with_extension(Arc::new(site));
        let config = with_conf(config, conf)?;
        let state = builder::builder(config, runtime_env(None)?)
            .with_catalog_list(catalogs)
            .with_physical_optimizer_rule(Arc::new(UnionsInOrder))
            .build();
        let workspace = workspace();
        Ok(Self::new(
            state.into(),
            master,
            tables,
            None,
            workspace,
            None,
        ))
    }

    async fn join(
        master: &MasterUrl,
        (host, port): (String, u16),
        embedded: Option<Arc<LocalCluster>>,
        conf: &[(String, String)],
    ) -> Result<Self> {
        let tables = Arc::new(SessionTables::default());
        let catalogs = catalogs(&tables)?;
        let (client, info) = ClusterClient::connect(&host, port).await?;
        let client = Arc::new(client);
        let runtime = runtime_env(None)?;
        let workspace = PathBuf::from(info.workspace);
        let files = WorkspaceFiles::new(&workspace, client.rest().clone());
        let files = files.map_err(DataFusionError::from)?;
        runtime.register_object_store(ObjectStoreUrl::local_filesystem().as_ref(), Arc::new(files));
        let partitions = match info.cores as usize {
            0 => UNKNOWN_PARTITIONS,
            cores => PARTITIONS_A_CORE * cores.max(2),
        };
        let config = config()
            .with_target_partitions(partitions)
            .with_ballista_override_create_grpc_client_endpoint(Arc::new(|endpoint| {
                security()?.introduce(endpoint)
            }));
        let config = with_conf(config, conf)?;
        let state = builder::builder(config, runtime)
            .with_catalog_list(catalogs)
            .with_optimizer_rules(with_ballista_optimizer_rules(&optimizer::rules()))
            .with_query_planner(Arc::new(ClusterPlanner::new(Arc::clone(&client))))
            .build();
        tables.define(client.rest().catalog().await?);
        Ok(Self::new(
            state.into(),
            master,
            tables,
            Some(client),
            workspace,
            embedded,
        ))
    }

    fn new(
        context: SessionContext,
        master: &MasterUrl,
        tables: Arc<SessionTables>,
        cluster: Option<Arc<ClusterClient>>,
        workspace: PathBuf,
        embedded: Option<Arc<LocalCluster>>,
    ) -> Self {
        let context = Arc::new(context);
        tables.attach(&context);
        system::attach(&context, cluster.as_ref());
        Self {
            context,
            master: master.clone(),
            tables,
            cluster,
            workspace,
            embedded: Mutex::new(embedded),
        }
    }

    /// Waits a moment for what the master is still to be told, before the process ends.
    pub async fn settle(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.settle().await;
        }
    }

    /// Frees what the session holds on the cluster, though frames of it may still be there, and ends an embedded one.
    pub fn close(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.end_leases();
        }
        drop(self.embedded.lock().take());
    }

    /// The engine's context, for the DataFrame API.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    pub fn master(&self) -> &MasterUrl {
        &self.master
    }

    /// The cluster's client, unless the session runs in this process.
    pub fn cluster(&self) -> Option<&Arc<ClusterClient>> {
        self.cluster.as_ref()
    }

    /// The shared folder, as the cluster sees it; in local mode, this process's.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Who hears of this session's jobs on the cluster; in local mode there are none.
    pub fn listen(&self, listener: Option<JobListener>) {
        if let Some(cluster) = &self.cluster {
            cluster.listen(listener);
        }
    }

    /// Learns of the tables and views that other sessions made or dropped since this one began.
    pub async fn refresh_catalog(&self) -> Result<()> {
        if let Some(cluster) = &self.cluster {
            self.tables.define(cluster.rest().catalog().await?);
        }
        Ok(())
    }

    /// Changes a setting for the statements to come.
    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        let state = self.context.state_ref();
        let mut state = state.write();
        settings::set(state.config_mut(), key, value)
    }

    /// Runs one statement. Queries run when their rows are asked for; everything else is done on return.
    pub async fn sql(&self, sql: &str) -> Result<DataFrame> {
        Ok(self.described(sql, false).await?.0)
    }

    /// The same where Spark's meaning goes before DataFusion's: `range(…)` has a column `id`. For each column that has
    /// no name the text of its expression is told, as Spark has names for these; nothing if that is not clear.
    pub async fn spark_sql(&self, sql: &str) -> Result<(DataFrame, Vec<Option<String>>)> {
        self.described(sql, true).await
    }

    /// Jobs of the statement carry its text, those that it runs by itself and those of its rows.
    async fn described(&self, sql: &str, spark: bool) -> Result<(DataFrame, Vec<Option<String>>)> {
        let run = description::during(sql, self.run(sql, spark)).await;
        let (frame, names) = run.map_err(|e| self.explain(e, sql))?;
        let frame = match self.cluster {
            Some(_) => description::described(frame, sql),
            None => frame,
        };
        Ok((frame, names))
    }

    /// The table at a path, as `SELECT * FROM 'path'` reads it, or as files of the format `named`.
    pub async fn read(&self, path: &str, named: Option<&str>) -> Result<DataFrame> {
        let table = table_at(&self.context.state(), path, named).await?;
        Ok(self.context.read_table(table)?)
    }

    /// Puts an engine error into words for whoever wrote `sql`: the place of a syntax error, the table that
    /// may have been meant.
    pub fn explain(&self, error: Error, sql: &str) -> Error {
        let Error::Engine(engine) = error else {
            return error;
        };
        if let Some(ours) = find_ours(&engine) {
            let hint = ours.hint().map(str::to_owned);
            let message = engine_message(&engine);
            return match ours {
                Error::Invalid { .. } => Error::Invalid { message, hint },
                _ => Error::Failed { message, hint },
            };
        }
        if let Some(parse) = parser_error(&engine) {
            return syntax_error(parse, sql);
        }
        let message = engine_message(&engine);
        if let Some(name) = missing_table(&message) {
            let error = Error::invalid(format!("there is no table `{name}`"));
            return match self.tables.suggest(name) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None => {
                    error.with_hint("SHOW TABLES lists them; a file is read as FROM 'path/to/file'")
                }
            };
        }
        match is_planning(&engine) {
            true => Error::invalid(message),
            false => Error::failed(message),
        }
    }
}

/// The workspace folder of this process: `$SPRINGALD_WORKSPACE`, else `/opt/workspace` where it is there, else
/// `springald-workspace` in the current folder.
pub fn workspace() -> PathBuf {
    if let Some(dir) = std::env::var_os("SPRINGALD_WORKSPACE").filter(|d| !d.is_empty()) {
        return dir.into();
    }
    let shared = Path::new("/opt/workspace");
    if shared.is_dir() {
        return shared.to_owned();
    }
    std::path::absolute("springald-workspace").unwrap_or_else(|_| "springald-workspace".into())
}

fn catalogs(tables: &Arc<SessionTables>) -> Result<Arc<dyn CatalogProviderList>> {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("public", Arc::clone(tables) as _)?;
    // Where Spark keeps the views that all sessions of a program share.
    catalog.register_schema("global_temp", Arc::new(MemorySchemaProvider::new()))?;
    let list = MemoryCatalogProviderList::new();
    list.register_catalog("datafusion".to_owned(), Arc::new(catalog));
    Ok(Arc::new(list))
}

fn with_conf(config: SessionConfig, conf: &[(String, String)]) -> Result<SessionConfig> {
    // The session brings its own catalog; the default one would take its place.
    let mut config = config.with_create_default_catalog_and_schema(false);
    for (key, value) in settings::from_environment().iter().chain(conf) {
        settings::set(&mut config, key, value)?;
    }
    Ok(config)
}

/// Memory that cached data may take in local mode: half of what is free now.
fn local_cache_bytes() -> usize {
    let free = kilobytes(Path::new("/proc/meminfo"), "MemAvailable:");
    free.map_or(1 << 30, |free| free as usize / 2)
}

fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether the user asked for something that cannot be.
pub fn is_planning(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_) => true,
        DataFusionError::Context(_, e) | DataFusionError::Diagnostic(_, e) => is_planning(e),
        DataFusionError::Shared(e) => is_planning(e),
        DataFusionError::Collection(all) => all.iter().any(is_planning),
        _ => false,
    }
}

fn parser_error(error: &DataFusionError) -> Option<&ParserError> {
    match error {
        DataFusionError::SQL(e, _) => Some(e),
        DataFusionError::Context(_, e) | DataFusionError::Diagnostic(_, e) => parser_error(e),
        _ => None,
    }
}

/// Marks the place that the parser names as `… at Line: 1, Column: 8`.
fn syntax_error(error: &ParserError, sql: &str) -> Error {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return Error::invalid("the statement is nested too deeply");
        }
    };
    let (what, place) = match text.rsplit_once(" at Line: ") {
        Some((what, place)) => (what, place),
        None if text.ends_with("found: EOF") => {
            let what = text.trim_start_matches("sql parser error: ");
            let last = sql.trim_end().lines().last().unwrap_or_default();
            let pad = " ".repeat(last.chars().count());
            return Error::invalid(format!(
                "syntax error at the end: {what}\n  {last}\n  {pad}^"
            ));
        }
        None => return Error::invalid(format!("syntax error: {text}")),
    };
    let mut numbers = place
        .split(", Column: ")
        .filter_map(|n| n.trim().parse::<usize>().ok());
    let (Some(line), Some(column)) = (numbers.next(), numbers.next()) else {
        return Error::invalid(format!("syntax error: {text}"));
    };
    let what = what.trim_start_matches("sql parser error: ");
    let mut message = format!("syntax error at line {line}, column {column}: {what}");
    if let Some(source) = sql.lines().nth(line.saturating_sub(1)) {
        let pad: String = source
            .chars()
            .take(column.saturating_sub(1))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        message.push_str(&format!("\n  {source}\n  {pad}^"));
    }
    Error::invalid(message)
}

/// The name in DataFusion's `table 'datafusion.public.x' not found`.
fn missing_table(message: &str) -> Option<&str> {
    let (name, _) = message.strip_prefix("table '")?.split_once("' not found")?;
    Some(name.strip_prefix("datafusion.public.").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn session() -> Session {
        Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn syntax_errors_mark_the_place() {
        let e = session()
            .await
            .sql("SELECT 1\nFORM t WHERE x = ")
            .await
            .err()
            .unwrap();
        assert!(e.message().contains("line 2"), "{e}");
        assert!(e.message().contains('^'), "{e}");
        let e = session()
            .await
            .sql("SELECT 1 FROM t WHERE")
            .await
            .err()
            .unwrap();
        assert!(
            e.message().ends_with("WHERE\n                       ^"),
            "{e}"
        );
    }

    #[tokio::test]
    async fn the_nearest_table_is_suggested() {
        let session = session().await;
        session
            .sql("CREATE VIEW lineitem AS SELECT 1 AS x")
            .await
            .unwrap();
        let e = session.sql("SELECT * FROM lineitm").await.err().unwrap();
        assert_eq!(e.message(), "there is no table `lineitm`");
        assert_eq!(e.hint(), Some("did you mean `lineitem`?"));
    }

    #[tokio::test]
    async fn missing_paths_are_named() {
        let e = session()
            .await
            .sql("SELECT * FROM '/no/such/file.csv'")
            .await
            .err()
            .unwrap();
        assert!(e.message().contains("/no/such/file.csv"), "{e}");
    }

    #[tokio::test]
    async fn unknown_settings_fail_at_once() {
        let conf = [("springald.job_timeout".to_owned(), "1".to_owned())];
        let e = Session::connect(&MasterUrl::Local { threads: None }, &conf)
            .await
            .err()
            .unwrap();
        assert!(e.hint().unwrap().contains("springald.job_timeout_seconds"));
    }
}
