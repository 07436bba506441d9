//! Files read and written by a program: paths, a format and its options, called as PySpark calls them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::SessionState;
use datafusion::functions::expr_fn::nullif;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{Expr, LogicalPlan, cast};
use datafusion::prelude::{DataFrame, lit};
use futures::{StreamExt, TryStreamExt};

use super::Session;
use super::tables::{nothing_at, schema_without_views, table_of, unreadable};
use super::write::SaveMode;
use crate::error::{Error, Result, nearest};

/// What a partition folder is called whose value is null.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

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
    ("pathGlobFilter", None),
];

const JSON_OPTIONS: &[FormatOption] = &[
    ("compression", Some("format.compression")),
    ("multiLine", None),
    ("encoding", None),
    ("mode", None),
    ("pathGlobFilter", None),
];

const PARQUET_OPTIONS: &[FormatOption] = &[
    ("compression", Some("format.compression")),
    ("mergeSchema", None),
    ("pathGlobFilter", None),
];

const LIBSVM_OPTIONS: &[FormatOption] = &[
    ("numFeatures", Some("format.num_features")),
    ("vectorType", Some("format.vector")),
    ("pathGlobFilter", None),
];

const OTHER_OPTIONS: &[FormatOption] = &[("pathGlobFilter", None)];

fn options_of(format: &str) -> &'static [FormatOption] {
    match format {
        "csv" | "tsv" => CSV_OPTIONS,
        "json" => JSON_OPTIONS,
        "parquet" => PARQUET_OPTIONS,
        "libsvm" => LIBSVM_OPTIONS,
        _ => OTHER_OPTIONS,
    }
}

/// Options checked against those that a format has.
struct Options {
    /// Under the engine's keys.
    engine: HashMap<String, String>,
    ours: HashMap<&'static str, String>,
}

impl Options {
    fn new(format: &str, given: &[(String, String)]) -> Result<Self> {
        let known = options_of(format);
        let mut options = Self {
            engine: HashMap::new(),
            ours: HashMap::new(),
        };
        for (name, value) in given {
            let Some((option, key)) = known.iter().find(|(k, _)| k.eq_ignore_ascii_case(name))
            else {
                let error = Error::invalid(format!("{format} files have no option `{name}`"));
                let names = known.iter().map(|(name, _)| *name);
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

    fn is_on(&self, name: &str) -> bool {
        let value = self.ours.get(name);
        value.is_some_and(|v| v.eq_ignore_ascii_case("true"))
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
        let mut urls = vec![];
        for path in paths {
            let path = match options.ours.get("pathGlobFilter") {
                Some(glob) => format!("{}/{glob}", path.trim_end_matches('/')),
                None => path.clone(),
            };
            urls.push(ListingTableUrl::parse(&path)?);
        }
        let (ending, compression) = self.common_ending(&state, &urls, &format).await?;
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
        let listing = self.with_partition_columns(&state, &urls, listing).await?;
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
                let mut schemas = vec![];
                for url in &urls {
                    let schema = listing.infer_schema(&state, url).await;
                    let schema = schema.map_err(|e| unreadable(url, &e))?;
                    schemas.push(Arc::unwrap_or_clone(schema));
                }
                let merged = Schema::try_merge(schemas)
                    .map_err(|e| Error::invalid(format!("the files do not fit together: {e}")))?;
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
        let nullable = |f: &Arc<Field>| f.as_ref().clone().with_nullable(true);
        let fields: Vec<_> = schema.fields().iter().map(nullable).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let schema = schema_without_views(&schema).unwrap_or(schema);
        let table = |schema: SchemaRef| {
            let config = ListingTableConfig::new_with_multi_paths(urls)
                .with_listing_options(listing)
                .with_schema(schema);
            let cache = state.runtime_env().cache_manager.get_file_statistic_cache();
            let table = ListingTable::try_new(config)?.with_cache(cache);
            self.context.read_table(Arc::new(table))
        };
        match null.filter(|null| !null.is_empty()) {
            None => Ok(table(schema)?),
            Some(null) => Ok(without(&null, &schema, table(as_text(&schema))?)?),
        }
    }

    /// The ending that the files have, so that a folder's `_SUCCESS` and checksums are left out, and how they are
    /// compressed.
    async fn common_ending(
        &self,
        state: &SessionState,
        urls: &[ListingTableUrl],
        format: &str,
    ) -> Result<(String, Option<String>)> {
        let mut endings = BTreeSet::new();
        let mut hidden = false;
        for url in urls {
            let mut any = false;
            let store = state.runtime_env().object_store(url)?;
            let mut files = url.list_all_files(state, store.as_ref(), "").await?;
            while let Some(file) = files.next().await {
                let file = file.map_err(|e| unreadable(url, &e))?;
                let name = file.location.filename().unwrap_or_default();
                if name.starts_with(['.', '_']) {
                    hidden = true;
                    continue;
                }
                any = true;
                let told = ListingTableConfig::infer_file_extension_and_compression_type(name).ok();
                endings.insert(told.unwrap_or_default());
            }
            if !any {
                return Err(nothing_at(url));
            }
        }
        let mut kinds = endings.iter();
        let (Some(first), more) = (kinds.next(), kinds.next().is_some()) else {
            return Ok((String::new(), None));
        };
        let columnar = matches!(format, "parquet" | "avro" | "arrow");
        let compression = first.1.clone().filter(|_| !columnar);
        if !more {
            // A file without an ending counts as one that is called like its ending.
            let whole = match &first.1 {
                Some(compression) => format!(".{}.{compression}", first.0),
                None => format!(".{}", first.0),
            };
            return Ok((if hidden { whole } else { String::new() }, compression));
        }
        if hidden || endings.iter().any(|(_, packed)| packed != &first.1) {
            let all: Vec<_> = endings.into_iter().map(|(ending, _)| ending).collect();
            return Err(Error::invalid(format!(
                "there are files of several kinds: {}",
                all.join(", ")
            ))
            .with_hint("say which: a path like folder/*.csv"));
        }
        Ok((String::new(), compression))
    }

    /// Columns told by folders such as `year=2026`, of the narrowest type that holds every value.
    async fn with_partition_columns(
        &self,
        state: &SessionState,
        urls: &[ListingTableUrl],
        listing: ListingOptions,
    ) -> Result<ListingOptions> {
        let mut names: Vec<String> = vec![];
        let mut values: HashMap<String, BTreeSet<String>> = HashMap::new();
        for url in urls {
            let store = state.runtime_env().object_store(url)?;
            let files = url.list_all_files(state, store.as_ref(), "").await?;
            let files: Vec<_> = files.try_collect().await?;
            for file in files {
                let Some(inside) = url.strip_prefix(&file.location) else {
                    continue;
                };
                for (name, value) in inside.filter_map(|part| part.split_once('=')) {
                    if !names.iter().any(|known| known == name) {
                        names.push(name.to_owned());
                    }
                    let seen = values.entry(name.to_owned()).or_default();
                    seen.insert(value.to_owned());
                }
            }
        }
        let columns = names.into_iter().map(|name| {
            let data_type = values.get(&name).map_or(DataType::Utf8, narrowest);
            (name, data_type)
        });
        Ok(listing.with_table_partition_cols(columns.collect()))
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
            let plain = [
                ("format.has_header", "false"),
                ("format.quote_style", "Never"),
            ];
            let plain = plain.map(|(key, value)| (key.to_owned(), value.to_owned()));
            options.engine.extend(plain);
        } else if engine_format == "csv" {
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

fn narrowest(values: &BTreeSet<String>) -> DataType {
    let all = |fits: fn(&str) -> bool| values.iter().all(|value| fits(value));
    if values.contains(NULL_PARTITION) {
        DataType::Utf8
    } else if all(|v| v.parse::<i32>().is_ok()) {
        DataType::Int32
    } else if all(|v| v.parse::<i64>().is_ok()) {
        DataType::Int64
    } else if all(|v| v.len() == 10 && v.parse::<chrono::NaiveDate>().is_ok()) {
        DataType::Date32
    } else {
        DataType::Utf8
    }
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
