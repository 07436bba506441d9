//! Statements: what DataFusion runs as it is, and what a cluster with a shared volume and a lasting catalog
//! does in its own way.

use std::path::{Path, PathBuf};

use datafusion::catalog::SchemaProvider;
use datafusion::datasource::listing::ListingTable;
use datafusion::logical_expr::{LogicalPlan, Statement as LogicalStatement, WriteOp};
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, ObjectType};

use super::spark_sql::{self, Relation, Titles};
use super::{Session, is_planning};
use crate::error::{Error, Result};
use crate::protocol::CatalogEntry;

impl Session {
    /// Runs a statement; with `spark`, names that Spark and DataFusion have for other things are Spark's, and the
    /// texts of columns without a name are told.
    pub(super) async fn run(
        &self,
        sql: &str,
        spark: bool,
    ) -> Result<(DataFrame, Vec<Option<String>>)> {
        let mut statement = spark_sql::parse(&self.context.state(), sql)?;
        let titles = match spark {
            true => Titles::of(&statement),
            false => Titles::default(),
        };
        let changed = spark_sql::rewrite(&mut statement)?;
        let relations = spark_sql::relations(&mut statement, spark);
        if !relations.is_empty() && self.is_lasting_view(&statement) {
            return Err(
                Error::invalid("a view of the cluster's catalog reads tables alone").with_hint(
                    "make a table of what it reads: CREATE EXTERNAL TABLE t STORED AS … LOCATION '…'",
                ),
            );
        }
        let frames = self.frames_of(relations).await?;
        let mut names = vec![];
        for frame in frames {
            let name = format!("_relation_{}", uuid::Uuid::new_v4().simple());
            self.context
                .register_table(name.as_str(), frame.into_view())?;
            names.push(name);
        }
        spark_sql::place(&mut statement, spark, names.clone());
        let text = match changed {
            true => statement.to_string(),
            false => sql.to_owned(),
        };
        let done = self.run_statement(statement, &text).await;
        for name in names {
            self.context.deregister_table(name.as_str())?;
        }
        let done = done?;
        let columns = done.schema().fields().len();
        Ok((done, titles.over(columns)))
    }

    fn is_lasting_view(&self, statement: &Statement) -> bool {
        let Statement::Statement(inner) = statement else {
            return false;
        };
        let is_lasting =
            matches!(inner.as_ref(), ast::Statement::CreateView(view) if !view.temporary);
        self.cluster.is_some() && is_lasting
    }

    async fn frames_of(&self, relations: Vec<Relation>) -> Result<Vec<DataFrame>> {
        let mut frames = Vec::with_capacity(relations.len());
        for relation in relations {
            frames.push(match relation {
                Relation::Files { format, path } => {
                    let format = Some(format.as_str());
                    self.read_files(&[path], format, None, &[]).await?
                }
                Relation::Range { start, end, step } => self.range(start, end, step, None).await?,
            });
        }
        Ok(frames)
    }

    async fn run_statement(&self, statement: Statement, sql: &str) -> Result<DataFrame> {
        let state = self.context.state();
        let dialect = state.config_options().sql_parser.dialect;
        match &statement {
            Statement::CreateExternalTable(table) => {
                let name = table.name.to_string();
                let keep = !table.temporary;
                // Who has the name keeps it, in the cluster's catalog as in this session.
                if table.if_not_exists
                    && plain_name(&name).is_ok_and(|name| self.tables.table_exist(&name))
                {
                    return Ok(self.context.read_empty()?);
                }
                let sql = absolute_locations(sql, &table.locations)?;
                let done = self
                    .execute(state.sql_to_statement(&sql, &dialect)?)
                    .await?;
                if keep {
                    self.remember(&name, &sql).await?;
                }
                Ok(done)
            }
            Statement::Statement(inner) => match inner.as_ref() {
                ast::Statement::CreateTable(table) if !table.temporary => {
                    self.create_table(table.clone()).await
                }
                ast::Statement::CreateView(view) => {
                    let name = view.name.to_string();
                    if !view.temporary {
                        let done = self.execute(statement).await?;
                        self.remember(&name, sql).await?;
                        return Ok(done);
                    }
                    // The session's views are all that DataFusion has, and it calls none of them temporary.
                    let mut view = view.clone();
                    view.temporary = false;
                    let view = ast::Statement::CreateView(view);
                    self.execute(Statement::Statement(Box::new(view))).await
                }
                ast::Statement::Drop {
                    object_type: ObjectType::Table | ObjectType::View,
                    names,
                    ..
                } => {
                    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
                    self.drop_tables(&names, statement).await
                }
                ast::Statement::Cache {
                    table_name,
                    table_flag,
                    query,
                    ..
                } => {
                    self.cache_table(table_name, table_flag.as_ref(), query.as_deref())
                        .await
                }
                ast::Statement::UNCache {
                    table_name,
                    if_exists,
                } => self.uncache_table(table_name, *if_exists),
                ast::Statement::Insert(insert) => {
                    // What was cached is not all of the table any more.
                    if let Ok(name) = plain_name(&insert.table.to_string()) {
                        self.tables.uncache(&name);
                    }
                    self.execute(statement).await
                }
                _ => self.execute(statement).await,
            },
            _ => self.execute(statement).await,
        }
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<DataFrame> {
        let state = self.context.state();
        let plan = match state.statement_to_plan(statement.clone()).await {
            Err(e) if is_planning(&e) => match self.respelled(&statement).await {
                Some(respelled) => state.statement_to_plan(respelled).await?,
                None => return Err(e.into()),
            },
            plan => plan?,
        };
        match plan {
            LogicalPlan::Copy(copy) => self.copy(copy).await,
            LogicalPlan::Dml(insert) if matches!(insert.op, WriteOp::Insert(_)) => {
                self.insert(insert).await
            }
            LogicalPlan::Statement(LogicalStatement::SetVariable(set)) => {
                self.set(&set.variable, &set.value)?;
                Ok(self.context.read_empty()?)
            }
            plan => Ok(self.context.execute_logical_plan(plan).await?),
        }
    }

    /// `CREATE TABLE … AS SELECT …` and `CREATE TABLE t (a INT, …)`: Parquet files under `warehouse`, and an
    /// external table over them.
    async fn create_table(&self, mut table: ast::CreateTable) -> Result<DataFrame> {
        if table.external {
            return Err(
                Error::invalid("this is not how an external table is written")
                    .with_hint("write CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '…'"),
            );
        }
        let name = table.name.to_string();
        let simple = plain_name(&name)?;
        if self.tables.table_exist(&simple) {
            if table.if_not_exists {
                return Ok(self.context.read_empty()?);
            }
            if !table.or_replace {
                return Err(Error::invalid(format!("table `{name}` is there already"))
                    .with_hint("DROP TABLE it first, or use CREATE OR REPLACE TABLE"));
            }
        }
        let folder = self.new_warehouse_folder(&simple);
        let columns = match table.query.take() {
            Some(query) if table.columns.is_empty() => {
                let select = ast::Statement::Query(query);
                let plan = self
                    .context
                    .state()
                    .statement_to_plan(Statement::Statement(Box::new(select)))
                    .await?;
                self.write_parquet(plan, &folder).await?;
                String::new()
            }
            Some(_) => {
                return Err(
                    Error::invalid("CREATE TABLE … AS takes its columns from the query")
                        .with_hint("leave the list of columns out, or CAST in the query"),
                );
            }
            None => {
                let columns: Vec<_> = table.columns.iter().map(ToString::to_string).collect();
                format!("({}) ", columns.join(", "))
            }
        };
        // The folder that a replaced table leaves is removed only when the new one is in place.
        let replaced = self.managed_folder(&simple).await;
        let sql = format!(
            "CREATE OR REPLACE EXTERNAL TABLE {name} {columns}STORED AS PARQUET LOCATION '{}/'",
            folder.display().to_string().replace('\'', "''")
        );
        let state = self.context.state();
        let dialect = state.config_options().sql_parser.dialect;
        let done = self
            .execute(state.sql_to_statement(&sql, &dialect)?)
            .await?;
        self.remember(&name, &sql).await?;
        if let Some(old) = replaced {
            remove_folder(&old);
        }
        Ok(done)
    }

    async fn drop_tables(&self, names: &[String], statement: Statement) -> Result<DataFrame> {
        let mut folders = vec![];
        for name in names {
            if let Ok(simple) = plain_name(name) {
                self.tables.uncache(&simple);
                folders.extend(self.managed_folder(&simple).await);
            }
        }
        let done = self.execute(statement).await?;
        if let Some(cluster) = &self.cluster {
            for name in names {
                if let Ok(simple) = plain_name(name) {
                    match cluster.rest().delete_catalog(&simple).await {
                        // Not all names are of the catalog, and IF EXISTS may name what nobody knows.
                        Ok(()) | Err(Error::Invalid { .. }) => {}
                        Err(e) => return Err(e),
                    }
                }
            }
        }
        folders.iter().for_each(|folder| remove_folder(folder));
        Ok(done)
    }

    /// Writes a definition into the cluster's catalog, for the sessions to come.
    async fn remember(&self, name: &str, sql: &str) -> Result<()> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        let entry = CatalogEntry {
            name: plain_name(name)?,
            sql: sql.trim().trim_end_matches(';').to_owned(),
        };
        cluster.rest().put_catalog(&entry).await
    }

    fn new_warehouse_folder(&self, name: &str) -> PathBuf {
        let folder = self.workspace.join("warehouse").join(name);
        if folder.exists() {
            let unique = uuid::Uuid::new_v4().simple().to_string();
            return folder.with_file_name(format!("{name}-{}", &unique[..8]));
        }
        folder
    }

    /// The folder of a table whose files are ours to remove: one under `warehouse`.
    async fn managed_folder(&self, name: &str) -> Option<PathBuf> {
        let table = self.tables.table(name).await.ok()??;
        let listing = table.downcast_ref::<ListingTable>()?;
        let [url] = listing.table_paths().as_slice() else {
            return None;
        };
        let folder = PathBuf::from(format!("/{}", url.prefix()));
        let warehouse = self.workspace.join("warehouse");
        (url.scheme() == "file" && folder.parent() == Some(&warehouse)).then_some(folder)
    }
}

/// Cuts a script at its semicolons; those in quotes, comments and dollar quotes are text. The pieces keep
/// their own line breaks, and are trimmed; empty ones are left out.
pub fn split_statements(script: &str) -> Vec<&str> {
    let bytes = script.as_bytes();
    let mut pieces = vec![];
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let rest = &script.as_bytes()[at..];
        at += match rest {
            [b'\'' | b'"' | b'`', ..] => 1 + until(&rest[1..], &rest[..1]),
            [b'-', b'-', ..] => 2 + until(&rest[2..], b"\n"),
            [b'/', b'*', ..] => 2 + until(&rest[2..], b"*/"),
            [b'$', b'$', ..] => 2 + until(&rest[2..], b"$$"),
            [b';', ..] => {
                pieces.push(&script[start..at]);
                start = at + 1;
                1
            }
            _ => 1,
        };
    }
    pieces.push(&script[start..]);
    pieces
        .into_iter()
        .map(str::trim)
        .filter(|piece| !is_blank(piece))
        .collect()
}

/// Bytes up to and with `end`, or all of them.
fn until(text: &[u8], end: &[u8]) -> usize {
    text.windows(end.len())
        .position(|window| window == end)
        .map_or(text.len(), |at| at + end.len())
}

/// Nothing but white space and comments.
fn is_blank(piece: &str) -> bool {
    let mut rest = piece.trim_start();
    loop {
        let skipped = if rest.starts_with("--") {
            2 + until(&rest.as_bytes()[2..], b"\n")
        } else if rest.starts_with("/*") {
            2 + until(&rest.as_bytes()[2..], b"*/")
        } else {
            return rest.is_empty();
        };
        rest = rest[skipped..].trim_start();
    }
}

/// The statement with its relative locations made absolute: another process reads them from another folder.
fn absolute_locations(sql: &str, locations: &[String]) -> Result<String> {
    let mut sql = sql.to_owned();
    for location in locations {
        if location.contains("://") || location.starts_with('/') {
            continue;
        }
        let mut path = std::path::absolute(location)
            .map_err(|e| Error::invalid(format!("`{location}` is no path: {e}")))?
            .display()
            .to_string();
        if location.ends_with('/') && !path.ends_with('/') {
            path.push('/');
        }
        let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
        sql = sql.replace(&quote(location), &quote(&path));
    }
    Ok(sql)
}

/// The bare name of a table of the session's schema, as it is kept: unquoted names are lower case.
pub(super) fn plain_name(name: &str) -> Result<String> {
    use datafusion::common::TableReference;
    match TableReference::parse_str(name) {
        TableReference::Bare { table } => Ok(table.to_string()),
        TableReference::Partial { schema, table } if &*schema == "public" => Ok(table.to_string()),
        TableReference::Full {
            catalog,
            schema,
            table,
        } if &*schema == "public" && &*catalog == "datafusion" => Ok(table.to_string()),
        _ => Err(Error::invalid(format!(
            "`{name}` is in another schema; tables here are made in `public`"
        ))),
    }
}

fn remove_folder(folder: &Path) {
    // A client that does not mount the volume leaves the files; they are no table's any more.
    if folder.is_dir()
        && let Err(e) = std::fs::remove_dir_all(folder)
    {
        log::warn!(
            "the files of the dropped table stay in {}: {e}",
            folder.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master_url::MasterUrl;

    #[test]
    fn scripts_are_cut_at_semicolons_only() {
        let script = "SELECT ';' ; -- a; b\nSELECT \"x;y\";\n/* ; */ SELECT 'it''s;' ;;\n-- end";
        assert_eq!(
            split_statements(script),
            [
                "SELECT ';'",
                "-- a; b\nSELECT \"x;y\"",
                "/* ; */ SELECT 'it''s;'"
            ]
        );
        assert!(split_statements(" ; -- only a comment\n").is_empty());
        assert_eq!(
            split_statements("SELECT 'ü;ö'; SELECT 1"),
            ["SELECT 'ü;ö'", "SELECT 1"]
        );
    }

    #[test]
    fn locations_become_absolute() {
        let sql = absolute_locations("… LOCATION 'a/b/' …", &["a/b/".into()]).unwrap();
        assert!(sql.contains("'/") && sql.contains("/a/b/'"), "{sql}");
        let sql = absolute_locations("… LOCATION 's3://x/y'", &["s3://x/y".into()]).unwrap();
        assert!(sql.contains("'s3://x/y'"));
    }

    #[tokio::test]
    async fn definitions_of_the_catalog_are_planned_when_used() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.csv"), "a,b\n1,2\n").unwrap();
        let session = Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap();
        let entry = |name: &str, sql: String| CatalogEntry {
            name: name.into(),
            sql,
        };
        session.tables.define(vec![
            entry(
                "t",
                format!(
                    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{}/'",
                    dir.path().display()
                ),
            ),
            entry("v", "CREATE VIEW v AS SELECT a + b AS c FROM t".into()),
        ]);
        assert_eq!(
            session
                .sql("SELECT * FROM v WHERE c = 3")
                .await
                .unwrap()
                .count()
                .await
                .unwrap(),
            1
        );
        session.sql("DROP VIEW v").await.unwrap();
        assert!(session.sql("SELECT * FROM v").await.is_err());
    }

    #[tokio::test]
    async fn a_table_made_from_a_query_is_parquet_in_the_warehouse() {
        let dir = tempfile::tempdir().unwrap();
        let mut session = Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap();
        session.workspace = dir.path().to_owned();
        session
            .sql("CREATE TABLE t AS SELECT 1 AS a UNION ALL SELECT 2")
            .await
            .unwrap();
        assert!(dir.path().join("warehouse/t").is_dir());
        session.sql("INSERT INTO t VALUES (3), (4)").await.unwrap();
        let count = session
            .sql("SELECT sum(a) FROM t")
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        let shown = arrow::util::pretty::pretty_format_batches(&count)
            .unwrap()
            .to_string();
        assert!(shown.contains("10"), "{shown}");
        assert!(
            session
                .sql("CREATE TABLE t AS SELECT 1 AS b")
                .await
                .is_err()
        );
        session
            .sql("CREATE OR REPLACE TABLE t AS SELECT 7 AS b")
            .await
            .unwrap();
        assert_eq!(
            session
                .sql("SELECT b FROM t")
                .await
                .unwrap()
                .count()
                .await
                .unwrap(),
            1
        );
        session.sql("DROP TABLE t").await.unwrap();
        let left: Vec<_> = std::fs::read_dir(dir.path().join("warehouse"))
            .unwrap()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
