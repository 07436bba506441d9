//! `CACHE [LAZY] TABLE t [AS SELECT …]` and `UNCACHE TABLE [IF EXISTS] t`, as Spark has them.

use datafusion::catalog::SchemaProvider;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;

use super::Session;
use super::statement::plain_name;
use crate::error::{Error, Result};

impl Session {
    /// Keeps the rows of a table with the workers, under the table's name and for this session. Without `lazy` they
    /// are read now, else when first used. With a query the table is a view of this session.
    pub(super) async fn cache_table(
        &self,
        name: &ast::ObjectName,
        flag: Option<&ast::ObjectName>,
        query: Option<&ast::Query>,
    ) -> Result<DataFrame> {
        let lazy = match flag.map(ToString::to_string) {
            None => false,
            Some(flag) if flag.eq_ignore_ascii_case("lazy") => true,
            Some(flag) => {
                return Err(Error::invalid(format!("CACHE {flag} TABLE is not known"))
                    .with_hint("write CACHE TABLE t, or CACHE LAZY TABLE t"));
            }
        };
        let name = plain_name(&name.to_string())?;
        self.tables.uncache(&name);
        if let Some(query) = query {
            if self.tables.table_exist(&name) {
                return Err(Error::invalid(format!("table `{name}` is there already"))
                    .with_hint("choose another name, or DROP it first"));
            }
            let query = ast::Statement::Query(Box::new(query.clone()));
            let view = self.execute(Statement::Statement(Box::new(query))).await?;
            self.context
                .register_table(name.as_str(), view.into_view())?;
        }
        let cached = self.context.table(name.as_str()).await?.cache().await?;
        if let LogicalPlan::TableScan(scan) = cached.logical_plan() {
            self.tables.cache(name, source_as_provider(&scan.source)?);
        }
        if !lazy {
            cached.count().await?;
        }
        Ok(self.context.read_empty()?)
    }

    pub(super) fn uncache_table(
        &self,
        name: &ast::ObjectName,
        if_exists: bool,
    ) -> Result<DataFrame> {
        let name = plain_name(&name.to_string())?;
        if !self.tables.uncache(&name) && !if_exists {
            return Err(Error::invalid(format!("table `{name}` is not cached")));
        }
        Ok(self.context.read_empty()?)
    }
}
