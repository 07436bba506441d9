//! What codecs call to send tables and scans of lines over the wire.
//!
//! Each payload starts with a tag that tells it from those of others. `encode_*` returns `false`,
//! and leaves the buffer as it is, for what is not of this crate; `decode_*` returns `None`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{
    Constraints, DataFusionError, GetExt, internal_datafusion_err, internal_err,
};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::generated::datafusion_common;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::logical_plan::from_proto::parse_sorts;
use datafusion_proto::logical_plan::to_proto::serialize_sorts;
use datafusion_proto::physical_plan::from_proto::{
    parse_protobuf_file_scan_config, parse_table_schema_from_proto,
};
use datafusion_proto::physical_plan::to_proto::serialize_file_scan_config;
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf;
use prost::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::line_factory::LineFormatFactory;
use crate::line_format::LineFormat;
use crate::line_source::LineSource;
use crate::line_table::LineTable;

const SCAN: &[u8] = b"SPRINGALD-TEXT\x01";
const TABLE: &[u8] = b"SPRINGALD-TEXT\x02";
const FACTORY: &[u8] = b"SPRINGALD-TEXT\x03";

/// Encodes a scan over a [`LineSource`], with its partitions as they are.
///
/// # Errors
/// If an expression in the scan cannot be encoded.
pub fn encode_physical(
    node: &Arc<dyn ExecutionPlan>,
    buf: &mut Vec<u8>,
    codec: &dyn PhysicalExtensionCodec,
    converter: &dyn PhysicalProtoConverterExtension,
) -> Result<bool> {
    let Some((scan, source)) = node
        .downcast_ref::<DataSourceExec>()
        .and_then(|exec| exec.downcast_to_file_source::<LineSource>())
    else {
        return Ok(false);
    };
    let scan = serialize_file_scan_config(scan, codec, converter)?;
    buf.extend_from_slice(SCAN);
    put_json(buf, source.format())?;
    put(buf, &scan)?;
    Ok(true)
}

/// Decodes what [`encode_physical`] encoded.
///
/// # Errors
/// If the payload is torn or from another version.
pub fn decode_physical(
    buf: &[u8],
    ctx: &TaskContext,
    codec: &dyn PhysicalExtensionCodec,
    converter: &dyn PhysicalProtoConverterExtension,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(mut buf) = buf.strip_prefix(SCAN) else {
        return Ok(None);
    };
    let format = take_json(&mut buf)?;
    let scan = take::<protobuf::FileScanExecConf>(&mut buf)?;
    let source = LineSource::new(format, parse_table_schema_from_proto(&scan)?);
    let ctx = PhysicalPlanDecodeContext::new(ctx, codec);
    let scan = parse_protobuf_file_scan_config(&scan, &ctx, converter, Arc::new(source))?;
    Ok(Some(DataSourceExec::from_data_source(scan)))
}

/// Encodes a [`LineTable`], or a [`ListingTable`] that would make one.
///
/// # Errors
/// If the sort order of the files cannot be encoded, or the table declares a partitioning.
pub fn encode_table_provider(
    table: &dyn TableProvider,
    buf: &mut Vec<u8>,
    codec: &dyn LogicalExtensionCodec,
) -> Result<bool> {
    let listing = table
        .downcast_ref::<LineTable>()
        .map(LineTable::listing)
        .or_else(|| table.downcast_ref::<ListingTable>());
    let Some((listing, format)) = listing.and_then(|listing| {
        Some((
            listing,
            listing.options().format.downcast_ref::<LineFormat>()?,
        ))
    }) else {
        return Ok(false);
    };
    let options = listing.options();
    if options.output_partitioning.is_some() {
        return internal_err!("a table of lines with a declared partitioning cannot be encoded");
    }
    let spec = TableSpec {
        format: format.clone(),
        urls: listing.table_paths().iter().map(UrlSpec::from).collect(),
    };
    let file_sort_order = options
        .file_sort_order
        .iter()
        .map(|order| {
            let sort_expr_nodes = serialize_sorts(order, codec)?;
            Ok(protobuf::SortExprNodeCollection { sort_expr_nodes })
        })
        .collect::<Result<_>>()?;
    let table_partition_cols = options
        .table_partition_cols
        .iter()
        .map(|(name, data_type)| {
            Ok(protobuf::PartitionColumn {
                name: name.clone(),
                arrow_type: Some(data_type.try_into()?),
            })
        })
        .collect::<Result<_>>()?;
    let scan = protobuf::ListingTableScanNode {
        file_extension: options.file_extension.clone(),
        table_partition_cols,
        file_sort_order,
        ..Default::default()
    };
    buf.extend_from_slice(TABLE);
    put_json(buf, &spec)?;
    put(buf, &scan)?;
    let constraints = listing.constraints().cloned().unwrap_or_default();
    put(buf, &datafusion_common::Constraints::from(constraints))?;
    Ok(true)
}

/// Decodes what [`encode_table_provider`] encoded, as a [`LineTable`] of `schema`.
///
/// # Errors
/// If the payload is torn or from another version.
pub fn decode_table_provider(
    buf: &[u8],
    schema: &SchemaRef,
    ctx: &TaskContext,
    codec: &dyn LogicalExtensionCodec,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let Some(mut buf) = buf.strip_prefix(TABLE) else {
        return Ok(None);
    };
    let spec: TableSpec = take_json(&mut buf)?;
    let scan = take::<protobuf::ListingTableScanNode>(&mut buf)?;
    let constraints = take::<datafusion_common::Constraints>(&mut buf)?;

    let partition_cols = scan
        .table_partition_cols
        .iter()
        .map(|column| {
            let data_type = column.arrow_type.as_ref().ok_or_else(|| torn("no type"))?;
            Ok((column.name.clone(), DataType::try_from(data_type)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let orders = scan
        .file_sort_order
        .iter()
        .map(|order| Ok(parse_sorts(&order.sort_expr_nodes, ctx, codec)?))
        .collect::<Result<_>>()?;
    let file_fields = schema.fields().iter().filter(|field| {
        let name = field.name();
        !partition_cols.iter().any(|(column, _)| column == name)
    });
    let file_fields: Vec<_> = file_fields.cloned().collect();
    let file_schema = Schema::new_with_metadata(file_fields, schema.metadata().clone());
    let urls = spec
        .urls
        .iter()
        .map(UrlSpec::parse)
        .collect::<Result<_>>()?;

    let options = ListingOptions::new(Arc::new(spec.format))
        .with_file_extension(scan.file_extension)
        .with_table_partition_cols(partition_cols)
        .with_file_sort_order(orders);
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(Arc::new(file_schema));
    let listing = ListingTable::try_new(config)?
        .with_cache(ctx.runtime_env().cache_manager.get_file_statistic_cache())
        .with_constraints(Constraints::from(constraints));
    Ok(Some(Arc::new(LineTable::try_new(listing)?)))
}

/// Encodes a [`LineFormatFactory`].
///
/// # Errors
/// None that can be helped.
pub fn encode_file_format(buf: &mut Vec<u8>, node: &Arc<dyn FileFormatFactory>) -> Result<bool> {
    let Some(factory) = node.downcast_ref::<LineFormatFactory>() else {
        return Ok(false);
    };
    buf.extend_from_slice(FACTORY);
    put_json(buf, &(factory.get_ext(), factory.format()))?;
    Ok(true)
}

/// Decodes what [`encode_file_format`] encoded.
///
/// # Errors
/// If the payload is torn or from another version.
pub fn decode_file_format(buf: &[u8]) -> Result<Option<Arc<dyn FileFormatFactory>>> {
    let Some(mut buf) = buf.strip_prefix(FACTORY) else {
        return Ok(None);
    };
    let (name, format): (String, LineFormat) = take_json(&mut buf)?;
    Ok(Some(Arc::new(LineFormatFactory::new(name, format))))
}

/// What DataFusion's own messages for tables have no room for.
#[derive(Serialize, Deserialize)]
struct TableSpec {
    format: LineFormat,
    urls: Vec<UrlSpec>,
}

/// The string form of a [`ListingTableUrl`] lacks its glob.
#[derive(Serialize, Deserialize)]
struct UrlSpec {
    url: String,
    glob: Option<String>,
}

impl From<&ListingTableUrl> for UrlSpec {
    fn from(url: &ListingTableUrl) -> Self {
        Self {
            url: url.to_string(),
            glob: url
                .get_glob()
                .as_ref()
                .map(|glob| glob.as_str().to_string()),
        }
    }
}

impl UrlSpec {
    fn parse(&self) -> Result<ListingTableUrl> {
        let url = ListingTableUrl::parse(&self.url)?;
        match &self.glob {
            Some(glob) => url.with_glob(glob),
            None => Ok(url),
        }
    }
}

fn put_json(buf: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec(value).map_err(|e| DataFusionError::External(e.into()))?;
    put(buf, &json)
}

fn take_json<T: DeserializeOwned>(buf: &mut &[u8]) -> Result<T> {
    let json = take::<Vec<u8>>(buf)?;
    serde_json::from_slice(&json).map_err(torn)
}

fn put(buf: &mut Vec<u8>, message: &impl Message) -> Result<()> {
    message
        .encode_length_delimited(buf)
        .map_err(|e| DataFusionError::External(e.into()))
}

fn take<M: Message + Default>(buf: &mut &[u8]) -> Result<M> {
    M::decode_length_delimited(buf).map_err(torn)
}

fn torn(what: impl std::fmt::Display) -> DataFusionError {
    internal_datafusion_err!("cannot decode a table or scan of lines: {what}")
}
