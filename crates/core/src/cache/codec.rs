//! How cached tables and their operators travel.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::{AsLogicalPlan, LogicalExtensionCodec};
use datafusion_proto::protobuf::{self, LogicalPlanNode};
use prost::Message;
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::fill::CacheFillExec;
use super::scan::CachedScanExec;
use super::table::{BlocksTable, CachedTable, FillTable};

const BLOCKS: &[u8] = b"SPRINGALD-CACHE\x01";
const FILL: &[u8] = b"SPRINGALD-CACHE\x02";
const FILL_EXEC: &[u8] = b"SPRINGALD-CACHE\x03";
const SCAN_EXEC: &[u8] = b"SPRINGALD-CACHE\x04";

/// A [`CachedScanExec`] but for its input.
#[derive(Serialize, Deserialize)]
struct Scan {
    projection: Option<Vec<usize>>,
    rows: u64,
    schema: Vec<u8>,
}

/// Encodes a table of this module; `false`, and nothing written, for another.
pub(crate) fn encode_table(
    table: &dyn TableProvider,
    buf: &mut Vec<u8>,
    codec: &dyn LogicalExtensionCodec,
) -> Result<bool> {
    if let Some(cached) = table.downcast_ref::<CachedTable>() {
        let blocks = cached.blocks().ok_or_else(|| {
            DataFusionError::Internal("cached data travels before it is there".to_owned())
        })?;
        buf.extend_from_slice(BLOCKS);
        return serde_json::to_writer(buf, &blocks)
            .map(|()| true)
            .map_err(external);
    }
    if let Some(fill) = table.downcast_ref::<FillTable>() {
        buf.extend_from_slice(FILL);
        buf.extend_from_slice(&(fill.name.len() as u32).to_le_bytes());
        buf.extend_from_slice(fill.name.as_bytes());
        LogicalPlanNode::try_from_logical_plan(&fill.plan, codec)?.try_encode(buf)?;
        return Ok(true);
    }
    Ok(false)
}

/// Decodes what [`encode_table`] encoded; `None` if somebody else did.
pub(crate) fn decode_table(
    buf: &[u8],
    schema: &SchemaRef,
    context: &TaskContext,
    codec: &dyn LogicalExtensionCodec,
) -> Result<Option<Arc<dyn TableProvider>>> {
    if let Some(blocks) = buf.strip_prefix(BLOCKS) {
        let blocks: Vec<Block> = serde_json::from_slice(blocks).map_err(external)?;
        let schema = Arc::clone(schema);
        return Ok(Some(Arc::new(BlocksTable { schema, blocks })));
    }
    if let Some(fill) = buf.strip_prefix(FILL) {
        let torn = || DataFusionError::Internal("a torn message".to_owned());
        let (length, rest) = fill.split_first_chunk().ok_or_else(torn)?;
        let (name, plan) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or_else(torn)?;
        let plan = LogicalPlanNode::try_decode(plan)?.try_into_logical_plan(context, codec)?;
        return Ok(Some(Arc::new(FillTable {
            name: String::from_utf8_lossy(name).into_owned(),
            plan,
        })));
    }
    Ok(None)
}

/// Encodes an operator of this module; `false`, and nothing written, for another.
pub(crate) fn encode_exec(node: &Arc<dyn ExecutionPlan>, buf: &mut Vec<u8>) -> Result<bool> {
    if let Some(fill) = node.downcast_ref::<CacheFillExec>() {
        buf.extend_from_slice(FILL_EXEC);
        buf.extend_from_slice(fill.name.as_bytes());
        return Ok(true);
    }
    if let Some(scan) = node.downcast_ref::<CachedScanExec>() {
        buf.extend_from_slice(SCAN_EXEC);
        let schema: protobuf::Schema = scan.schema.as_ref().try_into()?;
        let scan = Scan {
            projection: scan.projection.clone(),
            rows: scan.rows,
            schema: schema.encode_to_vec(),
        };
        return serde_json::to_writer(buf, &scan)
            .map(|()| true)
            .map_err(external);
    }
    Ok(false)
}

/// Decodes what [`encode_exec`] encoded; `None` if somebody else did.
pub(crate) fn decode_exec(
    buf: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let input = || match inputs {
        [input] => Ok(Arc::clone(input)),
        _ => Err(DataFusionError::Internal("one input is needed".to_owned())),
    };
    if let Some(name) = buf.strip_prefix(FILL_EXEC) {
        let name = String::from_utf8_lossy(name).into_owned();
        return Ok(Some(Arc::new(CacheFillExec::new(name, input()?))));
    }
    if let Some(scan) = buf.strip_prefix(SCAN_EXEC) {
        let scan: Scan = serde_json::from_slice(scan).map_err(external)?;
        let schema = protobuf::Schema::decode(scan.schema.as_slice()).map_err(external)?;
        let schema: Schema = (&schema).try_into()?;
        return Ok(Some(Arc::new(CachedScanExec::over(
            input()?,
            Arc::new(schema),
            scan.projection,
            scan.rows,
        )?)));
    }
    Ok(None)
}

fn external(e: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}
