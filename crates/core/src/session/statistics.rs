//! What the statistics of files say, for columns whose statistics say it.

use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{ScalarValue, Statistics};
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// Takes the minima and maxima of floating-point columns for inexact. Parquet's leave NaN out, and DataFusion (55.2)
/// both answers `max` from them and reads a column whose minimum is its maximum as that one value; either way NaN
/// is lost. It can go when DataFusion does so by itself.
#[derive(Debug)]
pub(super) struct InexactFloats;

impl PhysicalOptimizerRule for InexactFloats {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = |node: Arc<dyn ExecutionPlan>| {
            let config = node
                .downcast_ref::<DataSourceExec>()
                .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>());
            Ok(
                match config.filter(|config| has_floats(&config.statistics())) {
                    None => Transformed::no(node),
                    Some(config) => {
                        let scan = DataSourceExec::from_data_source(with_inexact_floats(config));
                        Transformed::yes(scan as Arc<dyn ExecutionPlan>)
                    }
                },
            )
        };
        plan.transform_up(scan).data()
    }

    fn name(&self) -> &str {
        "inexact_floats"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn with_inexact_floats(config: &FileScanConfig) -> FileScanConfig {
    let groups = config.file_groups.iter().map(|group| {
        let files = group.iter().cloned().map(|mut file| {
            file.statistics = file.statistics.as_deref().map(|s| Arc::new(inexact(s)));
            file
        });
        let statistics = group.file_statistics(None).map(|s| Arc::new(inexact(s)));
        let group = FileGroup::new(files.collect());
        match statistics {
            Some(statistics) => group.with_statistics(statistics),
            None => group,
        }
    });
    let groups = groups.collect();
    let statistics = inexact(&config.statistics());
    FileScanConfigBuilder::from(config.clone())
        .with_file_groups(groups)
        .with_statistics(statistics)
        .build()
}

fn has_floats(statistics: &Statistics) -> bool {
    let mut columns = statistics.column_statistics.iter();
    columns.any(|column| is_exact_float(&column.min_value) || is_exact_float(&column.max_value))
}

fn is_exact_float(value: &Precision<ScalarValue>) -> bool {
    matches!(value, Precision::Exact(value) if value.data_type().is_floating())
}

fn inexact(statistics: &Statistics) -> Statistics {
    let mut statistics = statistics.clone();
    for column in &mut statistics.column_statistics {
        for value in [&mut column.min_value, &mut column.max_value] {
            if is_exact_float(value) {
                *value = std::mem::take(value).to_inexact();
            }
        }
    }
    statistics
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Float64Type;

    use crate::Session;
    use crate::master_url::MasterUrl;

    #[tokio::test]
    async fn nan_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet").display().to_string();
        let session = Session::connect(&MasterUrl::Local { threads: Some(1) }, &[])
            .await
            .unwrap();
        let rows = "SELECT arrow_cast('NaN', 'Float64') AS x UNION ALL SELECT 1.0";
        session
            .sql(&format!("COPY ({rows}) TO '{path}'"))
            .await
            .unwrap();
        let frame = session
            .sql(&format!("SELECT max(x) FROM '{path}'"))
            .await
            .unwrap();
        let rows = frame.collect().await.unwrap();
        assert!(
            rows[0]
                .column(0)
                .as_primitive::<Float64Type>()
                .value(0)
                .is_nan()
        );
    }
}
