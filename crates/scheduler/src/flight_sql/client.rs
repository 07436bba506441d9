//! One client's session: what it planned and has not fetched yet, and its prepared statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::common::ScalarValue;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use springald_core::{Error, Session};
use tonic::Status;
use uuid::Uuid;

use super::text::{is_query, numbered};
use crate::proxy::Rows;

/// Results that nobody fetched are forgotten after this long.
const UNFETCHED: Duration = Duration::from_secs(600);
/// Results and prepared statements of a session, each.
const MOST: usize = 1_000;

pub(super) struct Client {
    pub(super) session: Session,
    results: Mutex<HashMap<String, (Planned, Instant)>>,
    prepared: Mutex<HashMap<String, Prepared>>,
}

/// A statement that was planned, and has run if it changes anything. Its rows are made when they are fetched.
pub(super) struct Planned {
    sql: String,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

impl Planned {
    /// Of the rows as they will come.
    pub(super) fn schema(&self) -> SchemaRef {
        sent_schema(self.plan.schema())
    }
}

#[derive(Clone)]
struct Prepared {
    sql: String,
    /// Of a query, planned; other statements run when they are executed.
    query: Option<DataFrame>,
    parameters: Option<Vec<ScalarValue>>,
}

/// What a client is told of a statement that it prepared.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) handle: String,
    pub(super) rows: Schema,
    pub(super) parameters: Schema,
}

impl Client {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            results: Mutex::default(),
            prepared: Mutex::default(),
        }
    }

    /// Plans a query, or runs another statement, and keeps what it gives under a handle.
    pub(super) async fn plan(&self, sql: &str) -> Result<(String, SchemaRef), Status> {
        let frame = self.run(sql).await?;
        self.keep(sql, frame).await
    }

    /// The same for a prepared statement, with the parameters that were bound to it.
    pub(super) async fn plan_prepared(&self, handle: &str) -> Result<(String, SchemaRef), Status> {
        let prepared = self.prepared(handle)?;
        let Some(query) = prepared.query else {
            return self.plan(&prepared.sql).await;
        };
        let query = match prepared.parameters {
            Some(values) => query
                .with_param_values(values)
                .map_err(|e| refused(self.session.explain(e.into(), &prepared.sql)))?,
            None => query,
        };
        self.keep(&prepared.sql, query).await
    }

    /// Runs a statement to its end: the number of rows that it wrote, 0 if it writes none.
    pub(super) async fn update(&self, sql: &str) -> Result<i64, Status> {
        let frame = self.run(sql).await?;
        let rows = frame.collect().await;
        let rows = rows.map_err(|e| refused(self.session.explain(e.into(), sql)))?;
        Ok(written(&rows))
    }

    pub(super) async fn update_prepared(&self, handle: &str) -> Result<i64, Status> {
        let prepared = self.prepared(handle)?;
        self.update(&prepared.sql).await
    }

    /// The rows of what was planned under this handle, once. Dropping them ends the job that makes them.
    pub(super) fn fetch(self: Arc<Self>, handle: &str) -> Result<Rows, Status> {
        let planned = self.results.lock().remove(handle);
        let (Planned { sql, plan, context }, _) = planned.ok_or_else(|| {
            Status::not_found("this result was fetched already, or not within ten minutes")
        })?;
        let schema = plan.schema();
        if schema.fields().is_empty() {
            return Ok(encoded(schema, stream::empty().boxed()));
        }
        let rows = execute_stream(plan, context)
            .map_err(|e| refused(self.session.explain(e.into(), &sql)))?;
        let rows = rows.map_err(move |e| {
            let error = self.session.explain(e.into(), &sql);
            FlightError::Tonic(Box::new(refused(error)))
        });
        Ok(encoded(schema, rows.boxed()))
    }

    /// Keeps a statement for later. A query is planned now, so that the client learns its columns and parameters.
    pub(super) async fn prepare(&self, sql: &str) -> Result<Described, Status> {
        let sql = numbered(sql);
        let query = match is_query(&sql) {
            true => Some(self.run(&sql).await?),
            false => None,
        };
        let (rows, parameters) = match &query {
            Some(query) => (
                query.schema().as_arrow().clone(),
                parameters(query).map_err(|e| refused(self.session.explain(e.into(), &sql)))?,
            ),
            None => (Schema::empty(), Schema::empty()),
        };
        let described = Described {
            handle: Uuid::new_v4().to_string(),
            rows: sent_schema(rows.into()).as_ref().clone(),
            parameters,
        };
        let prepared = Prepared {
            sql,
            query,
            parameters: None,
        };
        let mut all = self.prepared.lock();
        if all.len() >= MOST {
            return Err(Status::resource_exhausted(format!(
                "{MOST} statements are prepared: close some"
            )));
        }
        all.insert(described.handle.clone(), prepared);
        Ok(described)
    }

    /// Binds values to the parameters of a prepared query: one row, a column for each.
    pub(super) fn bind(&self, handle: &str, rows: &[RecordBatch]) -> Result<(), Status> {
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let given = rows.iter().find(|batch| batch.num_rows() > 0);
        let values = match given {
            Some(batch) if count == 1 => {
                let values = batch.columns().iter();
                let values = values.map(|column| ScalarValue::try_from_array(column, 0));
                let values: Result<Vec<_>, _> = values.collect();
                Some(values.map_err(|e| Status::invalid_argument(e.to_string()))?)
            }
            Some(_) => {
                return Err(Status::unimplemented(format!(
                    "{count} rows of parameters: a statement takes one; run it once for each"
                )));
            }
            None => None,
        };
        let values = values.filter(|values| !values.is_empty());
        let mut all = self.prepared.lock();
        let prepared = all.get_mut(handle).ok_or_else(unknown)?;
        if values.is_some() && prepared.query.is_none() {
            return Err(Status::unimplemented(
                "only queries take parameters: write the values into the statement, or write files and COPY or INSERT … SELECT from them",
            ));
        }
        prepared.parameters = values;
        Ok(())
    }

    pub(super) fn close_prepared(&self, handle: &str) {
        self.prepared.lock().remove(handle);
    }

    /// Forgets what nobody fetched.
    pub(super) fn sweep(&self) {
        let mut results = self.results.lock();
        results.retain(|_, (_, since)| since.elapsed() < UNFETCHED);
    }

    async fn run(&self, sql: &str) -> Result<DataFrame, Status> {
        self.session.refresh_catalog().await.map_err(refused)?;
        self.session.sql(sql).await.map_err(refused)
    }

    async fn keep(&self, sql: &str, frame: DataFrame) -> Result<(String, SchemaRef), Status> {
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await;
        let planned = Planned {
            sql: sql.to_owned(),
            plan: plan.map_err(|e| refused(self.session.explain(e.into(), sql)))?,
            context,
        };
        let (handle, schema) = (Uuid::new_v4().to_string(), planned.schema());
        let mut results = self.results.lock();
        if results.len() >= MOST {
            return Err(Status::resource_exhausted(format!(
                "{MOST} results wait to be fetched: fetch some"
            )));
        }
        results.insert(handle.clone(), (planned, Instant::now()));
        Ok((handle, schema))
    }

    fn prepared(&self, handle: &str) -> Result<Prepared, Status> {
        self.prepared
            .lock()
            .get(handle)
            .cloned()
            .ok_or_else(unknown)
    }
}

fn unknown() -> Status {
    Status::not_found("this session has no such prepared statement: prepare it again")
}

/// The columns by which a client binds parameters, in their order. One of unknown type is taken for text.
fn parameters(query: &DataFrame) -> Result<Schema, datafusion::error::DataFusionError> {
    let mut found: Vec<_> = query
        .logical_plan()
        .get_parameter_fields()?
        .into_iter()
        .collect();
    let number = |name: &str| name.trim_start_matches('$').parse::<usize>().ok();
    found.sort_by(|(a, _), (b, _)| (number(a), a).cmp(&(number(b), b)));
    let fields = found.into_iter().map(|(name, field)| match field {
        Some(field) => Field::new(name, field.data_type().clone(), true),
        None => Field::new(name, DataType::Utf8, true),
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// Rows that a write says it wrote.
fn written(rows: &[RecordBatch]) -> i64 {
    let [batch] = rows else { return 0 };
    if batch.num_columns() != 1
        || batch.num_rows() != 1
        || batch.schema().field(0).name() != "count"
    {
        return 0;
    }
    let count = batch.column(0).as_primitive_opt::<UInt64Type>();
    count.map_or(0, |count| count.value(0) as i64)
}

/// Rows for the wire.
pub(super) fn encoded(
    schema: SchemaRef,
    rows: stream::BoxStream<'static, Result<RecordBatch, FlightError>>,
) -> Rows {
    let data = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .build(rows);
    data.map_err(Status::from).boxed()
}

/// The schema that comes over the wire, where dictionaries are sent as what they stand for.
fn sent_schema(schema: SchemaRef) -> SchemaRef {
    let encoder = FlightDataEncoderBuilder::new()
        .with_schema(Arc::clone(&schema))
        .build(stream::empty());
    encoder.known_schema().unwrap_or(schema)
}

/// An error in the words that every client reads.
pub(super) fn refused(e: Error) -> Status {
    let message = match e.hint() {
        Some(hint) => format!("{}; {hint}", e.message()),
        None => e.message(),
    };
    match e {
        Error::Invalid { .. } => Status::invalid_argument(message),
        _ => Status::internal(message),
    }
}

#[cfg(test)]
mod tests {
    use arrow_flight::decode::FlightRecordBatchStream;
    use datafusion::arrow::array::{Int64Array, StringArray};
    use springald_core::MasterUrl;

    use super::*;

    async fn client() -> Arc<Client> {
        let local = MasterUrl::Local { threads: Some(1) };
        Arc::new(Client::new(Session::connect(&local, &[]).await.unwrap()))
    }

    async fn rows(client: &Arc<Client>, handle: &str) -> Vec<RecordBatch> {
        let data = Arc::clone(client).fetch(handle).unwrap();
        let data = data.map_err(FlightError::from);
        let batches = FlightRecordBatchStream::new_from_flight_data(data);
        batches.try_collect().await.unwrap()
    }

    fn values(values: impl IntoIterator<Item = i64>) -> RecordBatch {
        let values = Int64Array::from_iter_values(values);
        RecordBatch::try_from_iter([("1", Arc::new(values) as _)]).unwrap()
    }

    #[tokio::test]
    async fn rows_come_once_and_as_they_were_announced() {
        let client = client().await;
        let sql = "SELECT arrow_cast('a', 'Dictionary(Int32, Utf8)') AS word, 1 AS n";
        let (handle, schema) = client.plan(sql).await.unwrap();
        assert_eq!(schema.field(0).data_type(), &DataType::Utf8);
        let batches = rows(&client, &handle).await;
        assert_eq!(batches[0].schema(), schema);
        assert_eq!(batches[0].column(0).as_string::<i32>().value(0), "a");
        let again = Arc::clone(&client).fetch(&handle).err().unwrap();
        assert_eq!(again.code(), tonic::Code::NotFound);
    }

    #[tokio::test]
    async fn statements_that_change_something_run_when_they_are_sent() {
        let client = client().await;
        let (handle, schema) = client.plan("CREATE VIEW v AS SELECT 7 AS n").await.unwrap();
        assert!(schema.fields().is_empty());
        assert!(rows(&client, &handle).await.is_empty());
        assert_eq!(client.update("DROP VIEW v").await.unwrap(), 0);
        let e = client.plan("SELECT * FROM v").await.unwrap_err();
        assert_eq!(e.code(), tonic::Code::InvalidArgument);
        assert!(e.message().contains("there is no table `v`"), "{e}");
    }

    #[tokio::test]
    async fn prepared_queries_take_parameters() {
        let client = client().await;
        client
            .update("CREATE VIEW t AS VALUES (1, 'a'), (2, 'b')")
            .await
            .unwrap();
        let sql = "SELECT column2 FROM t WHERE column1 = ?";
        let Described {
            handle,
            rows: columns,
            parameters,
        } = client.prepare(sql).await.unwrap();
        assert_eq!(columns.field(0).name(), "column2");
        assert_eq!(parameters.field(0).data_type(), &DataType::Int64);
        for (value, word) in [(2, "b"), (1, "a")] {
            client.bind(&handle, &[values([value])]).unwrap();
            let (result, _) = client.plan_prepared(&handle).await.unwrap();
            let batches = rows(&client, &result).await;
            let words: &StringArray = batches[0].column(0).as_string();
            assert_eq!(words.iter().collect::<Vec<_>>(), [Some(word)]);
        }
        let many = client.bind(&handle, &[values([1, 2])]).unwrap_err();
        assert!(many.message().contains("2 rows"), "{many}");
        client.close_prepared(&handle);
        assert!(client.plan_prepared(&handle).await.is_err());
    }

    #[tokio::test]
    async fn other_prepared_statements_do_not_run_before_they_are_executed() {
        let client = client().await;
        let prepared = client
            .prepare("CREATE VIEW later AS SELECT 1 AS n")
            .await
            .unwrap();
        assert!(prepared.rows.fields().is_empty());
        assert!(client.plan("SELECT * FROM later").await.is_err());
        assert!(client.bind(&prepared.handle, &[values([1])]).is_err());
        assert_eq!(client.update_prepared(&prepared.handle).await.unwrap(), 0);
        client.plan("SELECT * FROM later").await.unwrap();
    }
}
