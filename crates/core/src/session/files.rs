//! Files read and written by a program: paths, a format and its options, called as PySpark calls them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, NaiveDateTime, Utc};
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig};
use datafusion::functions::expr_fn::nullif;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{Expr, LogicalPlan, cast};
use datafusion::prelude::{DataFrame, lit};

use super::Session;
use super::found_files::FoundFiles;
use super::tables::{schema_without_views, table_of};
use super::write::SaveMode;
use crate::error::{Error, Result, nearest};
use crate::functions::nullable;

/// An option of a format: PySpark's name, and the engine's key if the engine takes it as it is.
type FormatOption = (&'static str, Option<&'static str>);

const CSV_OPTIONS: &[FormatOption] = &[
    ("sep", Some("format.delimiter")),
    ("delimiter", Some("format.delimiter")),
    ("header", Some("format.has_header")),
    ("quote", Some("format.quote")),
    ("escape", Some("format.escape")),
    ("comment", Some("format.comment")),
    ("nullValue", Some("format.null_value")),
    ("multiLine", Some("format.newlines_in_values")),
    ("lineSep", Some("format.terminator")),
    ("compression", Some("format.compression")),
    ("codec", Some("format.compression")),
    ("dateFormat", Some("format.date_format")),
    ("timestampFormat", Some("format.timestamp_format")),
    ("inferSchema", None),
    ("encoding", None),
    ("charset", None),
    ("mode", None),
];

const JSON_OPTIONS: &[FormatOption] = &[
    ("compression", Some("format.compression")),
    ("multiLine", None),
    ("encoding", None),
    ("mode", None),
];

const PARQUET_OPTIONS: &[FormatOption] = &[
    ("compression", Some("format.compression")),
    ("mergeSchema", None),
];

const LIBSVM_OPTIONS: &[FormatOption] = &[
    ("numFeatures", Some("format.num_features")),
    ("vectorType", Some("format.vector")),
];

const TEXT_OPTIONS: &[FormatOption] = &[
    ("lineSep", Some("format.line_sep")),
    ("wholetext", Some("format.whole_text")),
    ("compression", Some("format.compression")),
    ("encoding", None),
];

/// Which files are read, whatever their format.
const FILE_OPTIONS: &[FormatOption] = &[
    ("pathGlobFilter", None),
    ("recursiveFileLookup", None),
    ("ignoreCorruptFiles", None),
    ("ignoreMissingFiles", None),
    ("ignoredPathSegmentRegex", None),
    ("modifiedBefore", None),
    ("modifiedAfter", None),
];

fn options_of(format: &str) -> &'static [FormatOption] {
    match format {
        "csv" | "tsv" => CSV_OPTIONS,
        "json" => JSON_OPTIONS,
        "parquet" => PARQUET_OPTIONS,
        "libsvm" => LIBSVM_OPTIONS,
        "text" | "txt" | "log" => TEXT_OPTIONS,
        _ => &[],
    }
}

/// Options checked against those that a format has.
pub(super) struct Options {
    /// Under the engine's keys.
    engine: HashMap<String, String>,
    ours: HashMap<&'static str, String>,
}

impl Options {
    fn new(format: &str, given: &[(String, String)]) -> Result<Self> {
        let known = options_of(format).iter().chain(FILE_OPTIONS);
        let mut options = Self {
            engine: HashMap::new(),
            ours: HashMap::new(),
        };
        for (name, value) in given {
            let Some((option, key)) = known.clone().find(|(k, _)| k.eq_ignore_ascii_case(name))
            else {
                let error = Error::invalid(format!("{format} files have no option `{name}`"));
                let names = known.clone().map(|(name, _)| *name);
                return Err(match nearest(name, names.clone()) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => {
                        let names: Vec<_> = names.collect();
                        error.with_hint(format!("there are {}", names.join(", ")))
                    }
                });
            };
            match key {
                Some(key) => {
                    let value = if *option == "compression" || *option == "codec" {
                        compression(format, value)
                    } else {
                        value.clone()
                    };
                    options.engine.insert((*key).to_owned(), value);
                }
                None => {
                    options.ours.insert(option, value.clone());
                }
            }
        }
        for name in ["encoding", "charset"] {
            let value = options.ours.get(name).map(|v| v.to_lowercase());
            if value.is_some_and(|v| v != "utf-8" && v != "utf8") {
                return Err(Error::invalid("text is read and written as UTF-8 only")
                    .with_hint("convert the files first, as with iconv -t utf-8"));
            }
        }
        let mode = options.ours.get("mode").map(|v| v.to_uppercase());
        if mode.is_some_and(|mode| mode != "FAILFAST" && mode != "PERMISSIVE") {
            return Err(Error::invalid("a line that cannot be read is an error")
                .with_hint("leave the option `mode` out, or read such columns as strings"));
        }
        Ok(options)
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        let value = self.ours.get(name);
        value.is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.ours.get(name).map(String::as_str)
    }

    /// A moment such as `2026-01-31T12:00:00`, in UTC.
    pub(super) fn moment(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        let moment = NaiveDateTime::parse_from_str(value, "%Y-%m-%dT%H:%M:%S");
        let moment = moment.map_err(|_| {
            Error::invalid(format!(
                "the option {name} is `{value}`, which is no moment"
            ))
            .with_hint("write it as 2026-01-31T12:00:00")
        })?;
        Ok(Some(moment.and_utc()))
    }
}

/// Spark's names of compressions, as the engine has them.
fn compression(format: &str, name: &str) -> String {
    let name = name.to_lowercase();
    match (format, name.as_str()) {
        ("parquet", "none") => "uncompressed".to_owned(),
        ("parquet", "gzip") => "gzip(6)".to_owned(),
        ("parquet", "zstd") => "zstd(3)".to_owned(),
        ("parquet", "brotli") => "brotli(5)".to_owned(),
        (_, "none") => "uncompressed".to_owned(),
        _ => name,
    }
}

impl Session {
    /// The rows of files, folders or globs. Without a `format` it is told by the ending of the files. CSV without a
    /// header has columns `_c0`, `_c1`, …, all strings unless `inferSchema` is on, as in Spark.
    ///
    /// # Errors
    /// If there is no file, or none of the format, or an option is unknown.
    pub async fn read_files(
        &self,
        paths: &[String],
        format: Option<&str>,
        schema: Option<SchemaRef>,
        options: &[(String, String)],
    ) -> Result<DataFrame> {
        let state = self.context.state();
        let Some(format) = format.map(str::to_lowercase) else {
            let [path] = paths else {
                return Err(Error::invalid("several paths need a format")
                    .with_hint("name it: .format(\"parquet\")"));
            };
            return self.read(path, None).await;
        };
        let mut options = Options::new(&format, options)?;
        let is_csv = format == "csv" || format == "tsv";
        if is_csv {
            let header = options.engine.entry("format.has_header".to_owned());
            header.or_insert_with(|| "false".to_owned());
            for (key, name) in [
                ("format.date_format", "dateFormat"),
                ("format.timestamp_format", "timestampFormat"),
            ] {
                if options.engine.contains_key(key) {
                    return Err(Error::invalid(format!("CSV is not read with a {name}"))
                        .with_hint("read the column as a string and use to_date or to_timestamp"));
                }
            }
        }
        let null = options.engine.remove("format.null_value");
        if let Some(null) = &null {
            let escape = |c: char| match c.is_alphanumeric() {
                true => c.to_string(),
                false => format!("\\{c}"),
            };
            let null: String = null.chars().map(escape).collect();
            // For the inference of types alone: the engine reads without it.
            let regex = ("format.null_regex".to_owned(), format!("^({null})?$"));
            options.engine.extend([regex]);
        }
        if format == "json" && options.is_on("multiLine") {
            let lines = ("format.newline_delimited".to_owned(), "false".to_owned());
            options.engine.extend([lines]);
        }
        let mut found = FoundFiles::list(&state, paths, &options).await?;
        let (ending, compression) = found.common_ending(&format)?;
        if let Some(compression) = compression {
            let key = "format.compression".to_owned();
            options.engine.entry(key).or_insert(compression);
        }
        let factory = state.get_file_format_factory(&format).ok_or_else(|| {
            Error::invalid(format!("`{format}` is no format of files"))
                .with_hint("there are parquet, csv, json, avro, arrow, text and libsvm")
        })?;
        let listing = ListingOptions::new(factory.create(&state, &options.engine)?)
            .with_file_extension(ending);
        let listing = listing.with_table_partition_cols(found.partition_columns());
        if options.is_on("ignoreCorruptFiles") {
            found.leave_out_corrupt(&state, &listing).await?;
        }
        let listing = match found.is_part {
            true => listing.with_file_extension(""),
            false => listing,
        };
        let schema = match schema {
            Some(given) => {
                let in_folders = |f: &&Arc<Field>| {
                    let columns = &listing.table_partition_cols;
                    !columns.iter().any(|(name, _)| name == f.name())
                };
                let fields = given.fields().iter().filter(in_folders).cloned();
                Arc::new(Schema::new(fields.collect::<Vec<_>>()))
            }
            None => {
                let merged = found.schema(&state, &listing).await?;
                let header = options.engine.get("format.has_header");
                let header = header.is_some_and(|v| v.eq_ignore_ascii_case("true"));
                match format.as_str() {
                    "csv" | "tsv" => csv_schema(&merged, header, options.is_on("inferSchema")),
                    "json" => sorted_by_name(&merged),
                    _ => Arc::new(merged),
                }
            }
        };
        // Nothing keeps a file from having a null, whatever another one says.
        let may_be_null = |f: &Arc<Field>| f.as_ref().clone().with_nullable(true);
        let fields: Vec<_> = schema.fields().iter().map(may_be_null).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let schema = schema_without_views(&schema).unwrap_or(schema);
        let in_folders: Vec<String> = listing
            .table_partition_cols
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let urls = found.urls()?;
        if urls.is_empty() {
            let nothing = MemTable::try_new(schema, vec![vec![]])?;
            return Ok(self.context.read_table(Arc::new(nothing))?);
        }
        let table = |schema: SchemaRef| {
            let config = ListingTableConfig::new_with_multi_paths(urls)
                .with_listing_options(listing)
                .with_schema(schema);
            let cache = state.runtime_env().cache_manager.get_file_statistic_cache();
            let table = ListingTable::try_new(config)?.with_cache(cache);
            self.context.read_table(Arc::new(table))
        };
        let frame = match null.filter(|null| !null.is_empty()) {
            None => table(schema)?,
            Some(null) => without(&null, &schema, table(as_text(&schema))?)?,
        };
        if in_folders.is_empty() {
            return Ok(frame);
        }
        let columns = frame.schema().columns().into_iter().map(|column| {
            let name = column.name.clone();
            let value = Expr::Column(column);
            match in_folders.contains(&name) {
                true => nullable(value).alias(name),
                false => value,
            }
        });
        let columns: Vec<_> = columns.collect();
        Ok(frame.select(columns)?)
    }

    /// Writes a folder of files, whole or not at all, and gives the count of rows.
    ///
    /// # Errors
    /// If the folder is there and `mode` does not say what to do with it, an option is unknown, or the job fails.
    pub async fn write_files(
        &self,
        frame: DataFrame,
        target: &str,
        format: &str,
        mode: SaveMode,
        partition_by: Vec<String>,
        options: &[(String, String)],
    ) -> Result<u64> {
        let format = format.to_lowercase();
        // A file of text is one column, written as it is.
        let (engine_format, mut options) = match format.as_str() {
            "text" => ("csv", Options::new(&format, options)?),
            _ => (format.as_str(), Options::new(&format, options)?),
        };
        if format == "text" {
            let [column] = frame.schema().fields().as_ref() else {
                return Err(Error::invalid("a file of text takes one column of strings")
                    .with_hint("select it, or concat_ws several into one"));
            };
            if column.data_type() != &DataType::Utf8 {
                let what = column.data_type();
                return Err(Error::invalid(format!(
                    "a file of text takes a string, and `{}` is {what}",
                    column.name()
                ))
                .with_hint("cast it to a string"));
            }
            options.engine.remove("format.whole_text");
            check_line_end(options.engine.remove("format.line_sep"))?;
            let plain = [
                ("format.has_header", "false"),
                ("format.quote_style", "Never"),
            ];
            let plain = plain.map(|(key, value)| (key.to_owned(), value.to_owned()));
            options.engine.extend(plain);
        } else if engine_format == "csv" {
            check_line_end(options.engine.remove("format.terminator"))?;
            let header = options.engine.entry("format.has_header".to_owned());
            header.or_insert_with(|| "false".to_owned());
        }
        let state = self.context.state();
        let factory = state
            .get_file_format_factory(engine_format)
            .ok_or_else(|| {
                Error::invalid(format!("`{format}` is no format of files"))
                    .with_hint("there are parquet, csv, json and text")
            })?;
        let copy = |staging: String, plan: LogicalPlan| {
            LogicalPlan::Copy(CopyTo::new(
                Arc::new(plan),
                staging,
                partition_by,
                format_as_file_type(factory),
                options.engine,
            ))
        };
        self.save(target, mode, |staging| {
            copy(staging, frame.logical_plan().clone())
        })
        .await
    }

    /// Writes the rows as a table of the cluster's catalog, or of this session in local mode.
    ///
    /// # Errors
    /// If the table is there and `mode` is [`SaveMode::Error`], or the job fails.
    pub async fn save_as_table(&self, frame: DataFrame, name: &str, mode: SaveMode) -> Result<()> {
        let quoted = table_of(name)?;
        let exists = self.context.table_exist(quoted.as_str())?;
        if exists && mode == SaveMode::Ignore {
            return Ok(());
        }
        let rows = format!("_rows_{}", uuid::Uuid::new_v4().simple());
        self.context
            .register_table(rows.as_str(), frame.into_view())?;
        let statement = match mode {
            SaveMode::Append if exists => format!("INSERT INTO {quoted} SELECT * FROM {rows}"),
            SaveMode::Overwrite => {
                format!("CREATE OR REPLACE TABLE {quoted} AS SELECT * FROM {rows}")
            }
            _ => format!("CREATE TABLE {quoted} AS SELECT * FROM {rows}"),
        };
        let done = self.sql(&statement).await;
        self.context.deregister_table(rows.as_str())?;
        done.map(drop)
    }
}

fn check_line_end(end: Option<String>) -> Result<()> {
    match end.as_deref() {
        None | Some("\n") => Ok(()),
        Some(_) => Err(Error::invalid("lines are written with \\n at their end")
            .with_hint("leave the option `lineSep` out")),
    }
}

fn as_text(schema: &Schema) -> SchemaRef {
    let text = |f: &Arc<Field>| f.as_ref().clone().with_data_type(DataType::Utf8);
    Arc::new(Schema::new(
        schema.fields().iter().map(text).collect::<Vec<_>>(),
    ))
}

/// The columns of `schema` from their texts, of which `null` is one that means nothing.
fn without(null: &str, schema: &Schema, texts: DataFrame) -> Result<DataFrame> {
    let columns = texts.schema().columns().into_iter().map(|column| {
        let name = column.name.clone();
        let value = Expr::Column(column);
        match schema.field_with_name(&name) {
            Ok(field) => {
                let value = nullif(value, lit(null));
                cast(value, field.data_type().clone()).alias(name)
            }
            // Told by a folder.
            Err(_) => value,
        }
    });
    let columns: Vec<_> = columns.collect();
    Ok(texts.select(columns)?)
}

/// Spark's names and types of CSV columns.
fn csv_schema(inferred: &Schema, header: bool, infer: bool) -> SchemaRef {
    let fields = inferred.fields().iter().enumerate().map(|(at, field)| {
        let name = match header {
            true => field.name().clone(),
            false => format!("_c{at}"),
        };
        let data_type = match infer {
            true => field.data_type().clone(),
            false => DataType::Utf8,
        };
        Field::new(name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Objects have no order of their own.
fn sorted_by_name(schema: &Schema) -> SchemaRef {
    let mut fields = schema.fields().to_vec();
    fields.sort_by(|a, b| a.name().cmp(b.name()));
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master_url::MasterUrl;

    async fn session() -> Session {
        Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap()
    }

    fn given(options: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        options.iter().map(owned).collect()
    }

    async fn names_and_types(frame: DataFrame) -> Vec<(String, DataType)> {
        let fields = frame.schema().fields().iter();
        fields
            .map(|f| (f.name().clone(), f.data_type().clone()))
            .collect()
    }

    #[tokio::test]
    async fn csv_is_strings_unless_types_are_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.csv"), "x;y\n1;b\n").unwrap();
        std::fs::write(dir.path().join("_SUCCESS"), "").unwrap();
        std::fs::write(dir.path().join(".a.csv.crc"), "\x01").unwrap();
        let paths = [dir.path().display().to_string()];
        let session = session().await;
        let frame = session
            .read_files(&paths, Some("csv"), None, &given(&[("sep", ";")]))
            .await
            .unwrap();
        let plain = names_and_types(frame.clone()).await;
        assert_eq!(
            plain,
            [
                ("_c0".into(), DataType::Utf8),
                ("_c1".into(), DataType::Utf8)
            ]
        );
        assert_eq!(frame.count().await.unwrap(), 2);
        let options = given(&[
            ("delimiter", ";"),
            ("header", "true"),
            ("inferSchema", "true"),
        ]);
        let frame = session
            .read_files(&paths, Some("csv"), None, &options)
            .await
            .unwrap();
        assert_eq!(
            names_and_types(frame).await,
            [("x".into(), DataType::Int64), ("y".into(), DataType::Utf8)]
        );
    }

    #[tokio::test]
    async fn unknown_options_are_refused_with_the_nearest() {
        let e = Options::new("csv", &given(&[("headr", "true")]))
            .err()
            .unwrap();
        assert_eq!(e.hint(), Some("did you mean `header`?"));
        assert!(Options::new("csv", &given(&[("encoding", "latin1")])).is_err());
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let session = session().await;
        let target = dir.path().join("out").display().to_string();
        let frame = session
            .sql("SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (2, 'c')) AS t (k, v)")
            .await
            .unwrap();
        let write = async |mode: SaveMode| {
            session
                .write_files(
                    frame.clone(),
                    &target,
                    "parquet",
                    mode,
                    vec!["k".into()],
                    &[],
                )
                .await
        };
        assert_eq!(write(SaveMode::Error).await.unwrap(), 3);
        assert!(write(SaveMode::Error).await.is_err());
        assert_eq!(write(SaveMode::Ignore).await.unwrap(), 0);
        write(SaveMode::Append).await.unwrap();
        let paths = [target.clone()];
        let read = async || {
            session
                .read_files(&paths, Some("parquet"), None, &[])
                .await
                .unwrap()
        };
        assert_eq!(read().await.count().await.unwrap(), 6);
        write(SaveMode::Overwrite).await.unwrap();
        let frame = read().await;
        assert_eq!(frame.clone().count().await.unwrap(), 3);
        let columns = names_and_types(frame).await;
        assert_eq!(columns[1], ("k".into(), DataType::Int32));
    }
}
