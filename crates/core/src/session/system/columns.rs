//! The columns of each table: name, type and where the value comes from, in one place.

use std::sync::Arc;

use arrow::array::Int64Builder;
use arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{Field, Schema};
use datafusion::common::Result;

use crate::cache::Block;
use crate::protocol::{CachedData, JobInfo, SessionInfo, WorkerInfo};
use crate::record::{JobRecord, StageRecord, TaskRecord};

pub(super) const JOB_ID: &str = "job_id";
pub(super) const SQL: &str = "sql";

pub(super) struct JobRow {
    pub(super) job: JobInfo,
    pub(super) sql: Option<String>,
}

pub(super) struct StageRow {
    job: String,
    stage: StageRecord,
}

pub(super) struct TaskRow {
    job: String,
    stage: u32,
    task: TaskRecord,
}

pub(super) fn jobs(rows: &[JobRow]) -> Result<RecordBatch> {
    Table::of(rows)
        .text(JOB_ID, |row| &row.job.id)
        .text("name", |row| &row.job.name)
        .text("session_id", |row| &row.job.session)
        .text("state", |row| row.job.state.name())
        .maybe_text(SQL, |row| row.sql.as_deref())
        .maybe_text("message", |row| row.job.message.as_deref())
        .time("submitted_at", |row| Some(row.job.submitted_at_ms))
        .time("started_at", |row| row.job.started_at_ms)
        .time("ended_at", |row| row.job.ended_at_ms)
        .maybe_number("duration_ms", |row| {
            between(row.job.started_at_ms, row.job.ended_at_ms)
        })
        .number("attempts", |row| row.job.attempts.into())
        .number("stages", |row| row.job.stages.into())
        .number("stages_done", |row| row.job.stages_done.into())
        .number("tasks", |row| row.job.tasks.into())
        .number("tasks_running", |row| row.job.tasks_running.into())
        .number("tasks_done", |row| row.job.tasks_done.into())
        .batch()
}

pub(super) fn stages(rows: &[StageRow]) -> Result<RecordBatch> {
    Table::of(rows)
        .text(JOB_ID, |row| &row.job)
        .number("stage_id", |row| row.stage.id.into())
        .text("state", |row| row.stage.state.name())
        .numbers("inputs", |row| &row.stage.inputs)
        .number("partitions", |row| row.stage.partitions.into())
        .number("tasks", |row| row.stage.tasks.len() as u64)
        .time("started_at", |row| row.stage.started_at_ms)
        .time("ended_at", |row| row.stage.ended_at_ms)
        .maybe_number("duration_ms", |row| {
            between(row.stage.started_at_ms, row.stage.ended_at_ms)
        })
        .number("rows_in", |row| row.stage.rows_in)
        .number("rows_out", |row| row.stage.rows_out)
        .number("bytes_out", |row| row.stage.bytes_out)
        .number("spilled_bytes", |row| row.stage.spilled_bytes)
        .number("cpu_ms", |row| row.stage.cpu_ms)
        .maybe_text("message", |row| row.stage.message.as_deref())
        .batch()
}

pub(super) fn tasks(rows: &[TaskRow]) -> Result<RecordBatch> {
    Table::of(rows)
        .text(JOB_ID, |row| &row.job)
        .number("stage_id", |row| row.stage.into())
        .number("task_id", |row| row.task.id.into())
        .text("worker_id", |row| &row.task.worker_id)
        .text("worker", |row| &row.task.worker)
        .text("state", |row| row.task.state.name())
        .number("partitions", |row| row.task.partitions.into())
        .time("launched_at", |row| Some(row.task.launched_at_ms))
        .time("started_at", |row| row.task.started_at_ms)
        .time("ended_at", |row| row.task.ended_at_ms)
        .maybe_number("duration_ms", |row| {
            between(row.task.started_at_ms, row.task.ended_at_ms)
        })
        .number("rows", |row| row.task.rows)
        .number("bytes", |row| row.task.bytes)
        .maybe_text("message", |row| row.task.message.as_deref())
        .batch()
}

pub(super) fn workers(rows: &[WorkerInfo]) -> Result<RecordBatch> {
    Table::of(rows)
        .text("worker_id", |row| &row.id)
        .text("host", |row| &row.host)
        .number("port", |row| row.port.into())
        .text("state", |row| row.state.name())
        .number("cores", |row| row.cores.into())
        .number("cores_free", |row| row.cores_free.into())
        .number("memory_bytes", |row| row.memory_bytes)
        .number("memory_used_bytes", |row| row.memory_used_bytes)
        .number("cached_memory_bytes", |row| row.cached_memory_bytes)
        .number("cached_disk_bytes", |row| row.cached_disk_bytes)
        .number("tasks", |row| row.tasks.into())
        .number("last_seen_ms", |row| row.last_seen_ms)
        .batch()
}

pub(super) fn cache(data: &[CachedData]) -> Result<RecordBatch> {
    let rows: Vec<(&CachedData, &Block)> = data
        .iter()
        .flat_map(|data| data.blocks.iter().map(move |block| (data, block)))
        .collect();
    Table::of(&rows)
        .text("name", |(data, _)| &data.name)
        .text("session_id", |(data, _)| &data.session)
        .text("block_id", |(_, block)| &block.id)
        .text("worker", |(_, block)| &block.worker)
        .number("rows", |(_, block)| block.rows)
        .number("bytes", |(_, block)| block.bytes)
        .batch()
}

pub(super) fn sessions(sessions: &[SessionInfo]) -> Result<RecordBatch> {
    Table::of(sessions)
        .text("session_id", |session| &session.id)
        .text("name", |session| &session.name)
        .number("jobs", |session| session.jobs.into())
        .number("jobs_active", |session| session.jobs_active.into())
        .number("jobs_failed", |session| session.jobs_failed.into())
        .number("cached_bytes", |session| session.cached_bytes)
        .time("first_seen_at", |session| Some(session.first_seen_ms))
        .time("last_seen_at", |session| Some(session.last_seen_ms))
        .batch()
}

pub(super) fn job_rows(records: Vec<JobRecord>) -> Result<RecordBatch> {
    let row = |record: JobRecord| JobRow {
        job: record.job,
        sql: record.sql,
    };
    jobs(&records.into_iter().map(row).collect::<Vec<_>>())
}

pub(super) fn stage_rows(records: Vec<JobRecord>) -> Result<RecordBatch> {
    let mut rows = vec![];
    for record in records {
        let id = record.job.id;
        rows.extend(record.stages.into_iter().map(|stage| StageRow {
            job: id.clone(),
            stage,
        }));
    }
    stages(&rows)
}

pub(super) fn task_rows(records: Vec<JobRecord>) -> Result<RecordBatch> {
    let mut rows = vec![];
    for record in records {
        for stage in record.stages {
            rows.extend(stage.tasks.into_iter().map(|task| TaskRow {
                job: record.job.id.clone(),
                stage: stage.id,
                task,
            }));
        }
    }
    tasks(&rows)
}

fn between(start: Option<u64>, end: Option<u64>) -> Option<u64> {
    Some(end?.saturating_sub(start?))
}

/// Rows on their way to columns. Numbers become `Int64`, of which differences can be taken; times are in UTC.
struct Table<'a, T> {
    rows: &'a [T],
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl<'a, T> Table<'a, T> {
    fn of(rows: &'a [T]) -> Self {
        Self {
            rows,
            fields: vec![],
            arrays: vec![],
        }
    }

    fn column(mut self, name: &str, array: ArrayRef, nullable: bool) -> Self {
        let field = Field::new(name, array.data_type().clone(), nullable);
        self.fields.push(field);
        self.arrays.push(array);
        self
    }

    fn text<S: AsRef<str> + ?Sized + 'a>(self, name: &str, get: impl Fn(&'a T) -> &'a S) -> Self {
        let texts = self.rows.iter().map(|row| get(row).as_ref());
        let array = Arc::new(StringArray::from_iter_values(texts));
        self.column(name, array, false)
    }

    fn maybe_text(self, name: &str, get: impl Fn(&'a T) -> Option<&'a str>) -> Self {
        let array = Arc::new(self.rows.iter().map(get).collect::<StringArray>());
        self.column(name, array, true)
    }

    fn number(self, name: &str, get: impl Fn(&'a T) -> u64) -> Self {
        let values = self.rows.iter().map(|row| whole(get(row)));
        let array = Arc::new(Int64Array::from_iter_values(values));
        self.column(name, array, false)
    }

    fn maybe_number(self, name: &str, get: impl Fn(&'a T) -> Option<u64>) -> Self {
        let values = self.rows.iter().map(|row| get(row).map(whole));
        let array = Arc::new(values.collect::<Int64Array>());
        self.column(name, array, true)
    }

    fn numbers(self, name: &str, get: impl Fn(&'a T) -> &'a Vec<u32>) -> Self {
        let mut lists = ListBuilder::new(Int64Builder::new());
        for row in self.rows {
            lists.append_value(get(row).iter().map(|n| Some(i64::from(*n))));
        }
        self.column(name, Arc::new(lists.finish()), false)
    }

    fn time(self, name: &str, get: impl Fn(&'a T) -> Option<u64>) -> Self {
        let values = self.rows.iter().map(|row| get(row).map(whole));
        let array = values.collect::<TimestampMillisecondArray>();
        self.column(name, Arc::new(array.with_timezone("UTC")), true)
    }

    fn batch(self) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let schema = Arc::new(Schema::new(self.fields));
        Ok(RecordBatch::try_new_with_options(
            schema,
            self.arrays,
            &options,
        )?)
    }
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use arrow::util::pretty::pretty_format_batches;

    use super::*;
    use crate::protocol::JobState;
    use crate::record::StageState;

    fn job(id: &str, session: &str, state: JobState, at: u64) -> JobInfo {
        JobInfo {
            id: id.into(),
            name: format!("name of {id}"),
            session: session.into(),
            state,
            message: None,
            attempts: 1,
            submitted_at_ms: at,
            started_at_ms: Some(at + 10),
            ended_at_ms: state.is_final().then_some(at + 110),
            stages: 2,
            stages_done: 2,
            tasks: 3,
            tasks_running: 0,
            tasks_done: 3,
        }
    }

    #[test]
    fn a_record_becomes_rows_of_three_tables() {
        let task = TaskRecord {
            id: 0,
            worker_id: "w".into(),
            worker: "h:1".into(),
            state: StageState::Done,
            partitions: 2,
            launched_at_ms: 5,
            started_at_ms: Some(6),
            ended_at_ms: Some(9),
            rows: 7,
            bytes: 70,
            message: None,
        };
        let stage = StageRecord {
            id: 3,
            state: StageState::Done,
            inputs: vec![1, 2],
            partitions: 2,
            started_at_ms: Some(6),
            ended_at_ms: Some(9),
            rows_in: 10,
            rows_out: 7,
            bytes_out: 70,
            spilled_bytes: 0,
            cpu_ms: 2,
            tasks: vec![task],
            operators: vec![],
            message: None,
        };
        let record = JobRecord {
            job: job("j", "s", JobState::Done, 1_000),
            sql: Some("SELECT 1".into()),
            plan: None,
            settings: vec![],
            attempts: vec![],
            stages: vec![stage],
        };
        let shown = |batch: RecordBatch| pretty_format_batches(&[batch]).unwrap().to_string();
        let jobs = shown(job_rows(vec![record.clone()]).unwrap());
        assert!(
            jobs.contains("SELECT 1") && jobs.contains("1970-01-01T00:00:01Z"),
            "{jobs}"
        );
        assert!(shown(stage_rows(vec![record.clone()]).unwrap()).contains("[1, 2]"));
        assert_eq!(task_rows(vec![record]).unwrap().num_rows(), 1);
    }

    #[test]
    fn empty_tables_have_their_columns() {
        assert_eq!(jobs(&[]).unwrap().num_columns(), 16);
        assert_eq!(cache(&[]).unwrap().num_columns(), 6);
    }
}
