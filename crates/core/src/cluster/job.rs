//! One job: the plan goes to the master, its state comes back as a stream, its rows through the master's port.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow_flight::Ticket;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status as JobStatus;
use ballista_core::serde::protobuf::{
    self, CleanJobDataParams, ExecuteQueryParams, GetJobStatusResult, KeyValuePair,
    PartitionLocation,
};
use ballista_core::serde::scheduler::Action;
use ballista_core::version;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigEntry;
use datafusion::datasource::DefaultTableSource;
use datafusion::datasource::listing::ListingTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    SendableRecordBatchStream,
};
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::protobuf::LogicalPlanNode;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use prost::Message;
use springald_text::LineTable;

use super::{ClusterClient, JobEvent};
use crate::cache::{
    CachedTable, FillTable, Filled, Owner, as_cached, cached_tables, from_batch, is_lost,
};
use crate::codec;
use crate::config::JOB_DESCRIPTION;
use crate::error::{Error, engine_message};
use crate::protocol::CachedData;

/// Result partitions opened ahead of the one being read.
const FETCH_AHEAD: usize = 4;

/// Times that a query's caches are filled again because a worker was lost.
const MAX_FILLS: usize = 3;

/// Times that a query is run whose result was lost before it was read.
const MAX_RUNS: usize = 3;

/// In the message of every error about a result that is gone.
const RESULT_LOST: &str = "was lost with results not yet read";

/// Files that are checked one by one before a job begins.
const MAX_CHECKED_PATHS: usize = 16;

/// Runs a logical plan on the cluster. Its one partition is the result, in the plan's order.
#[derive(Debug)]
pub(super) struct JobExec {
    client: Arc<ClusterClient>,
    plan: LogicalPlan,
    session_id: String,
    /// The statement that the job comes from, if its settings do not say.
    description: Option<String>,
    properties: Arc<PlanProperties>,
}

impl JobExec {
    pub(super) fn new(
        client: Arc<ClusterClient>,
        plan: LogicalPlan,
        session_id: String,
        description: Option<String>,
    ) -> Self {
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            client,
            plan,
            session_id,
            description,
            properties: Arc::new(properties),
        }
    }
}

impl ExecutionPlan for JobExec {
    fn name(&self) -> &'static str {
        "JobExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        // The plan's expressions are the master's to see, not this process's.
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let setting = |entry: ConfigEntry| KeyValuePair {
            value: match &self.description {
                Some(text) if entry.key == JOB_DESCRIPTION => Some(text.clone()),
                _ => entry.value,
            },
            key: entry.key,
        };
        let settings = context.session_config().options().entries();
        let settings = settings.into_iter().map(setting).collect();
        let sender = Sender {
            client: Arc::clone(&self.client),
            settings,
            session_id: self.session_id.clone(),
        };
        let rows = read(sender, self.plan.clone());
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

impl DisplayAs for JobExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "JobExec: master={}:{}",
            self.client.host, self.client.port
        )
    }
}

/// The rows of a plan. A query whose result was lost with its worker before a row of it was read is run again.
fn read(sender: Sender, plan: LogicalPlan) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let reading = Reading {
        runs_left: if only_reads(&plan) { MAX_RUNS } else { 1 },
        sender,
        plan,
        rows: None,
        begun: false,
    };
    stream::try_unfold(reading, |mut reading| async move {
        loop {
            match reading.next().await {
                Ok(Some(batch)) => {
                    reading.begun = true;
                    return Ok(Some((batch, reading)));
                }
                Ok(None) => return Ok(None),
                Err(e)
                    if !reading.begun
                        && reading.runs_left > 0
                        && e.to_string().contains(RESULT_LOST) =>
                {
                    log::warn!("running the query again: {}", engine_message(&e));
                    reading.rows = None;
                }
                Err(e) => return Err(e),
            }
        }
    })
}

struct Reading {
    sender: Sender,
    plan: LogicalPlan,
    rows: Option<BoxStream<'static, Result<RecordBatch>>>,
    /// Rows have been handed on.
    begun: bool,
    runs_left: usize,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => {
                self.runs_left -= 1;
                self.rows.insert(self.sender.run(&self.plan).await?)
            }
        };
        rows.try_next().await
    }
}

/// Whether a plan changes nothing, so that it may be run twice.
fn only_reads(plan: &LogicalPlan) -> bool {
    !plan
        .exists(|node| {
            Ok(matches!(
                node,
                LogicalPlan::Copy(_) | LogicalPlan::Dml(_) | LogicalPlan::Ddl(_)
            ))
        })
        .unwrap_or(true)
}

/// Sends the jobs of one query.
struct Sender {
    client: Arc<ClusterClient>,
    settings: Vec<KeyValuePair>,
    session_id: String,
}

impl Sender {
    /// The rows of a plan, with the caches filled that it reads, and filled anew if their data is lost under it.
    async fn run(&self, plan: &LogicalPlan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let cached = cached_tables(plan)?;
        let mut fills_left = MAX_FILLS;
        loop {
            // Held until the job is done: another frame may let go of the same data meanwhile.
            let mut held = vec![];
            for table in cached.iter().filter_map(as_cached) {
                held.push(self.fill(table).await?);
            }
            match self.submit(plan).await {
                Err(e) if !cached.is_empty() && fills_left > 0 && is_lost(&e.to_string()) => {
                    fills_left -= 1;
                    cached
                        .iter()
                        .filter_map(as_cached)
                        .for_each(CachedTable::forget);
                }
                done => return done,
            }
        }
    }

    /// Has the workers keep the rows of a table, unless they do already.
    async fn fill(&self, table: &CachedTable) -> Result<Arc<Filled>> {
        let _one = table.filling.lock().await;
        if let Some(filled) = table.filled() {
            return Ok(filled);
        }
        self.client.lease(&self.session_id).await?;
        let plan = table.portable().ok_or_else(|| {
            DataFusionError::Internal("a cached plan was not made ready to travel".to_owned())
        })?;
        let mut filled = Filled {
            name: format!("{}-{}", self.session_id, uuid::Uuid::new_v4().simple()),
            blocks: vec![],
            owner: Owner::Workers(Arc::clone(&self.client)),
        };
        let fill = FillTable {
            name: filled.name.clone(),
            plan: plan.clone(),
        };
        // The plan of a cached table may read another one.
        let mut rows = Box::pin(self.run(&fill.job()?)).await?;
        while let Some(batch) = rows.try_next().await? {
            from_batch(&batch, &mut filled.blocks)?;
        }
        self.client
            .rest()
            .put_cached(&CachedData {
                name: filled.name.clone(),
                session: self.session_id.clone(),
                blocks: filled.blocks.clone(),
            })
            .await?;
        Ok(table.fill(filled))
    }

    fn query(&self, plan: &LogicalPlan) -> Result<ExecuteQueryParams> {
        let mut encoded = vec![];
        LogicalPlanNode::try_from_logical_plan(plan, codec::logical().as_ref())?
            .try_encode(&mut encoded)?;
        Ok(ExecuteQueryParams {
            query: Some(Query::LogicalPlan(encoded)),
            settings: self.settings.clone(),
            session_id: self.session_id.clone(),
            operation_id: uuid::Uuid::new_v4().to_string(),
        })
    }

    /// Submits the plan and waits for it. Dropping the future, or the stream it gives, ends the job: the master
    /// sees the stream of states closed.
    async fn submit(&self, plan: &LogicalPlan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let client = &self.client;
        let paths = local_paths(plan)?;
        if !paths.is_empty() {
            client.check_paths(paths).await?;
        }
        let mut request = tonic::Request::new(self.query(plan)?);
        version::insert_version_header(request.metadata_mut());
        let mut states = client
            .grpc()
            .execute_query_push(request)
            .await
            .map_err(|e| master_error(client, &e))?
            .into_inner();

        let mut running = Running {
            client: Arc::clone(client),
            id: None,
        };
        loop {
            let state = states
                .message()
                .await
                .map_err(|e| master_error(client, &e))?;
            let Some(GetJobStatusResult {
                status: Some(status),
                ..
            }) = state
            else {
                return Err(lost_master(client, "it closed the connection").into());
            };
            running.accepted(&status.job_id);
            match status.status {
                Some(JobStatus::Failed(failed)) => return Err(Error::failed(failed.error).into()),
                Some(JobStatus::Successful(done)) => {
                    let schema = Arc::clone(plan.schema().inner());
                    let partitions = done.partition_location;
                    return Ok(results(running, status.job_id, partitions, schema));
                }
                _ => {}
            }
        }
    }
}

/// Tells the session's listener of a job's beginning and, whatever way it goes, of its end.
struct Running {
    client: Arc<ClusterClient>,
    id: Option<String>,
}

impl Running {
    fn accepted(&mut self, id: &str) {
        if self.id.is_none() && !id.is_empty() {
            self.client.tell(&JobEvent::Accepted { id: id.to_owned() });
            self.id = Some(id.to_owned());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.client.tell(&JobEvent::Ended { id });
        }
    }
}

/// The rows of a finished job, partition after partition; the shuffle files that hold them are freed when the
/// stream is done or dropped.
fn results(
    running: Running,
    job_id: String,
    partitions: Vec<PartitionLocation>,
    schema: SchemaRef,
) -> BoxStream<'static, Result<RecordBatch>> {
    let client = Arc::clone(&running.client);
    drop(running);
    let cleaner = Cleaner {
        client: Arc::clone(&client),
        job_id,
    };
    let rows = stream::iter(partitions)
        .map(move |partition| fetch(Arc::clone(&client), partition))
        .buffered(FETCH_AHEAD)
        .try_flatten()
        .map(move |batch| conform(batch?, &schema));
    // Dropped with the stream, read to its end or not.
    rows.inspect(move |_| {
        let _ = &cleaner;
    })
    .boxed()
}

/// Tells the master that a result is not wanted any more: workers that hold results nobody said are read wait for a
/// reader before they leave. Were this to fail, the master's own clean-up comes later.
struct Cleaner {
    client: Arc<ClusterClient>,
    job_id: String,
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        let mut grpc = self.client.grpc();
        let request = CleanJobDataParams {
            job_id: std::mem::take(&mut self.job_id),
            remove_stage_ids: vec![],
        };
        self.client.in_background(async move {
            let _ = grpc.clean_job_data(request).await;
        });
    }
}

async fn fetch(
    client: Arc<ClusterClient>,
    location: PartitionLocation,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let layout = location.layout();
    let malformed = || Error::failed("the master sent a result without its place");
    let partition = location.partition_id.ok_or_else(malformed)?;
    let worker = location.executor_meta.ok_or_else(malformed)?;
    let action: protobuf::Action = Action::FetchPartition {
        job_id: partition.job_id.into(),
        stage_id: partition.stage_id as usize,
        partition_id: partition.partition_id as usize,
        host: worker.host.clone(),
        port: worker.port as u16,
        file_id: location.file_id,
        layout,
        file_kind: Default::default(),
        byte_ranges: vec![],
    }
    .try_into()
    .map_err(|e: ballista_core::error::BallistaError| DataFusionError::External(Box::new(e)))?;
    let ticket = Ticket::new(action.encode_to_vec());
    let from = format!("{}:{}", worker.host, worker.port);
    let data = client
        .flight()
        .do_get(ticket)
        .await
        .map_err(|e| lost_result(&from, e.message()))?
        .into_inner();
    let batches = FlightRecordBatchStream::new_from_flight_data(data.map_err(FlightError::from));
    Ok(batches
        .map_err(move |e| lost_result(&from, &e.to_string()).into())
        .boxed())
}

/// Casts what travels in another type than the plan declares: views are written plainly by the workers.
fn conform(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, field.data_type())
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// The paths of the local file system and shared volume that a plan reads.
fn local_paths(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut paths = vec![];
    add_local_paths(plan, &mut paths)?;
    if paths.len() > MAX_CHECKED_PATHS {
        // Of many files it is enough that their folders are seen.
        for path in &mut paths {
            if let Some((folder, _)) = path.rsplit_once('/') {
                *path = folder.to_owned();
            }
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn add_local_paths(plan: &LogicalPlan, paths: &mut Vec<String>) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else {
            return Ok(TreeNodeRecursion::Continue);
        };
        let Some(source) = scan.source.downcast_ref::<DefaultTableSource>() else {
            return Ok(TreeNodeRecursion::Continue);
        };
        if let Some(fill) = source.table_provider.downcast_ref::<FillTable>() {
            add_local_paths(&fill.plan, paths)?;
        }
        if let Some(table) = listing(source.table_provider.as_ref()) {
            let local = table
                .table_paths()
                .iter()
                .filter(|url| url.scheme() == "file");
            paths.extend(local.map(|url| {
                let path = format!("/{}", url.prefix());
                match url.get_glob() {
                    Some(glob) => format!("{path}/{}", glob.as_str()),
                    None => path,
                }
            }));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn listing(table: &dyn TableProvider) -> Option<&ListingTable> {
    let lines = table.downcast_ref::<LineTable>().map(LineTable::listing);
    lines.or_else(|| table.downcast_ref::<ListingTable>())
}

fn master_error(client: &ClusterClient, status: &tonic::Status) -> DataFusionError {
    use tonic::Code;
    match status.code() {
        // The words of the master itself.
        Code::FailedPrecondition
        | Code::InvalidArgument
        | Code::ResourceExhausted
        | Code::Unauthenticated => Error::failed(status.message()).into(),
        Code::Internal if !status.message().contains("h2 ") => {
            Error::failed(status.message()).into()
        }
        _ => lost_master(client, status.message()).into(),
    }
}

fn lost_master(client: &ClusterClient, why: &str) -> Error {
    Error::failed(format!(
        "lost the master at {}:{} while the job was running: {why}",
        client.host, client.port
    ))
    .with_hint(
        "when the master is back, run it again; `docker compose logs master` may tell why it went",
    )
}

fn lost_result(worker: &str, why: &str) -> Error {
    Error::failed(format!("the worker at {worker} {RESULT_LOST}: {why}"))
        .with_hint("run it again, or write large results to files with COPY … TO")
}
