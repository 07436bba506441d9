//! What tools ask before they show anything: what this server can do, which types it has, which tables there are.

use std::sync::Arc;

use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables, Nullable,
    Searchable, SqlInfo, SqlSupportedCaseSensitivity, SqlSupportedTransaction, XdbcDataType,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::TableType;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, stream};
use springald_core::protocol::VERSION;
use tonic::Status;

/// Tables whose files are looked at side by side.
const AT_ONCE: usize = 8;

/// Kinds of tables, in JDBC's words.
const TABLE: &str = "TABLE";
const VIEW: &str = "VIEW";
const TEMPORARY: &str = "LOCAL TEMPORARY";

pub(super) fn sql_info() -> Result<SqlInfoData, FlightError> {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "Springald");
    info.append(SqlInfo::FlightSqlServerVersion, VERSION);
    // The version of Arrow's format.
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.4");
    info.append(SqlInfo::FlightSqlServerReadOnly, false);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::None as i32,
    );
    // A client ends a query by dropping its call.
    info.append(SqlInfo::FlightSqlServerCancel, false);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, true);
    // Unquoted names are folded to lower case, quoted ones kept as they are. There is no value that says "kept"; this
    // is what Arrow's own server answers for it.
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32,
    );
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlCatalogAtStart, true);
    info.append(SqlInfo::SqlSupportsColumnAliasing, true);
    info.append(SqlInfo::SqlNullPlusNullIsNull, true);
    info.append(SqlInfo::SqlSupportsLikeEscapeClause, true);
    info.append(SqlInfo::SqlSupportsNonNullableColumns, true);
    info.append(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    info.append(SqlInfo::SqlSupportsOrderByUnrelated, true);
    info.build()
}

pub(super) fn type_info() -> Result<XdbcTypeInfoData, FlightError> {
    use XdbcDataType::{
        XdbcBigint, XdbcBit, XdbcDate, XdbcDecimal, XdbcDouble, XdbcFloat, XdbcInteger,
        XdbcSmallint, XdbcTime, XdbcTimestamp, XdbcTinyint, XdbcVarbinary, XdbcVarchar,
    };
    // Name, type, digits or length, and what stands before and after a literal.
    let types = [
        ("BOOLEAN", XdbcBit, Some(1), None),
        ("TINYINT", XdbcTinyint, Some(3), None),
        ("SMALLINT", XdbcSmallint, Some(5), None),
        ("INTEGER", XdbcInteger, Some(10), None),
        ("BIGINT", XdbcBigint, Some(19), None),
        ("FLOAT", XdbcFloat, Some(7), None),
        ("DOUBLE", XdbcDouble, Some(15), None),
        ("DECIMAL", XdbcDecimal, Some(38), None),
        ("VARCHAR", XdbcVarchar, None, Some(("'", "'"))),
        ("VARBINARY", XdbcVarbinary, None, Some(("X'", "'"))),
        ("DATE", XdbcDate, Some(10), Some(("DATE '", "'"))),
        ("TIME", XdbcTime, Some(18), Some(("TIME '", "'"))),
        (
            "TIMESTAMP",
            XdbcTimestamp,
            Some(29),
            Some(("TIMESTAMP '", "'")),
        ),
    ];
    let mut info = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, column_size, literal) in types {
        info.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type,
            column_size,
            literal_prefix: literal.map(|(before, _)| before.to_owned()),
            literal_suffix: literal.map(|(_, after)| after.to_owned()),
            create_params: (name == "DECIMAL")
                .then(|| vec!["precision".to_owned(), "scale".to_owned()]),
            nullable: Nullable::NullabilityNullable,
            case_sensitive: name == "VARCHAR",
            searchable: Searchable::Full,
            unsigned_attribute: None,
            fixed_prec_scale: name == "DECIMAL",
            auto_increment: None,
            local_type_name: Some(name.to_owned()),
            minimum_scale: None,
            maximum_scale: None,
            sql_data_type: data_type,
            datetime_subcode: None,
            num_prec_radix: None,
            interval_precision: None,
        });
    }
    info.build()
}

pub(super) fn catalogs(
    context: &SessionContext,
    asked: CommandGetCatalogs,
) -> Result<RecordBatch, Status> {
    let mut found = asked.into_builder();
    for catalog in context.catalog_names() {
        found.append(catalog);
    }
    found.build().map_err(Status::from)
}

pub(super) fn schemas(
    context: &SessionContext,
    asked: CommandGetDbSchemas,
) -> Result<RecordBatch, Status> {
    let mut found = asked.into_builder();
    for catalog in context.catalog_names() {
        for schema in context
            .catalog(&catalog)
            .iter()
            .flat_map(|c| c.schema_names())
        {
            found.append(&catalog, schema);
        }
    }
    found.build().map_err(Status::from)
}

/// A table whose definition cannot be planned now, because its files are gone, is listed without columns: whoever reads
/// it is told why.
pub(super) async fn tables(
    context: &SessionContext,
    asked: CommandGetTables,
) -> Result<RecordBatch, Status> {
    let mut found = asked.into_builder();
    for catalog_name in context.catalog_names() {
        let Some(catalog) = context.catalog(&catalog_name) else {
            continue;
        };
        for schema_name in catalog.schema_names() {
            let Some(schema) = catalog.schema(&schema_name) else {
                continue;
            };
            let tables = stream::iter(schema.table_names()).map(|name| {
                let schema = Arc::clone(&schema);
                async move {
                    let table = schema.table(&name).await;
                    (name, table)
                }
            });
            let mut tables = tables.buffered(AT_ONCE);
            while let Some((name, table)) = tables.next().await {
                let (kind, columns) = match table {
                    Ok(Some(table)) => (kind(table.table_type()), table.schema()),
                    Ok(None) => continue,
                    Err(e) => {
                        log::debug!("the columns of table {name} are not known: {e}");
                        (TABLE, Arc::new(Schema::empty()))
                    }
                };
                found.append(&catalog_name, &schema_name, name, kind, &columns)?;
            }
        }
    }
    found.build().map_err(Status::from)
}

pub(super) fn table_types(asked: CommandGetTableTypes) -> Result<RecordBatch, Status> {
    let mut types = asked.into_builder();
    for kind in [TABLE, VIEW, TEMPORARY] {
        types.append(kind);
    }
    types.build().map_err(Status::from)
}

fn kind(table: TableType) -> &'static str {
    match table {
        TableType::Base => TABLE,
        TableType::View => VIEW,
        TableType::Temporary => TEMPORARY,
    }
}

/// The columns of an answer about primary keys. There are none; tools ask all the same.
pub(super) fn primary_keys() -> SchemaRef {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

/// The columns of an answer about foreign keys, of which there are none either.
pub(super) fn foreign_keys() -> SchemaRef {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;

    use super::*;

    #[test]
    fn the_server_says_who_it_is() {
        let info = sql_info().unwrap();
        let asked = [SqlInfo::FlightSqlServerName as u32];
        assert_eq!(info.record_batch(asked).unwrap().num_rows(), 1);
        let types = type_info().unwrap().record_batch(None).unwrap();
        assert_eq!(types.num_rows(), 13);
    }

    #[tokio::test]
    async fn tables_and_views_are_told_apart_and_found_by_pattern() {
        let context = SessionContext::new();
        for sql in [
            "CREATE TABLE ants AS SELECT 1 AS n",
            "CREATE VIEW bees AS SELECT 2 AS n",
        ] {
            context.sql(sql).await.unwrap();
        }
        let found = |pattern: Option<&str>, kinds: &[&str]| {
            let asked = CommandGetTables {
                catalog: None,
                db_schema_filter_pattern: Some("pub%".to_owned()),
                table_name_filter_pattern: pattern.map(str::to_owned),
                table_types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
                include_schema: true,
            };
            tables(&context, asked)
        };
        let all = found(None, &[]).await.unwrap();
        let texts = |column: usize| -> Vec<String> {
            let column = all.column(column).as_string::<i32>();
            column.iter().flatten().map(str::to_owned).collect()
        };
        assert_eq!(texts(2), ["ants", "bees"]);
        assert_eq!(texts(3), ["TABLE", "VIEW"]);
        assert_eq!(found(Some("b%"), &[]).await.unwrap().num_rows(), 1);
        assert_eq!(found(None, &["TABLE"]).await.unwrap().num_rows(), 1);
        let schemas = schemas(
            &context,
            CommandGetDbSchemas {
                catalog: None,
                db_schema_filter_pattern: None,
            },
        );
        assert_eq!(schemas.unwrap().num_rows(), 1);
    }
}
