//! Globs, resolved before a plan leaves this process. DataFusion encodes a table's URLs without their globs
//! (datafusion-proto 55, `ListingScan`), so the cluster would read the whole folder: a wrong answer. A table that is
//! declared by its folder has a glob, too: `*.parquet`, say. This can go when the encoding keeps globs.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{TableProvider, provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;

use crate::error::Error;
use crate::session::tables::file_schema;

/// The plan with each table that has globs replaced by one over the files that match now.
///
/// # Errors
/// If a folder cannot be listed, nothing matches, or a table by folders (`k=v/`) has a glob other than `*.ending`.
pub(super) async fn resolve(plan: &LogicalPlan, session: &dyn Session) -> Result<LogicalPlan> {
    let mut resolved: Vec<(Arc<dyn TableProvider>, Arc<dyn TableProvider>)> = vec![];
    for table in tables_with_globs(plan)? {
        if let Some(listing) = table.downcast_ref::<ListingTable>() {
            let plain = without_globs(listing, session).await?;
            resolved.push((Arc::clone(&table), Arc::new(plain)));
        }
    }
    if resolved.is_empty() {
        return Ok(plan.clone());
    }
    let replaced = plan
        .clone()
        .transform_up_with_subqueries(|node| match node {
            LogicalPlan::TableScan(mut scan) => {
                let plain = source_as_provider(&scan.source).ok().and_then(|table| {
                    resolved
                        .iter()
                        .find(|(globbed, _)| Arc::ptr_eq(globbed, &table))
                        .map(|(_, plain)| plain)
                });
                Ok(match plain {
                    Some(plain) => {
                        scan.source = provider_as_source(Arc::clone(plain));
                        Transformed::yes(LogicalPlan::TableScan(scan))
                    }
                    None => Transformed::no(LogicalPlan::TableScan(scan)),
                })
            }
            other => Ok(Transformed::no(other)),
        })?;
    Ok(replaced.data)
}

fn tables_with_globs(plan: &LogicalPlan) -> Result<Vec<Arc<dyn TableProvider>>> {
    let mut found = vec![];
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(table) = source_as_provider(&scan.source)
            && let Some(listing) = table.downcast_ref::<ListingTable>()
            && listing
                .table_paths()
                .iter()
                .any(|url| url.get_glob().is_some())
        {
            found.push(table);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

async fn without_globs(table: &ListingTable, session: &dyn Session) -> Result<ListingTable> {
    let mut options = table.options().clone();
    let mut urls = vec![];
    for url in table.table_paths() {
        let Some(glob) = url.get_glob() else {
            urls.push(url.clone());
            continue;
        };
        if options.table_partition_cols.is_empty() {
            urls.extend(matching(url, session).await?);
            continue;
        }
        // The values of partitions are read from what a path has beyond its table's folder, so the folder stays.
        let ending = glob
            .as_str()
            .strip_prefix('*')
            .filter(|ending| !ending.contains(['*', '?', '[', '{', '/']));
        let Some(ending) = ending else {
            return Err(Error::invalid(format!(
                "on a cluster a table by folders takes all files of an ending, not `{}`",
                glob.as_str()
            ))
            .into());
        };
        options = options.with_file_extension(ending);
        urls.push(ListingTableUrl::parse(url.as_str())?);
    }
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(Arc::new(file_schema(table)));
    ListingTable::try_new(config)
}

async fn matching(url: &ListingTableUrl, session: &dyn Session) -> Result<Vec<ListingTableUrl>> {
    let store = session.runtime_env().object_store(url)?;
    let files = url.list_all_files(session, store.as_ref(), "").await?;
    let files: Vec<_> = files
        .map_ok(|file| format!("{}{}", url.object_store().as_str(), file.location))
        .try_collect()
        .await?;
    if files.is_empty() {
        let glob = url.get_glob().as_ref().map_or("", |glob| glob.as_str());
        return Err(
            Error::invalid(format!("no file of `{}` matches `{glob}`", url.as_str())).into(),
        );
    }
    files.into_iter().map(ListingTableUrl::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{config, runtime_env, state};
    use datafusion::prelude::SessionContext;
    use datafusion_proto::logical_plan::AsLogicalPlan;
    use datafusion_proto::protobuf::LogicalPlanNode;

    #[tokio::test]
    async fn a_plan_that_travelled_reads_what_its_globs_match() {
        let dir = tempfile::tempdir().unwrap();
        for (name, rows) in [
            ("a 1.csv", "x\n1\n"),
            ("a2.csv", "x\n2\n"),
            ("b.csv", "x\n4\n"),
            ("note", "?"),
        ] {
            std::fs::write(dir.path().join(name), rows).unwrap();
        }
        let context = SessionContext::from(state(config(), runtime_env(None).unwrap()).unwrap());
        let folder = dir.path().display();
        context
            .sql(&format!(
                "CREATE EXTERNAL TABLE a STORED AS CSV LOCATION '{folder}/a*.csv'"
            ))
            .await
            .unwrap();
        context
            .sql(&format!(
                "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{folder}/'"
            ))
            .await
            .unwrap();
        for (table, sum) in [("a", 3), ("t", 7)] {
            let plan = context
                .sql(&format!("SELECT sum(x) = {sum} AS right FROM {table}"))
                .await
                .unwrap();
            let plan = plan.into_optimized_plan().unwrap();
            let plan = resolve(&plan, &context.state()).await.unwrap();
            let codec = crate::codec::logical();
            let sent = LogicalPlanNode::try_from_logical_plan(&plan, codec.as_ref()).unwrap();
            let got = sent
                .try_into_logical_plan(&context.task_ctx(), codec.as_ref())
                .unwrap();
            let rows = context
                .execute_logical_plan(got)
                .await
                .unwrap()
                .collect()
                .await
                .unwrap();
            let shown = arrow::util::pretty::pretty_format_batches(&rows)
                .unwrap()
                .to_string();
            assert!(shown.contains("true"), "{table}: {shown}");
        }
    }
}
