//! [`LineFormatFactory`]: makes [`LineFormat`]s of the options of SQL.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, GetExt, config_datafusion_err, config_err};
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::error::Result;

use crate::compression::Compression;
use crate::libsvm_schema::LibsvmOptions;
use crate::line_format::LineFormat;
use crate::records::Records;
use crate::text::TextRows;

/// Makes [`LineFormat`]s of the options of `CREATE EXTERNAL TABLE … STORED AS … OPTIONS (…)`.
///
/// | option | of | values |
/// |---|---|---|
/// | `compression` | all | `uncompressed`, `gzip`, `bzip2`, `xz`, `zstd`; by each file's ending if it is not given |
/// | `line_sep` | text | what a row ends with, instead of a line's end |
/// | `whole_text` | text | `true`: one row a file |
/// | `vector` | libsvm | `dense` (the default) or `sparse` |
/// | `num_features` | libsvm | size of the vectors; found by reading the files if it is not given |
///
/// The keys may have the prefix `format.`. Keys with other prefixes are left to others; any other
/// key is an error.
#[derive(Clone, Debug)]
pub struct LineFormatFactory {
    name: String,
    format: LineFormat,
}

/// What `CREATE EXTERNAL TABLE` and the endings of files should know: `txt`, `text`, `log`,
/// `libsvm` and `svm`.
pub fn line_format_factories() -> Vec<Arc<dyn FileFormatFactory>> {
    let text = LineFormat::new(Records::Text(TextRows::default()));
    let libsvm = LineFormat::new(Records::Libsvm(LibsvmOptions::default()));
    [
        LineFormatFactory::new("txt", text.clone()),
        LineFormatFactory::new("text", text.clone()),
        LineFormatFactory::new("log", text.with_extension("log")),
        LineFormatFactory::new("libsvm", libsvm.clone()),
        LineFormatFactory::new("svm", libsvm.with_extension("svm")),
    ]
    .into_iter()
    .map(|factory| Arc::new(factory) as Arc<dyn FileFormatFactory>)
    .collect()
}

impl LineFormatFactory {
    /// A factory known as `name` of formats like `format`, but for the options.
    pub fn new(name: impl Into<String>, format: LineFormat) -> Self {
        let name = name.into();
        Self { name, format }
    }

    /// The format without options.
    pub fn format(&self) -> &LineFormat {
        &self.format
    }
}

impl GetExt for LineFormatFactory {
    fn get_ext(&self) -> String {
        self.name.clone()
    }
}

impl FileFormatFactory for LineFormatFactory {
    fn create(
        &self,
        _state: &dyn Session,
        format_options: &HashMap<String, String>,
    ) -> Result<Arc<dyn FileFormat>> {
        let mut compression = self.format.compression();
        let mut records = self.format.records().clone();
        for (key, value) in format_options {
            let name = key
                .strip_prefix("format.")
                .unwrap_or(key)
                .to_ascii_lowercase();
            match (name.as_str(), &mut records) {
                ("compression", _) => compression = value.parse::<Compression>()?,
                ("line_sep", Records::Text(rows)) => {
                    if value.is_empty() {
                        return config_err!("line_sep is empty, and must be one character or more");
                    }
                    if *rows != TextRows::Files {
                        *rows = TextRows::EndedBy(value.clone());
                    }
                }
                ("whole_text", Records::Text(rows)) => match value.to_lowercase().as_str() {
                    "true" => *rows = TextRows::Files,
                    "false" => {}
                    _ => {
                        return config_err!("whole_text is `{value}`, and must be true or false");
                    }
                },
                ("vector", Records::Libsvm(options)) => options.vector = value.parse()?,
                ("num_features", Records::Libsvm(options)) => {
                    options.num_features = Some(num_features(value)?);
                }
                _ if name.contains('.') => {}
                (_, records) => return unknown(&name, records),
            }
        }
        let format = LineFormat::new(records)
            .with_extension(self.format.get_ext())
            .with_compression(compression);
        Ok(Arc::new(format))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(self.format.clone())
    }
}

fn num_features(value: &str) -> Result<u32> {
    match value.parse() {
        Ok(size) if (1..=i32::MAX as u32).contains(&size) => Ok(size),
        _ => Err::<u32, DataFusionError>(config_datafusion_err!(
            "num_features is `{value}`, but must be a whole number from 1 to {}",
            i32::MAX
        )),
    }
}

fn unknown<T>(name: &str, records: &Records) -> Result<T> {
    let known = match records {
        Records::Libsvm(_) => "compression, vector and num_features",
        Records::Text(_) => "compression, line_sep and whole_text",
        Records::WordCount(_) => "compression",
    };
    config_err!(
        "{} files have no option `{name}`, only {known}",
        records.name()
    )
}
