//! Tables over files: what `CREATE EXTERNAL TABLE` and `SELECT … FROM 'path'` make.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::common::Result;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::listing_table_factory::ListingTableFactory;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::CreateExternalTable;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use springald_text::table_url;

use crate::error::{Error, engine_message};

/// DataFusion's factory of listing tables, with clear words for a location where nothing is, and without
/// view types.
#[derive(Debug, Default)]
pub(crate) struct ListingFactory {
    inner: ListingTableFactory,
}

#[async_trait]
impl TableProviderFactory for ListingFactory {
    async fn create(
        &self,
        state: &dyn Session,
        cmd: &CreateExternalTable,
    ) -> Result<Arc<dyn TableProvider>> {
        // A table with its columns given may be made before its first file is; one without may not.
        if cmd.schema.fields().is_empty() {
            for location in &cmd.locations {
                first_file(state, &table_url(location)?).await?;
            }
        }
        let urls = cmd.locations.iter().map(|location| table_url(location));
        let urls = urls.collect::<Result<Vec<_>>>()?;
        let made = if cmd
            .locations
            .iter()
            .any(|location| is_url_with_glob(location))
        {
            // The factory knows no globs in URLs: it makes the table over the folders.
            let folders = urls.iter().map(|url| url.as_str().to_owned()).collect();
            let cmd = CreateExternalTable {
                locations: folders,
                ..cmd.clone()
            };
            let made = self.inner.create(state, &cmd).await;
            made.and_then(|table| over(table, urls))
        } else {
            self.inner.create(state, cmd).await
        };
        without_views(made.map_err(|e| unreadable(cmd.locations.join(", "), &e))?)
    }
}

fn is_url_with_glob(location: &str) -> bool {
    location.contains("://") && location.contains(['*', '?', '['])
}

/// The same table over other files.
fn over(
    table: Arc<dyn TableProvider>,
    urls: Vec<ListingTableUrl>,
) -> Result<Arc<dyn TableProvider>> {
    let Some(listing) = table.downcast_ref::<ListingTable>() else {
        return Ok(table);
    };
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(listing.options().clone())
        .with_schema(Arc::new(file_schema(listing)));
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// The table over the files at `path`: a file, a folder or a glob. The format is told by the ending of the
/// first file, compressed or not, unless it is `named`; then files of any ending are taken.
///
/// # Errors
/// If nothing is there, or the ending or the name is of no known format.
pub async fn table_at(
    state: &SessionState,
    path: &str,
    named: Option<&str>,
) -> Result<Arc<dyn TableProvider>> {
    let url = table_url(path)?;
    let file = first_file(state, &url).await?;
    let (ending, compression) =
        ListingTableConfig::infer_file_extension_and_compression_type(&file)?;
    let files = match (named, &compression) {
        (Some(_), _) => String::new(),
        (None, Some(compression)) => format!("{ending}.{compression}"),
        (None, None) => ending.clone(),
    };
    let ending = named.map_or(ending, str::to_lowercase);
    let format = state.get_file_format_factory(&ending).ok_or_else(|| {
        if named.is_some() {
            return Error::invalid(format!("`{ending}` is no format of files"))
                .with_hint("there are parquet, csv, json, avro, arrow, text and libsvm");
        }
        Error::invalid(format!(
            "cannot tell the format of `{file}` from its ending"
        ))
        .with_hint("name it: CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '…'")
    })?;
    let mut options = HashMap::new();
    if let Some(compression) = &compression {
        options.insert("format.compression".to_owned(), compression.clone());
    }
    if ending == "tsv" {
        options.insert("format.delimiter".to_owned(), "\t".to_owned());
    }
    let listing = ListingOptions::new(format.create(state, &options)?).with_file_extension(files);
    let partitions = listing.infer_partitions(state, &url).await?;
    let listing = listing.with_table_partition_cols(
        partitions
            .into_iter()
            .map(|name| (name, DataType::Utf8))
            .collect(),
    );
    let schema = listing
        .infer_schema(state, &url)
        .await
        .map_err(|e| unreadable(&url, &e))?;
    let config = ListingTableConfig::new(url)
        .with_listing_options(listing)
        .with_schema(schema_without_views(&schema).unwrap_or(schema));
    let cache = state.runtime_env().cache_manager.get_file_statistic_cache();
    Ok(Arc::new(ListingTable::try_new(config)?.with_cache(cache)))
}

/// The name of a table as it is written in a statement: quoted, in lower case as unquoted names are.
pub(super) fn table_of(name: &str) -> Result<String, Error> {
    let simple = super::statement::plain_name(name)?;
    Ok(format!("\"{}\"", simple.replace('"', "\"\"")))
}

/// The path of the first file under `url` that is not hidden.
async fn first_file(state: &dyn Session, url: &ListingTableUrl) -> Result<String> {
    let store = state.runtime_env().object_store(url)?;
    let files = url.list_all_files(state, store.as_ref(), "").await?;
    // Such as `_SUCCESS`, and files that somebody is writing.
    let hidden = |file: &ObjectMeta| {
        let name = file.location.filename();
        name.is_some_and(|name| name.starts_with(['.', '_']))
    };
    let mut files = files.try_filter(|file| std::future::ready(!hidden(file)));
    match files.next().await {
        Some(Ok(file)) => Ok(file.location.to_string()),
        Some(Err(e)) if is_not_found(&e) => Err(nothing_at(url).into()),
        Some(Err(e)) => Err(e),
        None => Err(nothing_at(url).into()),
    }
}

pub(super) fn nothing_at(url: &ListingTableUrl) -> Error {
    let shown = url.as_str();
    let shown = shown.strip_prefix("file://").unwrap_or(shown);
    let glob = url.get_glob().as_ref().map_or("", |glob| glob.as_str());
    Error::invalid(format!("no file at `{shown}{glob}`"))
        .with_hint("check the path; on a cluster it must be on the shared volume or in a store")
}

/// Readers tell what is wrong with a file, but not with which.
pub(super) fn unreadable(location: impl std::fmt::Display, e: &DataFusionError) -> DataFusionError {
    let location = location.to_string();
    let location = location.strip_prefix("file://").unwrap_or(&location);
    let message = engine_message(e);
    if message.contains(location) {
        return Error::invalid(message).into();
    }
    Error::invalid(format!("cannot read `{location}`: {message}")).into()
}

fn is_not_found(e: &DataFusionError) -> bool {
    match e {
        DataFusionError::ObjectStore(e) => {
            matches!(e.as_ref(), object_store::Error::NotFound { .. })
        }
        DataFusionError::Context(_, e) => is_not_found(e),
        _ => false,
    }
}

/// The same table with `Utf8` for `Utf8View` and `Binary` for `BinaryView`. Files whose embedded Arrow schema
/// names view types (Polars, DataFusion and others write them) otherwise bring views into every shuffle,
/// where a slice of a view array is written with all its buffers.
fn without_views(table: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    let Some(listing) = table.downcast_ref::<ListingTable>() else {
        return Ok(table);
    };
    let Some(file_schema) = schema_without_views(&file_schema(listing)) else {
        return Ok(table);
    };
    let config = ListingTableConfig::new_with_multi_paths(listing.table_paths().clone())
        .with_listing_options(listing.options().clone())
        .with_schema(file_schema);
    let mut plain = ListingTable::try_new(config)?
        .with_definition(listing.get_table_definition().map(str::to_owned));
    if let Some(constraints) = listing.constraints() {
        plain = plain.with_constraints(constraints.clone());
    }
    Ok(Arc::new(plain))
}

/// The columns that a table's files have: those of the table without the ones told by its folders.
pub(crate) fn file_schema(table: &ListingTable) -> Schema {
    let all = table.schema();
    let in_files = all.fields().len() - table.options().table_partition_cols.len();
    let fields: Vec<_> = all.fields().iter().take(in_files).cloned().collect();
    Schema::new_with_metadata(fields, all.metadata().clone())
}

/// `schema` with its view types replaced, also inside lists and structs; `None` if there are none.
pub(crate) fn schema_without_views(schema: &Schema) -> Option<SchemaRef> {
    let mut changed = false;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field_without_views(field, &mut changed))
        .collect();
    changed.then(|| Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

fn field_without_views(field: &Arc<Field>, changed: &mut bool) -> Arc<Field> {
    let mut below = false;
    let data_type = match field.data_type() {
        DataType::Utf8View => {
            below = true;
            DataType::Utf8
        }
        DataType::BinaryView => {
            below = true;
            DataType::Binary
        }
        DataType::List(item) => DataType::List(field_without_views(item, &mut below)),
        DataType::LargeList(item) => DataType::LargeList(field_without_views(item, &mut below)),
        DataType::FixedSizeList(item, n) => {
            DataType::FixedSizeList(field_without_views(item, &mut below), *n)
        }
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|f| field_without_views(f, &mut below))
                .collect(),
        ),
        DataType::Map(entries, sorted) => {
            DataType::Map(field_without_views(entries, &mut below), *sorted)
        }
        other => other.clone(),
    };
    if !below {
        return Arc::clone(field);
    }
    *changed = true;
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_replaced_at_every_depth() {
        let item = Arc::new(Field::new("item", DataType::Utf8View, true));
        let schema = Schema::new(vec![
            Field::new("a", DataType::Int64, false),
            Field::new("b", DataType::Utf8View, true),
            Field::new("c", DataType::List(item), true),
        ]);
        let plain = schema_without_views(&schema).unwrap();
        assert_eq!(plain.field(1).data_type(), &DataType::Utf8);
        assert!(!format!("{plain:?}").contains("View"));
        assert!(schema_without_views(&plain).is_none());
    }
}
