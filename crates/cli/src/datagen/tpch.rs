//! The eight tables of TPC-H.

use std::sync::Arc;

use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchReader};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

use super::files::{Made, Output, ParquetCompression, ParquetFile, Total};
use crate::error::{Error, Result};

/// Rows of each row group.
const GROUP_ROWS: usize = 131_072;
/// A part of a table gets about so many rows, unless `--parts` says otherwise.
const PART_ROWS: u64 = 3_000_000;

/// The eight tables of TPC-H as Parquet files, DIR/TABLE/part-00000.parquet …
#[derive(Debug, clap::Args)]
pub(super) struct TpchArgs {
    /// Scale factor: 1 is about 1 GB of text, 6 million line items
    #[arg(long, value_name = "SF", default_value_t = 1.0)]
    scale: f64,

    /// Files of each table but nation and region; by its size if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parts: Option<u16>,

    /// The Arrow type that the files give to strings; Polars and DataFusion write utf8view
    #[arg(long, value_enum, default_value_t, alias = "string-type")]
    strings: Strings,

    /// Compression of the files
    #[arg(long, value_enum, default_value_t)]
    compression: ParquetCompression,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Strings {
    #[default]
    Utf8,
    #[value(alias = "view")]
    Utf8view,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Region,
    Nation,
    Supplier,
    Part,
    Customer,
    Partsupp,
    Orders,
    Lineitem,
}

pub(super) fn make(args: &TpchArgs, output: &Output) -> Result<Vec<Made>> {
    if !(args.scale > 0.0 && args.scale <= 100_000.0) {
        return Err(Error::usage(
            format!("there is no TPC-H of scale {}", args.scale),
            "give a scale above 0, such as 0.01, 1 or 10",
        ));
    }
    // All folders are looked at before anything is written to one of them.
    for table in Table::ALL {
        output.prepare(&output.folder.join(table.name()))?;
    }
    Table::ALL
        .iter()
        .map(|table| table.make(args, output))
        .collect()
}

impl Table {
    /// The small ones first, so that a wrong folder shows at once.
    const ALL: [Self; 8] = [
        Self::Region,
        Self::Nation,
        Self::Supplier,
        Self::Part,
        Self::Customer,
        Self::Partsupp,
        Self::Orders,
        Self::Lineitem,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Nation => "nation",
            Self::Supplier => "supplier",
            Self::Part => "part",
            Self::Customer => "customer",
            Self::Partsupp => "partsupp",
            Self::Orders => "orders",
            Self::Lineitem => "lineitem",
        }
    }

    /// Rows at scale 1; those of line items only about.
    fn rows(self) -> u64 {
        match self {
            Self::Region => 5,
            Self::Nation => 25,
            Self::Supplier => 10_000,
            Self::Part => 200_000,
            Self::Customer => 150_000,
            Self::Partsupp => 800_000,
            Self::Orders => 1_500_000,
            Self::Lineitem => 6_001_215,
        }
    }

    fn make(self, args: &TpchArgs, output: &Output) -> Result<Made> {
        let fixed = matches!(self, Self::Region | Self::Nation);
        let rows = match fixed {
            true => self.rows(),
            false => ((self.rows() as f64 * args.scale) as u64).max(1),
        };
        let parts = match args.parts {
            _ if fixed => 1,
            Some(parts) => i32::from(parts),
            None => i32::try_from(rows.div_ceil(PART_ROWS)).unwrap_or(i32::MAX),
        };
        let folder = output.folder.join(self.name());
        output.each(
            self.name(),
            parts as usize,
            Total::Rows(rows),
            |i, progress| {
                // Parts are counted from 1.
                let batches = self.batches(args.scale, i as i32 + 1, parts);
                let schema = with_strings(&batches.schema(), args.strings);
                let path = folder.join(format!("part-{i:05}.parquet"));
                let mut file = ParquetFile::create(path, &schema, args.compression, GROUP_ROWS)?;
                for batch in batches {
                    let batch = to_schema(&batch?, &schema)?;
                    file.write(&batch)?;
                    progress.step(batch.num_rows() as u64)?;
                }
                file.finish()
            },
        )
    }

    fn batches(self, scale: f64, part: i32, parts: i32) -> Box<dyn RecordBatchReader> {
        match self {
            Self::Region => Box::new(RegionArrow::new(RegionGenerator::new(scale, part, parts))),
            Self::Nation => Box::new(NationArrow::new(NationGenerator::new(scale, part, parts))),
            Self::Supplier => Box::new(SupplierArrow::new(SupplierGenerator::new(
                scale, part, parts,
            ))),
            Self::Part => Box::new(PartArrow::new(PartGenerator::new(scale, part, parts))),
            Self::Customer => Box::new(CustomerArrow::new(CustomerGenerator::new(
                scale, part, parts,
            ))),
            Self::Partsupp => Box::new(PartSuppArrow::new(PartSuppGenerator::new(
                scale, part, parts,
            ))),
            Self::Orders => Box::new(OrderArrow::new(OrderGenerator::new(scale, part, parts))),
            Self::Lineitem => Box::new(LineItemArrow::new(LineItemGenerator::new(
                scale, part, parts,
            ))),
        }
    }
}

/// The generator makes `Utf8View` strings; this is the schema with the type asked for.
fn with_strings(schema: &SchemaRef, strings: Strings) -> SchemaRef {
    if strings == Strings::Utf8view {
        return Arc::clone(schema);
    }
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8View => field.as_ref().clone().with_data_type(DataType::Utf8),
            _ => field.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn to_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

#[cfg(test)]
mod tests {
    use super::super::files::testing;
    use super::*;

    fn args(strings: Strings, parts: Option<u16>) -> TpchArgs {
        TpchArgs {
            scale: 0.001,
            parts,
            strings,
            compression: ParquetCompression::Zstd,
        }
    }

    #[test]
    fn all_tables_at_a_small_scale() {
        let (folder, output) = testing::output();
        let made = make(&args(Strings::Utf8, None), &output).unwrap();
        let rows: Vec<(&str, u64)> = made.iter().map(|m| (m.name.as_str(), m.rows)).collect();
        assert_eq!(
            rows,
            [
                ("region", 5),
                ("nation", 25),
                ("supplier", 10),
                ("part", 200),
                ("customer", 150),
                ("partsupp", 800),
                ("orders", 1500),
                ("lineitem", 6005)
            ]
        );
        let orders = testing::read(&folder.path().join("orders/part-00000.parquet"));
        assert!(!format!("{:?}", orders.schema()).contains("Utf8View"));
    }

    #[test]
    fn parts_and_string_types_do_not_change_the_rows() {
        let (whole, output) = testing::output();
        make(&args(Strings::Utf8, None), &output).unwrap();
        let (parts, output) = testing::output();
        let made = make(&args(Strings::Utf8view, Some(3)), &output).unwrap();
        assert_eq!(made[7].files, 3);
        let whole = testing::read(&whole.path().join("lineitem/part-00000.parquet"));
        let parts: Vec<RecordBatch> = (0..3)
            .map(|i| testing::read(&parts.path().join(format!("lineitem/part-{i:05}.parquet"))))
            .collect();
        assert!(format!("{:?}", parts[0].schema()).contains("Utf8View"));
        let plain: Vec<RecordBatch> = parts
            .iter()
            .map(|p| to_schema(p, &whole.schema()).unwrap())
            .collect();
        let joined = datafusion::arrow::compute::concat_batches(&whole.schema(), &plain).unwrap();
        assert_eq!(joined, whole);
    }
}
