//! One job: the plan goes to the master, its state comes back as a stream, its rows through the master's port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
use datafusion::common::tree_node::TreeNodeRecursion;
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
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use prost::Message;
use springald_text::LineTable;

use super::{ClusterClient, JobEvent};
use crate::codec;
use crate::error::Error;

/// Result partitions opened ahead of the one being read.
const FETCH_AHEAD: usize = 4;

/// How long a client waits for the master to take note that a result was read.
const CLEAN_LIMIT: Duration = Duration::from_secs(1);

/// Files that are checked one by one before a job begins.
const MAX_CHECKED_PATHS: usize = 16;

/// Runs a logical plan on the cluster. Its one partition is the result, in the plan's order.
#[derive(Debug)]
pub(super) struct JobExec {
    client: Arc<ClusterClient>,
    plan: LogicalPlan,
    session_id: String,
    properties: Arc<PlanProperties>,
}

impl JobExec {
    pub(super) fn new(client: Arc<ClusterClient>, plan: LogicalPlan, session_id: String) -> Self {
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
            properties: Arc::new(properties),
        }
    }

    fn query(&self, context: &TaskContext) -> Result<ExecuteQueryParams> {
        let mut plan = vec![];
        LogicalPlanNode::try_from_logical_plan(&self.plan, codec::logical().as_ref())?
            .try_encode(&mut plan)?;
        let settings = context
            .session_config()
            .options()
            .entries()
            .into_iter()
            .map(|entry| KeyValuePair {
                key: entry.key,
                value: entry.value,
            })
            .collect();
        Ok(ExecuteQueryParams {
            query: Some(Query::LogicalPlan(plan)),
            settings,
            session_id: self.session_id.clone(),
            operation_id: uuid::Uuid::new_v4().to_string(),
        })
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
        let query = self.query(&context)?;
        let paths = local_paths(&self.plan)?;
        let client = Arc::clone(&self.client);
        let schema = self.schema();
        let rows = stream::once(run(client, query, paths, Arc::clone(&schema))).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
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

/// Submits the query and waits for it. Dropping the future, or the stream it gives, ends the job: the master
/// sees the stream of states closed.
async fn run(
    client: Arc<ClusterClient>,
    query: ExecuteQueryParams,
    paths: Vec<String>,
    schema: SchemaRef,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    if !paths.is_empty() {
        client.check_paths(paths).await?;
    }
    let mut request = tonic::Request::new(query);
    version::insert_version_header(request.metadata_mut());
    let mut states = client
        .grpc()
        .execute_query_push(request)
        .await
        .map_err(|e| master_error(&client, &e))?
        .into_inner();

    let mut running = Running {
        client: Arc::clone(&client),
        id: None,
    };
    loop {
        let state = states
            .message()
            .await
            .map_err(|e| master_error(&client, &e))?;
        let Some(GetJobStatusResult {
            status: Some(status),
            ..
        }) = state
        else {
            return Err(lost_master(&client, "it closed the connection").into());
        };
        running.accepted(&status.job_id);
        match status.status {
            Some(JobStatus::Failed(failed)) => return Err(Error::failed(failed.error).into()),
            Some(JobStatus::Successful(done)) => {
                return Ok(results(
                    running,
                    status.job_id,
                    done.partition_location,
                    schema,
                ));
            }
            _ => {}
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
    // When all is read the master is told before the stream ends: the process may end right after it, and workers
    // that hold results nobody said are read wait for a reader before they leave.
    stream::unfold(
        (rows.boxed(), Some(cleaner)),
        |(mut rows, mut cleaner)| async move {
            match rows.next().await {
                Some(batch) => Some((batch, (rows, cleaner))),
                None => {
                    if let Some(cleaner) = cleaner.take() {
                        cleaner.clean().await;
                    }
                    None
                }
            }
        },
    )
    .boxed()
}

struct Cleaner {
    client: Arc<ClusterClient>,
    job_id: String,
}

impl Cleaner {
    async fn clean(mut self) {
        self.request().await;
    }

    /// Asks once; were it to fail, the master's own clean-up comes later.
    fn request(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let mut grpc = self.client.grpc();
        let job_id = std::mem::take(&mut self.job_id);
        async move {
            if !job_id.is_empty() {
                let remove_stage_ids = vec![];
                let request = grpc.clean_job_data(CleanJobDataParams {
                    job_id,
                    remove_stage_ids,
                });
                let _ = tokio::time::timeout(CLEAN_LIMIT, request).await;
            }
        }
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        let request = self.request();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(request);
        }
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
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(source) = scan.source.downcast_ref::<DefaultTableSource>()
            && let Some(table) = listing(source.table_provider.as_ref())
        {
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
    Error::failed(format!(
        "the worker at {worker} was lost with results not yet read: {why}"
    ))
    .with_hint("run it again, or write large results to files with COPY … TO")
}
