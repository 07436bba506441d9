//! Writes that are whole or not at all. A job may be begun again when a worker is lost, and what the lost
//! attempt wrote must not stay; so a write into a folder goes to a staging folder inside it, whose files are
//! moved when the job is done (`publish`). One file alone needs none of this: its store puts it in place at the end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::datasource::DefaultTableSource;
use datafusion::datasource::file_format::csv::{CsvFormat, CsvFormatFactory};
use datafusion::datasource::file_format::{FileFormatFactory, format_as_file_type};
use datafusion::datasource::listing::ListingTable;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{DmlStatement, LogicalPlan, LogicalPlanBuilder, WriteOp};
use datafusion::prelude::DataFrame;

use super::Session;
use super::publish::publish;
use crate::error::{Error, Result};
use crate::protocol::{ProbeRequest, PublishRequest};

/// What a write does when its target is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveMode {
    Error,
    Append,
    Overwrite,
    /// Writes nothing then.
    Ignore,
}

impl std::str::FromStr for SaveMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name.to_lowercase().as_str() {
            "error" | "errorifexists" => Ok(Self::Error),
            "append" => Ok(Self::Append),
            "overwrite" => Ok(Self::Overwrite),
            "ignore" => Ok(Self::Ignore),
            _ => Err(Error::invalid(format!("`{name}` is no mode of writing"))
                .with_hint("there are error, append, overwrite and ignore")),
        }
    }
}

impl Session {
    /// Writes into a folder; `plan` makes the plan that writes to the folder it is given.
    pub(super) async fn save(
        &self,
        target: &str,
        mode: SaveMode,
        plan: impl FnOnce(String) -> LogicalPlan,
    ) -> Result<u64> {
        let folder = match target.split_once("://") {
            None => absolute(target)?,
            Some(("file", path)) => PathBuf::from(path),
            Some(_) if mode == SaveMode::Append => {
                let target = target.trim_end_matches('/');
                return self.count_written(plan(format!("{target}/"))).await;
            }
            Some((scheme, _)) => {
                return Err(Error::invalid(format!(
                    "whether something is at {scheme}:// is not known, so only new files can be added there"
                ))
                .with_hint("use .mode(\"append\")"));
            }
        };
        if matches!(mode, SaveMode::Error | SaveMode::Ignore) && self.is_there(&folder).await? {
            if mode == SaveMode::Ignore {
                return Ok(0);
            }
            return Err(Error::invalid(format!(
                "there is something at `{}` already",
                folder.display()
            ))
            .with_hint("use .mode(\"overwrite\") or .mode(\"append\")"));
        }
        self.write_staged(&folder, mode == SaveMode::Overwrite, plan)
            .await
    }

    /// Whether there are files, as the master sees it if there is one.
    async fn is_there(&self, folder: &Path) -> Result<bool> {
        let Some(cluster) = &self.cluster else {
            return Ok(folder.exists());
        };
        let request = ProbeRequest {
            paths: vec![folder.display().to_string()],
            ..Default::default()
        };
        let reports = cluster.rest().probe(&request).await?;
        let mut master = reports.iter().filter(|report| report.id == "master");
        Ok(master.any(|report| {
            report
                .paths
                .iter()
                .any(|path| path.exists && path.files > 0)
        }))
    }

    /// `COPY … TO`; gives the count of rows.
    pub(super) async fn copy(&self, mut copy: CopyTo) -> Result<DataFrame> {
        let target = match copy.output_url.split_once("://") {
            None => Some(absolute(&copy.output_url)?),
            Some(("file", path)) => Some(PathBuf::from(path)),
            Some(_) => None,
        };
        let Some(target) = target else {
            let rows = self.count_written(LogicalPlan::Copy(copy)).await?;
            return self.count_frame(rows);
        };
        if self.cluster.is_some() && matches!(copy.file_type.get_ext().as_str(), "arrow" | "avro") {
            return Err(Error::invalid(format!(
                "a cluster does not write {} files",
                copy.file_type.get_ext()
            ))
            .with_hint("write Parquet, or fetch the rows into a file with --output FILE.arrow"));
        }
        let is_file = !copy.output_url.ends_with('/')
            && copy.partition_by.is_empty()
            && target.extension().is_some()
            && !target.is_dir();
        if is_file {
            copy.output_url = target.display().to_string();
            let rows = self.count_written(LogicalPlan::Copy(copy)).await;
            let rows = rows.map_err(|e| unwritten(&target, e))?;
            return self.count_frame(rows);
        }
        let rows = self.write_staged(&target, false, |staging| {
            copy.output_url = staging;
            LogicalPlan::Copy(copy)
        });
        let rows = rows.await?;
        self.count_frame(rows)
    }

    /// `INSERT INTO` a table of files: new files beside those that are there.
    pub(super) async fn insert(&self, insert: DmlStatement) -> Result<DataFrame> {
        let provider = insert
            .target
            .downcast_ref::<DefaultTableSource>()
            .map(|source| Arc::clone(&source.table_provider));
        let folder = provider
            .as_ref()
            .and_then(|table| table.downcast_ref::<ListingTable>())
            .and_then(|table| Some((table, local_folder(table)?)));
        let Some((table, folder)) = folder else {
            let rows = self.count_written(LogicalPlan::Dml(insert)).await?;
            return self.count_frame(rows);
        };
        if !matches!(insert.op, WriteOp::Insert(InsertOp::Append)) {
            return Err(Error::invalid("tables of files take INSERT INTO only")
                .with_hint("to replace all rows: CREATE OR REPLACE TABLE … AS SELECT …"));
        }
        let format = self.format_of(table)?;
        let partition_by = table
            .options()
            .table_partition_cols
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let rows = self.write_staged(&folder, false, |staging| {
            LogicalPlan::Copy(CopyTo::new(
                insert.input,
                staging,
                partition_by,
                format_as_file_type(format),
                HashMap::new(),
            ))
        });
        let rows = rows.await?;
        self.count_frame(rows)
    }

    /// Writes the plan's rows as Parquet files into a folder.
    pub(super) async fn write_parquet(&self, plan: LogicalPlan, folder: &Path) -> Result<u64> {
        let format = self
            .context
            .state()
            .get_file_format_factory("parquet")
            .ok_or_else(|| Error::failed("this build does not write Parquet"))?;
        self.write_staged(folder, false, |staging| {
            LogicalPlan::Copy(CopyTo::new(
                Arc::new(plan),
                staging,
                vec![],
                format_as_file_type(format),
                HashMap::new(),
            ))
        })
        .await
    }

    async fn write_staged(
        &self,
        target: &Path,
        replace: bool,
        plan: impl FnOnce(String) -> LogicalPlan,
    ) -> Result<u64> {
        let staging = target.join(format!("_staging-{}", uuid::Uuid::new_v4().simple()));
        let plan = plan(format!("{}/", staging.display()));
        let columns = columns_alone(&plan, &staging)?;
        let mut rows = self.count_written(plan).await;
        if let (Ok(0), Some(columns)) = (&rows, columns) {
            rows = self.count_written(columns).await;
        }
        let rows = match rows {
            Ok(rows) => rows,
            Err(e) => {
                // What is left is nobody's: readers pass over it, and a client without the volume cannot remove it.
                let _ = std::fs::remove_dir_all(&staging);
                let _ = std::fs::remove_dir(target);
                return Err(unwritten(target, e));
            }
        };
        match &self.cluster {
            Some(cluster) => {
                let request = PublishRequest {
                    staging: staging.display().to_string(),
                    target: target.display().to_string(),
                    replace,
                };
                cluster.rest().publish(&request).await?;
            }
            None => publish(&staging, &staging, target, replace).map(drop)?,
        }
        Ok(rows)
    }

    async fn count_written(&self, plan: LogicalPlan) -> Result<u64> {
        let written = DataFrame::new(self.context.state(), plan).collect().await?;
        Ok(written
            .iter()
            .filter_map(|batch| batch.column(0).as_primitive_opt::<UInt64Type>())
            .flat_map(|counts| counts.values().iter())
            .sum())
    }

    fn count_frame(&self, rows: u64) -> Result<DataFrame> {
        use datafusion::prelude::lit;
        let plan = LogicalPlanBuilder::empty(true)
            .project([lit(rows).alias("count")])?
            .build()?;
        Ok(DataFrame::new(self.context.state(), plan))
    }

    fn format_of(&self, table: &ListingTable) -> Result<Arc<dyn FileFormatFactory>> {
        let format = &table.options().format;
        if let Some(csv) = format.downcast_ref::<CsvFormat>() {
            return Ok(Arc::new(CsvFormatFactory::new_with_options(
                csv.options().clone(),
            )));
        }
        let ending = format.get_ext();
        self.context
            .state()
            .get_file_format_factory(ending.trim_start_matches('.'))
            .ok_or_else(|| Error::invalid(format!("tables of {ending} files cannot be written to")))
    }
}

/// The write of one Parquet file that has the columns and no rows: without rows there would be no file, and who reads the
/// folder could not tell the columns.
fn columns_alone(plan: &LogicalPlan, staging: &Path) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::Copy(copy) = plan else {
        return Ok(None);
    };
    if copy.file_type.get_ext() != "parquet" || !copy.partition_by.is_empty() {
        return Ok(None);
    }
    let nothing = LogicalPlanBuilder::from(copy.input.as_ref().clone()).limit(0, Some(0))?;
    let mut copy = copy.clone();
    copy.input = Arc::new(nothing.build()?);
    copy.output_url = staging.join("part-0.parquet").display().to_string();
    Ok(Some(LogicalPlan::Copy(copy)))
}

/// Says which write failed; the cause may be in the reading as well.
fn unwritten(target: &Path, e: Error) -> Error {
    let hint = e.hint().map(str::to_owned);
    let message = format!("cannot write `{}`: {}", target.display(), e.message());
    Error::Failed { message, hint }
}

fn absolute(path: &str) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::invalid(format!("`{path}` is no path: {e}")))
}

fn local_folder(table: &ListingTable) -> Option<PathBuf> {
    let [url] = table.table_paths().as_slice() else {
        return None;
    };
    (url.scheme() == "file" && url.is_collection())
        .then(|| PathBuf::from(format!("/{}", url.prefix())))
}
