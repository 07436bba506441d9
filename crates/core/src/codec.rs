//! How plans travel: Ballista's codecs with the nodes of Springald's own added. Ballista takes one codec
//! each and does not compose, so ours try their own nodes first and hand on the rest.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use springald_text as text;

use crate::cache;
use crate::error::Error;

/// The codec of logical plans, the same on every process.
pub fn logical() -> Arc<dyn LogicalExtensionCodec> {
    Arc::new(LogicalCodec::default())
}

/// The codec of physical plans, the same on every process.
pub fn physical() -> Arc<dyn PhysicalExtensionCodec> {
    Arc::new(PhysicalCodec::default())
}

#[derive(Debug, Default)]
struct LogicalCodec {
    ballista: BallistaLogicalExtensionCodec,
}

impl LogicalExtensionCodec for LogicalCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[LogicalPlan],
        ctx: &TaskContext,
    ) -> Result<Extension> {
        self.ballista.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table_ref: &TableReference,
        schema: SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        if let Some(table) = cache::decode_table(buf, &schema, ctx, self)? {
            return Ok(table);
        }
        match text::decode_table_provider(buf, &schema, ctx, self)? {
            Some(table) => Ok(table),
            None => self
                .ballista
                .try_decode_table_provider(buf, table_ref, schema, ctx),
        }
    }

    fn try_encode_table_provider(
        &self,
        table_ref: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let encoded = cache::encode_table(node.as_ref(), buf, self)?;
        if encoded || text::encode_table_provider(node.as_ref(), buf, self)? {
            return Ok(());
        }
        // Ballista's codec has no tables but DataFusion's, which never come here.
        Err(Error::invalid(format!(
            "`{table_ref}` lives in this process only, so a cluster cannot read it"
        ))
        .with_hint("write it to a file first (COPY … TO), or use a local master")
        .into())
    }

    fn try_decode_file_format(
        &self,
        buf: &[u8],
        ctx: &TaskContext,
    ) -> Result<Arc<dyn FileFormatFactory>> {
        match text::decode_file_format(buf)? {
            Some(format) => Ok(format),
            None => self.ballista.try_decode_file_format(buf, ctx),
        }
    }

    fn try_encode_file_format(
        &self,
        buf: &mut Vec<u8>,
        node: Arc<dyn FileFormatFactory>,
    ) -> Result<()> {
        if text::encode_file_format(buf, &node)? {
            return Ok(());
        }
        self.ballista.try_encode_file_format(buf, node)
    }
}

#[derive(Debug, Default)]
struct PhysicalCodec {
    ballista: BallistaPhysicalExtensionCodec,
}

impl PhysicalExtensionCodec for PhysicalCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(plan) = cache::decode_exec(buf, inputs)? {
            return Ok(plan);
        }
        match text::decode_physical(buf, ctx, self, converter)? {
            Some(plan) => Ok(plan),
            None => self.ballista.try_decode(buf, inputs, ctx, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if cache::encode_exec(&node, buf)? || text::encode_physical(&node, buf, self, converter)? {
            return Ok(());
        }
        self.ballista.try_encode(node, buf, converter)
    }
}
