use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion_proto::bytes::{
    logical_plan_from_bytes_with_extension_codec, logical_plan_to_bytes_with_extension_codec,
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use datafusion_proto::logical_plan::{DefaultLogicalExtensionCodec, LogicalExtensionCodec};
use datafusion_proto::physical_plan::{
    DefaultPhysicalExtensionCodec, PhysicalExtensionCodec, PhysicalProtoConverterExtension,
};

use super::*;
use crate::{
    LineSource, WordCountOptions, decode_file_format, decode_physical, decode_table_provider,
    encode_file_format, encode_physical, encode_table_provider, word_count,
};

/// Codecs as core makes them, over DataFusion's.
#[derive(Debug)]
struct Codec;

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match decode_physical(buf, ctx, self, converter)? {
            Some(plan) => Ok(plan),
            None => DefaultPhysicalExtensionCodec {}.try_decode(buf, inputs, ctx, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if encode_physical(&node, buf, self, converter)? {
            return Ok(());
        }
        DefaultPhysicalExtensionCodec {}.try_encode(node, buf, converter)
    }
}

impl LogicalExtensionCodec for Codec {
    fn try_decode(&self, _: &[u8], _: &[LogicalPlan], _: &TaskContext) -> Result<Extension> {
        unreachable!()
    }

    fn try_encode(&self, _: &Extension, _: &mut Vec<u8>) -> Result<()> {
        unreachable!()
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table: &TableReference,
        schema: SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        match decode_table_provider(buf, &schema, ctx, self)? {
            Some(table) => Ok(table),
            None => {
                DefaultLogicalExtensionCodec {}.try_decode_table_provider(buf, table, schema, ctx)
            }
        }
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        if encode_table_provider(node.as_ref(), buf, self)? {
            return Ok(());
        }
        DefaultLogicalExtensionCodec {}.try_encode_table_provider(table, node, buf)
    }
}

/// A session with a table of each kind: partitioned text, libsvm of both kinds, and counts.
async fn session_with_tables(folder: &Path) -> SessionContext {
    for day in ["day=1", "day=2"] {
        let day = folder.join("text").join(day);
        std::fs::create_dir_all(&day).unwrap();
        std::fs::write(day.join("a.txt"), "x one\ny two\n".repeat(50)).unwrap();
        std::fs::write(day.join("a.txt.bak"), "not this\n").unwrap();
    }
    std::fs::write(folder.join("a.libsvm"), "1 1:1 3:3\n0 2:5\n".repeat(50)).unwrap();
    let ctx = session(4);
    let folder = folder.display();
    for create in [
        format!(
            "t (line VARCHAR NOT NULL, day INT, PRIMARY KEY (day)) STORED AS TEXT \
             PARTITIONED BY (day) WITH ORDER (line ASC) LOCATION '{folder}/text'"
        ),
        format!("globbed STORED AS TEXT LOCATION '{folder}/text/day=1/*.txt'"),
        format!("dense STORED AS LIBSVM LOCATION '{folder}/a.libsvm'"),
        format!("sparse STORED AS LIBSVM LOCATION '{folder}/a.libsvm' OPTIONS (vector 'sparse')"),
    ] {
        ctx.sql(&format!("CREATE EXTERNAL TABLE {create}"))
            .await
            .unwrap();
    }
    let options = WordCountOptions {
        lowercase: true,
        stop_words: ["one".to_string()].into(),
        top: Some(5),
        ..Default::default()
    };
    let counts = word_count(&ctx, &[format!("{folder}/text/day=2/a.txt")], options).unwrap();
    ctx.register_table("counts", counts.into_view()).unwrap();
    ctx
}

const QUERIES: [&str; 8] = [
    "SELECT * FROM t WHERE day = 2 AND line LIKE 'x%'",
    "SELECT DISTINCT day, line FROM t ORDER BY line",
    "SELECT count(*) FROM t",
    "SELECT count(*), max(value) FROM globbed",
    "SELECT value FROM globbed WHERE value IN (SELECT line FROM t) ORDER BY value LIMIT 70",
    "SELECT label, features[3], features FROM dense",
    "SELECT features, label FROM sparse",
    "SELECT * FROM counts",
];

#[tokio::test]
async fn logical_plans_survive() {
    let folder = tempfile::tempdir().unwrap();
    let ctx = session_with_tables(folder.path()).await;
    for query in QUERIES {
        let plan = ctx.sql(query).await.unwrap().into_optimized_plan().unwrap();
        let bytes = logical_plan_to_bytes_with_extension_codec(&plan, &Codec).unwrap();
        // Decoded where the tables are not known, as on the master.
        let other = session(4);
        let decoded =
            logical_plan_from_bytes_with_extension_codec(&bytes, &other.task_ctx(), &Codec)
                .unwrap();
        assert_eq!(
            plan.display_indent_schema().to_string(),
            decoded.display_indent_schema().to_string()
        );
        let planned = other.state().create_physical_plan(&decoded).await.unwrap();
        let expected = ctx.state().create_physical_plan(&plan).await.unwrap();
        assert_eq!(indent(&planned), indent(&expected), "{query}");
        let decoded = other.execute_logical_plan(decoded).await.unwrap();
        assert_eq!(rows(decoded).await, sql(&ctx, query).await, "{query}");
    }
}

#[tokio::test]
async fn physical_plans_survive() {
    let folder = tempfile::tempdir().unwrap();
    let ctx = session_with_tables(folder.path()).await;
    for query in QUERIES {
        let plan = ctx
            .sql(query)
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(&plan), &Codec).unwrap();
        let other = session(4);
        let decoded =
            physical_plan_from_bytes_with_extension_codec(&bytes, &other.task_ctx(), &Codec)
                .unwrap();
        assert_eq!(indent(&plan), indent(&decoded), "{query}");
        assert_eq!(scans(&plan), scans(&decoded), "{query}");
        let decoded = collect(decoded, other.task_ctx()).await.unwrap();
        let decoded = other.read_batches(decoded).unwrap();
        assert_eq!(rows(decoded).await, sql(&ctx, query).await, "{query}");
    }
}

fn indent(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(true).to_string()
}

/// The groups of files and ranges of each scan, all that is to survive.
fn scans(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    if let Some((scan, source)) = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|exec| exec.downcast_to_file_source::<LineSource>())
    {
        let scan: &FileScanConfig = scan;
        assert!(scan.file_groups.len() > 1, "to cut them is the point");
        let groups: Vec<Vec<_>> = scan
            .file_groups
            .iter()
            .map(|group| {
                let file = |file: &datafusion::datasource::listing::PartitionedFile| {
                    let meta = &file.object_meta;
                    (
                        meta.location.clone(),
                        meta.size,
                        meta.last_modified,
                        file.range.clone(),
                        file.partition_values.clone(),
                    )
                };
                group.iter().map(file).collect()
            })
            .collect();
        return vec![format!("{groups:?} {:?}", source.format())];
    }
    plan.children().into_iter().flat_map(scans).collect()
}

#[test]
fn factories_survive_and_others_are_left_alone() {
    for factory in line_format_factories() {
        let mut buf = b"before".to_vec();
        assert!(encode_file_format(&mut buf, &factory).unwrap());
        let decoded = decode_file_format(&buf[6..]).unwrap().unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{factory:?}"));
        assert!(decode_file_format(&buf).unwrap().is_none());
        assert!(decode_file_format(&buf[6..buf.len() - 1]).is_err());
    }
    let csv: Arc<dyn FileFormatFactory> =
        Arc::new(datafusion::datasource::file_format::csv::CsvFormatFactory::new());
    let mut buf = vec![];
    assert!(!encode_file_format(&mut buf, &csv).unwrap());
    assert!(buf.is_empty());
}
