//! Writes that are whole or not at all. A job may be begun again when a worker is lost, and what the lost
//! attempt wrote must not stay; so a write into a folder goes to a staging folder inside it, whose files are
//! moved when the job is done. One file alone needs none of this: its store puts it in place at the end.

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
use datafusion::logical_expr::{DmlStatement, LogicalPlan, WriteOp};
use datafusion::prelude::DataFrame;

use super::Session;
use crate::error::{Error, Result};
use crate::protocol::PublishRequest;

impl Session {
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
        let rows = self.write_staged(&target, |staging| {
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
        let rows = self.write_staged(&folder, |staging| {
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
        self.write_staged(folder, |staging| {
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
        plan: impl FnOnce(String) -> LogicalPlan,
    ) -> Result<u64> {
        let staging = target.join(format!("_staging-{}", uuid::Uuid::new_v4().simple()));
        let rows = self
            .count_written(plan(format!("{}/", staging.display())))
            .await;
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
                };
                cluster.rest().publish(&request).await?;
            }
            None => publish(&staging, target)?,
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
        use datafusion::logical_expr::LogicalPlanBuilder;
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

/// Moves the staged files into `target` and removes the staging folder. If a file cannot be moved, those that
/// were are moved back.
///
/// # Errors
/// If the folders cannot be read or written, or a file of that name is in `target` already.
pub fn publish(staging: &Path, target: &Path) -> Result<()> {
    let failed = |e: std::io::Error| {
        Error::failed(format!(
            "cannot move the written files into `{}`: {e}",
            target.display()
        ))
    };
    let mut files = vec![];
    collect_files(staging, &mut files).map_err(failed)?;
    let mut moved: Vec<(PathBuf, PathBuf)> = vec![];
    for file in files {
        let name = file.strip_prefix(staging).unwrap_or(&file);
        let to = target.join(name);
        let result = (|| {
            if to.exists() {
                return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists));
            }
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::rename(&file, &to)
        })();
        match result {
            Ok(()) => moved.push((file, to)),
            Err(e) => {
                for (from, to) in moved.iter().rev() {
                    if let Err(back) = std::fs::rename(to, from) {
                        log::error!("cannot take back {}: {back}", to.display());
                    }
                }
                return Err(failed(e));
            }
        }
    }
    match std::fs::remove_dir_all(staging) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(e)),
        _ => Ok(()),
    }
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    // No rows, no files: some formats then make not even the folder.
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect_files(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_is_all_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let staging = target.join("_staging-1");
        std::fs::create_dir_all(staging.join("k=1")).unwrap();
        std::fs::write(staging.join("a"), "a").unwrap();
        std::fs::write(staging.join("k=1/b"), "b").unwrap();
        std::fs::create_dir_all(target.join("k=1")).unwrap();
        std::fs::write(target.join("k=1/b"), "older").unwrap();
        assert!(publish(&staging, &target).is_err());
        assert!(staging.join("a").exists() && !target.join("a").exists());

        std::fs::remove_file(target.join("k=1/b")).unwrap();
        publish(&staging, &target).unwrap();
        assert!(target.join("a").exists() && target.join("k=1/b").exists());
        assert!(!staging.exists());
    }
}
