//! Any of the inputs as one table.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::object_store::{ObjectMeta, path::Path as ObjectPath};
use springald_core::Session;
use springald_core::session::table_at;

use super::inputs::{Input, Inputs, ending};
use crate::error::{Error, Result};

/// Reads files of the inputs, each with the schema of all of them.
pub(super) struct Reader<'a> {
    session: &'a Session,
    options: ListingOptions,
    schema: SchemaRef,
}

impl<'a> Reader<'a> {
    pub(super) async fn new(session: &'a Session, inputs: &Inputs) -> Result<Self> {
        let state = session.context().state();
        let Some(first) = inputs.files.first() else {
            return Err(Error::invalid("there is nothing to read"));
        };
        let unreadable = |e: datafusion::error::DataFusionError| {
            Error::from(e).within(&format!("cannot read {}", first.path.display()))
        };
        let table = table_at(&state, &first.path.display().to_string(), None)
            .await
            .map_err(unreadable)?;
        let Some(listing) = table.downcast_ref::<ListingTable>() else {
            return Err(Error::failed(format!(
                "{} is no file",
                first.path.display()
            )));
        };
        let options = listing
            .options()
            .clone()
            .with_file_extension(ending(&first.path))
            .with_table_partition_cols(vec![]);
        let url = ListingTableUrl::parse(first.path.display().to_string())?;
        let store = state.runtime_env().object_store(&url)?;
        let files = inputs
            .files
            .iter()
            .map(object)
            .collect::<Result<Vec<_>>>()?;
        let schema = options
            .format
            .infer_schema(&state, &store, &files)
            .await
            .map_err(|e| Error::from(e).within("the files do not go together"))?;
        Ok(Self {
            session,
            options,
            schema: plain(&schema),
        })
    }

    /// Makes a table of `files` for one statement, and gives its name.
    pub(super) fn register(&self, files: &[Input]) -> Result<String> {
        let urls = files
            .iter()
            .map(|file| ListingTableUrl::parse(file.path.display().to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(self.options.clone())
            .with_schema(Arc::clone(&self.schema));
        let name = format!("__compact_{}", uuid::Uuid::new_v4().simple());
        self.session
            .context()
            .register_table(name.as_str(), Arc::new(ListingTable::try_new(config)?))?;
        Ok(name)
    }
}

fn object(file: &Input) -> Result<ObjectMeta> {
    let location = ObjectPath::from_absolute_path(&file.path)
        .map_err(|e| Error::invalid(format!("{} is no usable path: {e}", file.path.display())))?;
    Ok(ObjectMeta {
        location,
        last_modified: file.modified.into(),
        size: file.bytes,
        e_tag: None,
        version: None,
    })
}

/// The schema of the files as that of the table: with plain strings, which other programs read faster than
/// views if they read views at all, and with NULL for a column that some of the files lack.
fn plain(schema: &Schema) -> SchemaRef {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| {
            let data_type = match field.data_type() {
                DataType::Utf8View => DataType::Utf8,
                DataType::BinaryView => DataType::Binary,
                other => other.clone(),
            };
            field
                .as_ref()
                .clone()
                .with_data_type(data_type)
                .with_nullable(true)
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}
