//! [`LineFormat`]: the [`FileFormat`] of files of lines.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Statistics, not_impl_err};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore};
use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::line_source::LineSource;
use crate::records::Records;

/// Reads files of lines as [`Records`]. It does not write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineFormat {
    records: Records,
    compression: Compression,
    extension: String,
}

impl LineFormat {
    /// Files with the usual ending, each compressed as its own ending says.
    pub fn new(records: Records) -> Self {
        Self {
            extension: records.extension().to_string(),
            records,
            compression: Compression::Auto,
        }
    }

    /// Files that end with `extension`, without the dot.
    pub fn with_extension(mut self, extension: impl Into<String>) -> Self {
        self.extension = extension.into();
        self
    }

    /// Files compressed like this.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// What is made of the lines.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// How the files are compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }
}

#[async_trait]
impl FileFormat for LineFormat {
    fn get_ext(&self) -> String {
        self.extension.clone()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        Ok(format!("{}{}", self.extension, compression.get_ext()))
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        // Never `None`: a folder's files would be looked for by the name of the format instead of
        // the extension.
        let declared = self.compression.declared();
        Some(declared.unwrap_or(FileCompressionType::UNCOMPRESSED))
    }

    async fn infer_schema(
        &self,
        _state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        self.records
            .infer_schema(store, objects, self.compression)
            .await
    }

    async fn infer_stats(
        &self,
        _state: &dyn Session,
        _store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        _object: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&table_schema))
    }

    async fn create_physical_plan(
        &self,
        _state: &dyn Session,
        conf: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.records.check_schema(conf.file_schema())?;
        Ok(DataSourceExec::from_data_source(conf))
    }

    async fn create_writer_physical_plan(
        &self,
        _input: Arc<dyn ExecutionPlan>,
        _state: &dyn Session,
        _conf: FileSinkConfig,
        _order_requirements: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!(
            "{} files can be read but not written: write Parquet, CSV or JSON",
            self.records.name()
        )
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(LineSource::new(self.clone(), table_schema))
    }
}
