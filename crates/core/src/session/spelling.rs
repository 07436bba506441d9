//! Columns whose names have capitals: SQL folds unquoted names to lower case, Spark's users expect either spelling to
//! be found.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{self, Ident, visit_expressions_mut, visit_relations};

use super::Session;

impl Session {
    /// The statement with its names spelled as the columns of its tables are, where only the case differs and one
    /// column alone can be meant; `None` if that changes nothing. For a statement that could not be planned as it is.
    pub(super) async fn respelled(&self, statement: &Statement) -> Option<Statement> {
        let Statement::Statement(statement) = statement else {
            return None;
        };
        let mut tables = vec![];
        let _ = visit_relations(statement, |name| {
            tables.push(name.clone());
            ControlFlow::<()>::Continue(())
        });
        let mut columns = BTreeSet::new();
        for name in tables {
            let Ok(table) = object_name_to_table_reference(name, true) else {
                continue;
            };
            if let Ok(table) = self.context.table_provider(table).await {
                let schema = table.schema();
                columns.extend(schema.fields().iter().map(|f| f.name().clone()));
            }
        }
        let mut respelled = statement.clone();
        let mut changed = false;
        let _ = visit_expressions_mut(respelled.as_mut(), |expr| {
            match expr {
                ast::Expr::Identifier(name) => changed |= respell(name, &columns),
                ast::Expr::CompoundIdentifier(parts) => {
                    for part in parts {
                        changed |= respell(part, &columns);
                    }
                }
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        });
        changed.then_some(Statement::Statement(respelled))
    }
}

fn respell(name: &mut Ident, columns: &BTreeSet<String>) -> bool {
    let folded = name.value.to_lowercase();
    let wanted = match name.quote_style {
        Some(_) => &name.value,
        None => &folded,
    };
    if columns.contains(wanted) {
        return false;
    }
    let mut found = columns.iter().filter(|c| c.to_lowercase() == folded);
    let (Some(column), None) = (found.next(), found.next()) else {
        return false;
    };
    *name = Ident::with_quote('"', column.clone());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master_url::MasterUrl;

    #[tokio::test]
    async fn either_spelling_is_found() {
        let session = Session::connect(&MasterUrl::Local { threads: Some(1) }, &[])
            .await
            .unwrap();
        session
            .sql("CREATE VIEW v AS SELECT 1 AS \"Id\", 2 AS \"aB\", 3 AS \"AB\"")
            .await
            .unwrap();
        for sql in [
            "SELECT id FROM v WHERE ID = 1",
            "SELECT t.iD, count(*) FROM v AS t GROUP BY t.Id",
            "SELECT \"Id\" FROM v",
            "SELECT `id` FROM v ORDER BY ID",
        ] {
            assert_eq!(
                session.sql(sql).await.unwrap().count().await.unwrap(),
                1,
                "{sql}"
            );
        }
        // Two columns could be meant.
        assert!(session.sql("SELECT ab FROM v").await.is_err());
        assert!(session.sql("SELECT other FROM v").await.is_err());
    }
}
