//! The tables a session knows: its own, those of the cluster's catalog, and every path.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::catalog::{MemoryCatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::parser::Statement;
use parking_lot::RwLock;

use super::tables::table_at;
use crate::error::{Error, nearest};
use crate::protocol::CatalogEntry;

/// The schema `public` of a session. A name is looked for among its cached tables, then its own, then among the
/// cluster's definitions, which are planned when first used; a name with a slash or an ending is a path.
#[derive(Default)]
pub(super) struct SessionTables {
    own: RwLock<HashMap<String, Arc<dyn TableProvider>>>,
    /// Tables that stand for others of that name, with their rows cached.
    cached: RwLock<HashMap<String, Arc<dyn TableProvider>>>,
    /// Statements of the cluster's catalog by name.
    definitions: RwLock<BTreeMap<String, String>>,
    /// Plans definitions; set once, as the context holds this schema and this the context.
    context: OnceLock<std::sync::Weak<SessionContext>>,
}

impl std::fmt::Debug for SessionTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionTables")
            .field("names", &self.table_names())
            .finish()
    }
}

impl SessionTables {
    pub(super) fn attach(&self, context: &Arc<SessionContext>) {
        // A second attach would be of the same session.
        let _ = self.context.set(Arc::downgrade(context));
    }

    pub(super) fn define(&self, entries: Vec<CatalogEntry>) {
        *self.definitions.write() = entries.into_iter().map(|e| (e.name, e.sql)).collect();
    }

    /// Says what a name that is not there may have meant.
    pub(super) fn suggest(&self, name: &str) -> Option<String> {
        let names = self.table_names();
        nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    pub(super) fn cache(&self, name: String, table: Arc<dyn TableProvider>) {
        self.cached.write().insert(name, table);
    }

    /// Whether the table was cached.
    pub(super) fn uncache(&self, name: &str) -> bool {
        self.cached.write().remove(name).is_some()
    }

    fn context(&self) -> Result<Arc<SessionContext>> {
        self.context
            .get()
            .and_then(std::sync::Weak::upgrade)
            .ok_or_else(|| Error::failed("the session has ended").into())
    }

    async fn plan_definition(&self, name: &str, sql: &str) -> Result<Arc<dyn TableProvider>> {
        let state = self.context()?.state();
        let statement = state.sql_to_statement(sql, &state.config_options().sql_parser.dialect)?;
        // The planner looks up the name of the external table that it is to make, which would come back here.
        let planner = match &statement {
            Statement::CreateExternalTable(_) => {
                SessionStateBuilder::new_from_existing(state.clone())
                    .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
                    .build()
            }
            _ => state.clone(),
        };
        match planner.statement_to_plan(statement).await? {
            LogicalPlan::Ddl(DdlStatement::CreateExternalTable(cmd)) => {
                let kind = cmd.file_type.to_uppercase();
                let factory = state.table_factories().get(&kind).ok_or_else(|| {
                    Error::failed(format!("table `{name}` is of the unknown format {kind}"))
                })?;
                factory.create(&state, &cmd).await
            }
            LogicalPlan::Ddl(DdlStatement::CreateView(view)) => Ok(Arc::new(ViewTable::new(
                view.input.as_ref().clone(),
                view.definition,
            ))),
            _ => Err(Error::failed(format!(
                "the catalog's entry for `{name}` makes no table: {sql}"
            ))
            .into()),
        }
    }
}

#[async_trait]
impl SchemaProvider for SessionTables {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.own.read().keys().cloned().collect();
        names.extend(self.definitions.read().keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        for tables in [&self.cached, &self.own] {
            let table = tables.read().get(name).cloned();
            if table.is_some() {
                return Ok(table);
            }
        }
        let definition = self.definitions.read().get(name).cloned();
        if let Some(sql) = definition {
            let table = self.plan_definition(name, &sql).await?;
            self.own.write().insert(name.to_owned(), Arc::clone(&table));
            return Ok(Some(table));
        }
        if is_path(name) {
            let state = self.context()?.state();
            return table_at(&state, name, None).await.map(Some);
        }
        Ok(None)
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        self.uncache(&name);
        Ok(self.own.write().insert(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let defined = self.definitions.write().remove(name).is_some();
        let own = self.own.write().remove(name);
        // DROP asks what was there; a definition that nobody has used yet was there too.
        Ok(own.or_else(|| defined.then(empty_table)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.own.read().contains_key(name) || self.definitions.read().contains_key(name)
    }
}

/// Whether a quoted name is a path: it has a folder, a scheme, a glob, or the ending of a file that is there.
fn is_path(name: &str) -> bool {
    name.contains(['/', '*']) || (name.contains('.') && std::path::Path::new(name).exists())
}

fn empty_table() -> Arc<dyn TableProvider> {
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    Arc::new(datafusion::datasource::empty::EmptyTable::new(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names() {
        assert!(is_path("/data/x.parquet"));
        assert!(is_path("s3://bucket/x"));
        assert!(is_path("logs/*.csv"));
        assert!(!is_path("lineitem"));
        assert!(!is_path("no.such"));
    }
}
